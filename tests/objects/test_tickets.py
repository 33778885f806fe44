"""Claim tickets: a maker's word for one object, one service, one week."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.kit.crypto import b64u
from app.kit.jsonio import dumps
from app.objects.errors import TicketInvalid
from app.objects.models import UsedTicket
from app.objects.tickets import forget_old, read_ticket
from tests.factories.objects import make_maker, make_object, make_product, make_ticket

HERE = "https://things.example"


class Shop:
    """A maker with a ticket key and an object."""

    def __init__(self, db: Session, clock: FixedClock, key: Any) -> None:
        self.db, self.clock, self.key = db, clock, key
        self.maker = make_maker(db, clock, ticket_key=key.as_dict(private=False))
        self.object_id = make_object(db, clock, make_product(db, clock, self.maker)).object_id

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.maker.slug,
            "sub": str(self.object_id),
            "aud": HERE,
            "iat": now,
            "exp": now + 7 * 86400,
            "jti": "ticket-1",
        }
        merged = claims | changes
        return {name: value for name, value in merged.items() if value is not None}

    def refuses(self, text: str) -> None:
        with pytest.raises(TicketInvalid):
            read_ticket(self.db, self.clock, text, HERE)


@pytest.fixture
def shop(db: Session, clock: FixedClock) -> Shop:
    return Shop(db, clock, ECKey.generate_key("P-256"))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256"), "ES256"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
        (RSAKey.generate_key(2048), "PS256"),
    ],
)
def test_ticket_of_each_algorithm_is_read(
    db: Session, clock: FixedClock, key: Any, algorithm: str
) -> None:
    shop = Shop(db, clock, key)
    since = int(clock.now().timestamp()) - 86400
    ticket = read_ticket(db, clock, make_ticket(key, shop.claims(since=since), alg=algorithm), HERE)
    assert ticket.object_id == shop.object_id
    assert ticket.since == clock.now() - timedelta(days=1)
    assert ticket.issued_at == clock.now()
    assert ticket.expires_at == clock.now() + timedelta(days=7)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example"},
        {"aud": [HERE, "https://other.example"]},
        {"iss": "other"},
        {"sub": str(uuid4())},
        {"sub": "not an id"},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"jti": 7},
        {"sub": None},
        {"exp": "tomorrow"},
        {"exp": 1e300},
        {"since": "yesterday"},
    ],
)
def test_ticket_with_other_claims_is_refused(shop: Shop, changes: dict[str, Any]) -> None:
    shop.refuses(make_ticket(shop.key, shop.claims(**changes)))


def test_ticket_lives_at_most_seven_days(shop: Shop, clock: FixedClock) -> None:
    now = int(clock.now().timestamp())
    shop.refuses(make_ticket(shop.key, shop.claims(exp=now + 7 * 86400 + 1)))
    shop.refuses(make_ticket(shop.key, shop.claims(iat=now + 120, exp=now + 3600)))
    text = make_ticket(shop.key, shop.claims(exp=now + 60))
    clock.advance(59)
    assert read_ticket(shop.db, clock, text, HERE).object_id == shop.object_id
    clock.advance(1)
    shop.refuses(text)


def test_only_the_objects_own_maker_can_sign(db: Session, shop: Shop, clock: FixedClock) -> None:
    key = ECKey.generate_key("P-256")
    other = make_maker(db, clock, "Other", ticket_key=key.as_dict(private=False))
    shop.refuses(make_ticket(key, shop.claims()))
    shop.refuses(make_ticket(key, shop.claims(iss=other.slug)))


def test_header_does_not_choose_the_algorithm(shop: Shop) -> None:
    none = ".".join(
        [b64u(dumps({"alg": "none", "typ": "claim-ticket+jwt"})), b64u(dumps(shop.claims())), ""]
    )
    shop.refuses(none)
    public = OctKey.import_key(dumps(shop.key.as_dict(private=False)))
    shop.refuses(make_ticket(public, shop.claims(), alg="HS256"))


def test_ticket_of_another_type_is_refused(shop: Shop) -> None:
    shop.refuses(make_ticket(shop.key, shop.claims(), typ="JWT"))
    head = {"alg": "ES256"}
    shop.refuses(jwt.encode(head, shop.claims(), shop.key, algorithms=["ES256"]))


def test_changed_ticket_is_refused(shop: Shop) -> None:
    head, body, signature = make_ticket(shop.key, shop.claims()).split(".")
    other = b64u(dumps(shop.claims(since=0)))
    shop.refuses(f"{head}.{other}.{signature}")
    shop.refuses(f"{head}.{body}.{b64u(bytes(64))}")


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a.b.c", "....", f"x.{b64u(b'[1]')}.y", f"x.{b64u(b'{{')}.y", "ä.ö.ü", "x" * 5000],
)
def test_what_is_no_ticket_is_refused(shop: Shop, text: str) -> None:
    shop.refuses(text)


def test_writing_the_signature_another_way_makes_no_second_ticket(
    shop: Shop, clock: FixedClock
) -> None:
    """ECDSA signatures are malleable and each signing differs; what is burnt must not."""
    one = read_ticket(shop.db, clock, make_ticket(shop.key, shop.claims()), HERE)
    two = read_ticket(shop.db, clock, make_ticket(shop.key, shop.claims()), HERE)
    other = read_ticket(shop.db, clock, make_ticket(shop.key, shop.claims(jti="2")), HERE)
    assert one.ticket_hash == two.ticket_hash != other.ticket_hash


def test_used_tickets_are_forgotten_when_they_have_expired(db: Session, clock: FixedClock) -> None:
    db.add(UsedTicket(ticket_hash=bytes(32), expires_at=clock.now() + timedelta(days=1)))
    db.flush()
    assert forget_old(db.connection(), clock) == 0
    clock.advance(timedelta(days=1))
    assert forget_old(db.connection(), clock) == 1
