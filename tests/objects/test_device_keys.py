"""Keys of devices: which are taken, when they count, and that revoked is for ever."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.kit.crypto import b64u
from app.kit.db import Database
from app.kit.errors import DomainError
from app.kit.ids import new_id
from app.objects.device_keys import (
    LONGEST,
    MOST_LIVE,
    MOST_SHOWN,
    KeySpec,
    keys_at,
    list_keys,
    register_key,
    revoke_key,
)
from app.objects.errors import (
    DeviceKeyInvalid,
    KeyConflict,
    KeyPrivate,
    KeyWindowInvalid,
    TooManyKeys,
    UnknownKey,
    UnknownObject,
)
from app.objects.jwk import read_jwk
from app.objects.models import ObjectKey
from tests.factories.device_keys import Device
from tests.factories.objects import make_maker, make_object, make_product

# RFC 8037, appendix A.2 and A.3.
EXAMPLE = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
P = 2**255 - 19
SECOND = timedelta(seconds=1)


class Shop:
    """A maker with an object that gets keys."""

    def __init__(self, db: Session, clock: FixedClock) -> None:
        self.db, self.clock = db, clock
        self.maker = make_maker(db, clock)
        self.product = make_product(db, clock, self.maker)
        self.object_id = make_object(db, clock, self.product).object_id

    def register(self, device: Device, **changes: Any) -> ObjectKey:
        spec = KeySpec.model_validate(device.spec(self.clock, **changes))
        return register_key(self.db, self.clock, self.maker.org_id, self.object_id, spec)

    def revoke(self, key_id: str) -> None:
        revoke_key(self.db, self.clock, self.maker.org_id, self.object_id, key_id)

    def listed(self) -> list[str]:
        found = list_keys(self.db, self.clock, self.maker.org_id, self.object_id)
        return [key.key_id for key in found]

    def counting(self, at: datetime | None = None) -> list[str]:
        self.db.flush()
        found = keys_at(self.db.connection(), [self.object_id], at or self.clock.now())
        return [key.key_id for key in found.get(self.object_id, [])]


@pytest.fixture
def shop(db: Session, clock: FixedClock) -> Shop:
    return Shop(db, clock)


def test_thumbprint_is_that_of_the_rfc() -> None:
    key = read_jwk(EXAMPLE)
    assert (key.key_id, key.alg, key.jwk) == (THUMBPRINT, "Ed25519", EXAMPLE)


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_only_the_public_members_that_make_a_key_are_kept(alg: str) -> None:
    device = Device(alg)
    more = {"kid": "mine", "use": "sig", "alg": alg, "key_ops": ["verify"], "ext": True, "zz": [1]}
    assert read_jwk(device.jwk() | more) == device.key
    assert device.key.jwk == device.jwk()


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_private_key_is_refused_with_the_advice_to_keep_it(alg: str, member: str) -> None:
    secret = b64u(b"s" * 32)
    with pytest.raises(KeyPrivate, match="keep it") as refused:
        read_jwk(Device(alg).jwk() | {member: secret})
    assert secret not in str(vars(refused.value))


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "oct"},
        {"kty": None},
        {"kty": "okp"},
        {"kty": ["OKP"]},
        {"crv": "X25519"},
        {"crv": "Ed448"},
        {"crv": "P-256"},
        {"crv": "secp256k1", "kty": "EC"},
        {"crv": None},
        {"x": None},
        {"x": 7},
        {"x": ""},
        {"x": EXAMPLE["x"] + "="},
        {"x": EXAMPLE["x"] + "A"},
        {"x": EXAMPLE["x"][:-1]},
        {"x": EXAMPLE["x"][:-1] + "p"},  # the same bytes, spelt another way
        {"x": " " + EXAMPLE["x"]},
        {"x": EXAMPLE["x"][:20] + "\n" + EXAMPLE["x"][20:]},
        {"x": EXAMPLE["x"].replace("_", "/")},
        {"x": "ü" * 43},
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"alg": "ES256"},
        {"alg": "none"},
        {"alg": ["Ed25519"]},
    ],
)
def test_what_is_no_key_to_sign_with_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DeviceKeyInvalid) as refused:
        read_jwk(EXAMPLE | changes)
    assert refused.value.field == "/jwk"


def in_order_of(point: int) -> dict[str, str]:
    return EXAMPLE | {"x": b64u(point.to_bytes(32, "little"))}


# Every encoding of the eight points of small order, canonical or not, with either sign.
SMALL = [
    int.from_bytes(bytes.fromhex(text), "little")
    for text in (
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    )
] + [0, 1, P - 1, P, P + 1]


@pytest.mark.parametrize("point", [y | sign << 255 for y in SMALL for sign in (0, 1)])
def test_ed25519_point_of_small_order_is_refused(point: int) -> None:
    """With the point 1 anybody could sign anything, and `cryptography` would say so."""
    with pytest.raises(DeviceKeyInvalid):
        read_jwk(in_order_of(point))


def test_cryptography_alone_would_take_a_key_that_anybody_signs_with() -> None:
    """Why the point is looked at here. If this fails one day, `cryptography` does it itself."""
    nothing = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(nothing).verify(nothing + bytes(32), b"anything")


def test_ed25519_point_beside_the_curve_is_refused() -> None:
    d = -121665 * pow(121666, -1, P)
    for y in range(2, 60):
        x_squared = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
        is_point = any(root * root % P == x_squared for root in roots(x_squared))
        try:
            read_jwk(in_order_of(y))
        except DeviceKeyInvalid:
            assert not is_point
        else:
            assert is_point
    with pytest.raises(DeviceKeyInvalid):
        read_jwk(in_order_of(P + 3))  # y = 3 is on the curve, but is not written so


def roots(square: int) -> list[int]:
    """Candidates as RFC 8032 §5.1.3 finds them."""
    root = pow(square, (P + 3) // 8, P)
    return [root, root * pow(2, (P - 1) // 4, P) % P]


def test_p256_point_beside_the_curve_is_refused() -> None:
    jwk = Device("ES256").jwk()
    zero, more = b64u(bytes(32)), b64u(b"\xff" * 32)
    for changes in (
        {"x": jwk["y"], "y": jwk["x"]},
        {"y": zero},
        {"x": zero, "y": zero},
        {"x": more},
        {"x": b64u(bytes(1) + b"\1" * 32)},
        {"x": b64u(b"\1" * 31)},
        {"y": None},
        {"crv": "P-384"},
    ):
        with pytest.raises(DeviceKeyInvalid):
            read_jwk(jwk | changes)


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_key_is_registered_and_read_back(shop: Shop, alg: str) -> None:
    device = Device(alg)
    made = shop.register(device)
    shop.db.expire_all()
    now = shop.clock.now()
    assert (made.jwk, made.alg) == (device.jwk(), alg)
    assert (made.not_before, made.not_after) == (now, now + timedelta(days=365))
    assert (made.registered_at, made.revoked_at) == (now, None)
    found = keys_at(shop.db.connection(), [shop.object_id], now)
    assert found == {shop.object_id: [device.key]}


def test_key_counts_exactly_from_not_before_until_not_after(shop: Shop) -> None:
    now, device = shop.clock.now(), Device()
    start, end = now + timedelta(hours=1), now + timedelta(hours=2, microseconds=7)
    times = {"not_before": start.isoformat(), "not_after": end.isoformat()}
    shop.register(device, **times)
    moment = timedelta(microseconds=1)
    for at, counts in (
        (now, False),
        (start - SECOND, False),
        (start - moment, False),
        (start, True),
        (end - SECOND, True),
        (end - moment, True),
        (end, False),
        (end + SECOND, False),
    ):
        assert (shop.counting(at) == [device.key.key_id]) is counts, at


def test_windows_may_overlap_so_that_keys_rotate(shop: Shop) -> None:
    old, new = Device(), Device("ES256")
    now = shop.clock.now()
    shop.register(old, days=30)
    later = {"not_before": (now + timedelta(days=20)).isoformat()}
    shop.register(new, days=60, **later)
    ids = [old.key.key_id, new.key.key_id]
    days = {day: shop.counting(now + timedelta(days=day)) for day in (0, 19, 20, 29, 30, 59, 60)}
    assert days == {0: ids[:1], 19: ids[:1], 20: ids, 29: ids, 30: ids[1:], 59: ids[1:], 60: []}


def test_times_may_come_in_any_zone(shop: Shop) -> None:
    device = Device()
    times = {"not_before": "2026-11-02T11:00:00+01:00", "not_after": "2026-11-03T09:00:00-01:00"}
    made = shop.register(device, **times)
    assert made.not_before == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert made.not_after == datetime(2026, 11, 3, 10, tzinfo=UTC)
    assert made.not_after.utcoffset() == timedelta(0)
    other = {"not_before": "2026-11-02T10:00:00Z", "not_after": "2026-11-03T10:00:00.000Z"}
    assert shop.register(device, **other) is made


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (timedelta(0), timedelta(0)),
        (timedelta(days=1), timedelta(0)),
        (timedelta(0), LONGEST + SECOND),
        (timedelta(days=-2), timedelta(0)),
        (timedelta(days=-2), timedelta(days=-1)),
        (LONGEST + SECOND, LONGEST + 2 * SECOND),
    ],
)
def test_window_is_forwards_short_and_not_over(
    shop: Shop, start: timedelta, end: timedelta
) -> None:
    now = shop.clock.now()
    times = {"not_before": (now + start).isoformat(), "not_after": (now + end).isoformat()}
    with pytest.raises(KeyWindowInvalid):
        shop.register(Device(), **times)
    assert shop.listed() == []


def test_times_at_the_ends_of_the_calendar_are_refused(shop: Shop) -> None:
    for start, end in (
        ("0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00+14:00"),
        ("9999-12-30T00:00:00Z", "9999-12-31T23:59:59-14:00"),
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ):
        with pytest.raises(KeyWindowInvalid):
            shop.register(Device(), not_before=start, not_after=end)


def test_five_years_are_allowed(shop: Shop) -> None:
    shop.register(Device(), not_after="2031-11-02T09:00:00Z")
    begun = {"not_before": "2023-11-02T09:00:00Z", "not_after": "2028-11-02T09:00:00Z"}
    shop.register(Device(), **begun)


@pytest.mark.parametrize(
    "changes",
    [
        {"not_before": "2026-11-25T09:00:00"},
        {"not_before": "2026-11-25"},
        {"not_before": "1790000000"},
        {"not_before": 1790000000},
        {"not_before": 1e300},
        {"not_before": True},
        {"not_before": None},
        {"not_before": "2026-13-25T09:00:00Z"},
        {"not_before": ""},
        {"jwk": "text"},
        {"jwk": None},
        {"jwk": dict.fromkeys(map(str, range(31)))},
        {"more": 1},
    ],
)
def test_registration_of_another_form_is_refused(
    clock: FixedClock, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        KeySpec.model_validate(Device().spec(clock, **changes))


def test_same_key_with_the_same_dates_is_there_once(shop: Shop) -> None:
    device = Device()
    spec = device.spec(shop.clock)
    made = shop.register(device)
    shop.clock.advance(60)
    again = shop.register(device, **spec)
    assert (again is made, again.registered_at) == (True, shop.clock.now() - 60 * SECOND)
    shop.clock.advance(timedelta(days=400))
    assert shop.register(device, **spec) is made, "also when it has ended"
    assert shop.listed() == [device.key.key_id]


@pytest.mark.parametrize("name", ["not_before", "not_after"])
def test_same_key_with_other_dates_is_a_conflict(shop: Shop, name: str) -> None:
    device = Device()
    made = shop.register(device)
    before = (made.not_before, made.not_after)
    other = {name: (getattr(made, name) + SECOND).isoformat()}
    with pytest.raises(KeyConflict):
        shop.register(device, **other)
    assert (made.not_before, made.not_after) == before


def test_revoked_key_counts_no_more_and_never_again(shop: Shop) -> None:
    device, other = Device(), Device()
    spec = device.spec(shop.clock)
    made = shop.register(device)
    shop.register(other)
    shop.revoke(device.key.key_id)
    assert shop.counting() == [other.key.key_id], "at once"
    revoked_at = made.revoked_at
    shop.clock.advance(60)
    shop.revoke(device.key.key_id)
    assert made.revoked_at == revoked_at, "the first time stands"
    with pytest.raises(KeyConflict, match="revoked"):
        shop.register(device, **spec)
    with pytest.raises(KeyConflict, match="revoked"):
        shop.register(device)
    assert shop.counting() == [other.key.key_id]


def test_at_most_eight_keys_count_now_or_later(shop: Shop) -> None:
    now = shop.clock.now()
    future = {"not_before": (now + timedelta(days=100)).isoformat()}
    short = Device()
    shop.register(short, days=1)
    rest = [Device() for _ in range(MOST_LIVE - 1)]
    for device in rest:
        shop.register(device, **future)
    with pytest.raises(TooManyKeys):
        shop.register(Device())
    shop.register(rest[0], **future)  # it is there already
    shop.revoke(rest[0].key.key_id)
    shop.register(Device())
    with pytest.raises(TooManyKeys):
        shop.register(Device())
    shop.clock.advance(timedelta(days=1))
    shop.register(Device())
    other = make_object(shop.db, shop.clock, shop.product, "SL-2").object_id
    spec = KeySpec.model_validate(Device().spec(shop.clock))
    register_key(shop.db, shop.clock, shop.maker.org_id, other, spec)


def test_list_begins_with_the_keys_that_count(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live, revoked, ended = Device(), Device(), Device()
    shop.register(live)
    shop.clock.advance(1)
    shop.register(revoked)
    shop.clock.advance(1)
    shop.register(ended, days=1)
    shop.revoke(revoked.key.key_id)
    shop.clock.advance(timedelta(days=1))
    expected = [one.key.key_id for one in (live, ended, revoked)]
    assert shop.listed() == expected
    assert len(expected) < MOST_SHOWN
    monkeypatch.setattr("app.objects.device_keys.MOST_SHOWN", 2)
    assert shop.listed() == expected[:2]


def test_another_makers_object_is_as_unknown(shop: Shop) -> None:
    device = Device()
    shop.register(device)
    stranger = make_maker(shop.db, shop.clock, "Other").org_id
    spec = KeySpec.model_validate(Device().spec(shop.clock))
    invalid = KeySpec.model_validate(Device().spec(shop.clock, jwk=EXAMPLE | {"d": "x"}))
    told = set()
    for org_id, object_id in ((stranger, shop.object_id), (shop.maker.org_id, new_id())):
        for attempt in attempts(shop, org_id, object_id, device.key.key_id, [spec, invalid]):
            with pytest.raises(UnknownObject) as refused:
                attempt()
            told.add((type(refused.value), refused.value.detail))
    assert len(told) == 1
    assert shop.counting() == [device.key.key_id]


def attempts(
    shop: Shop, org_id: UUID, object_id: UUID, key_id: str, specs: list[KeySpec]
) -> list[Any]:
    db, clock = shop.db, shop.clock
    return [
        *(lambda s=s: register_key(db, clock, org_id, object_id, s) for s in specs),
        lambda: list_keys(db, clock, org_id, object_id),
        lambda: revoke_key(db, clock, org_id, object_id, key_id),
    ]


def test_unknown_key_cannot_be_revoked(shop: Shop) -> None:
    other = make_object(shop.db, shop.clock, shop.product, "SL-2").object_id
    device = Device()
    spec = KeySpec.model_validate(device.spec(shop.clock))
    register_key(shop.db, shop.clock, shop.maker.org_id, other, spec)
    for key_id in (THUMBPRINT, device.key.key_id, ""):
        with pytest.raises(UnknownKey):
            shop.revoke(key_id)


def test_keys_of_many_objects_are_read_at_once(shop: Shop) -> None:
    """More objects than one statement takes, some without keys, some that do not exist."""
    now = shop.clock.now()
    owned = [make_object(shop.db, shop.clock, shop.product, f"M-{n}").object_id for n in range(3)]
    shared = Device()
    for object_id in owned[:2]:
        spec = KeySpec.model_validate(shared.spec(shop.clock))
        register_key(shop.db, shop.clock, shop.maker.org_id, object_id, spec)
    wanted = {*owned, *(new_id() for _ in range(1200))}
    found = keys_at(shop.db.connection(), wanted, now)
    assert found == {object_id: [shared.key] for object_id in owned[:2]}
    assert keys_at(shop.db.connection(), [], now) == {}


def test_ninth_key_is_refused_also_in_a_race(database: Database, clock: FixedClock) -> None:
    """Two that register at once come one after the other, for the object is locked."""
    with database.session() as db:
        shop = Shop(db, clock)
        for _ in range(MOST_LIVE - 1):
            shop.register(Device())
        org_id, object_id = shop.maker.org_id, shop.object_id
    same = Device()

    def register(device: Device) -> type[DomainError] | None:
        spec = KeySpec.model_validate(device.spec(clock))
        try:
            with database.session() as db:
                register_key(db, clock, org_id, object_id, spec)
        except DomainError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(register, [same, same, Device(), Device()]))
    assert set(told) == {None, TooManyKeys}
    with database.read() as db:
        assert len(list_keys(db, clock, org_id, object_id)) == MOST_LIVE
