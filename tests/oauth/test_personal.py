"""An owner's own tokens."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from app.oauth.errors import (
    InsufficientScope,
    InvalidToken,
    PersonalTokenInvalid,
    PersonalTokenNotFound,
)
from app.oauth.models import Token
from app.oauth.personal import MAX_LIVE, create_token, is_live, list_tokens, revoke_token
from app.oauth.protect import Credential, own_principal, principal_of, require_scope
from app.objects.models import Holding
from tests.factories import objects as things

OWNER = UUID("6f5902ac-2371-4b1e-9f0b-0c6f3f5b7a11")


def make(
    db: Session, clock: FixedClock, owner_id: UUID = OWNER, **changes: Any
) -> tuple[Token, str]:
    values: dict[str, Any] = {
        "scopes": ["own:read"],
        "objects": None,
        "until": clock.now() + timedelta(days=30),
    }
    return create_token(db, clock, owner_id, changes.pop("name", "Script"), **(values | changes))


def make_held(db: Session, clock: FixedClock) -> UUID:
    """An object in the owner's hands."""
    product = things.make_product(db, clock, things.make_maker(db, clock))
    minted = things.make_object(db, clock, product)
    tenure = things.make_tenure(db, clock, minted.object_id, owner_id=OWNER)
    held = Holding(
        owner_id=OWNER,
        object_id=minted.object_id,
        tenure_id=tenure.tenure_id,
        name="Jeans",
        since=clock.now(),
    )
    db.add(held)
    db.flush()
    return minted.object_id


def test_token_is_shown_once_and_stored_as_a_hash(db: Session, clock: FixedClock) -> None:
    row, token = make(db, clock, scopes=["own:read", "own:export", "own:read"])
    assert token.startswith("inseam_pat_")
    assert row.scopes == ["own:read", "own:export"]
    assert token.encode() not in row.token_hash
    assert [t.token_id for t in list_tokens(db, OWNER)] == [row.token_id]
    assert list_tokens(db, new_id()) == []
    principal = principal_of(db.connection(), clock, Credential(token, ""))
    assert principal is not None
    assert (principal.kind, principal.owner_id, principal.name) == ("personal", OWNER, "Script")
    assert (principal.objects, principal.client_id, principal.grant_id) == (None, None, None)
    assert principal.dead_reason is None


def test_chosen_objects_are_the_owners(db: Session, clock: FixedClock) -> None:
    object_id = make_held(db, clock)
    _, token = make(db, clock, objects=[object_id, object_id])
    principal = principal_of(db.connection(), clock, Credential(token, ""))
    assert principal is not None
    assert principal.objects == (object_id,)
    with pytest.raises(PersonalTokenInvalid):
        make(db, clock, objects=[object_id], owner_id=new_id())


BAD_CHOICES: list[tuple[Any, ...]] = [
    ({"name": "  "}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"scopes": []}, "scopes"),
    ({"scopes": ["own:read", "usage:read"]}, "scopes"),
    ({"objects": []}, "objects"),
    ({"objects": [new_id()]}, "objects"),
    ({"days": 0}, "until"),
    ({"days": -1}, "until"),
    ({"days": 367}, "until"),
]


def test_bad_choice_names_its_field(db: Session, clock: FixedClock) -> None:
    for changes, field in BAD_CHOICES:
        values = dict(changes)
        if "days" in values:
            values["until"] = clock.now() + timedelta(days=values.pop("days"))
        with pytest.raises(PersonalTokenInvalid) as caught:
            make(db, clock, **values)
        assert caught.value.field == field, changes


def test_366_days_is_the_longest(db: Session, clock: FixedClock) -> None:
    row, _ = make(db, clock, until=clock.now() + timedelta(days=366))
    assert is_live(row, clock.now())


def test_number_of_live_tokens_is_limited(db: Session, clock: FixedClock) -> None:
    first, _ = make(db, clock)
    for _ in range(MAX_LIVE - 1):
        make(db, clock)
    with pytest.raises(PersonalTokenInvalid):
        make(db, clock)
    revoke_token(db, clock, OWNER, first.token_id)
    make(db, clock)


def test_ended_token_is_dead_and_says_why(db: Session, clock: FixedClock) -> None:
    row, token = make(db, clock)
    with pytest.raises(PersonalTokenNotFound):
        revoke_token(db, clock, new_id(), row.token_id)
    revoke_token(db, clock, OWNER, row.token_id)
    revoke_token(db, clock, OWNER, row.token_id)
    db.flush()
    assert not is_live(row, clock.now())
    with pytest.raises(InvalidToken) as caught:
        require_scope(principal_of(db.connection(), clock, Credential(token, "")), "own:read")
    assert caught.value.extra["reason"] == "token-revoked"


def test_token_ends_at_its_date(db: Session, clock: FixedClock) -> None:
    _, token = make(db, clock)
    clock.advance(timedelta(days=30))
    with pytest.raises(InvalidToken) as caught:
        require_scope(principal_of(db.connection(), clock, Credential(token, "")), "own:read")
    assert caught.value.extra["reason"] == "token-expired"


def test_scope_is_needed_and_vendor_scopes_are_never_there(db: Session, clock: FixedClock) -> None:
    _, token = make(db, clock)
    principal = principal_of(db.connection(), clock, Credential(token, ""))
    for scope in ("own:export", "usage:read", "log:write"):
        with pytest.raises(InsufficientScope):
            require_scope(principal, scope)


def test_use_is_noted_once_a_minute(db: Session, clock: FixedClock) -> None:
    row, token = make(db, clock)
    conn = db.connection()

    def used_at() -> datetime | None:
        own_principal(conn, clock, Credential(token, ""), "own:read", "records")
        db.expire(row)
        return row.last_used_at

    start = clock.now()
    assert used_at() == start
    clock.advance(59)
    assert used_at() == start
    assert used_at() == start
    clock.advance(1)
    assert used_at() == clock.now()


def test_ordinary_handlers_note_the_use_too(
    app: FastAPI, client: TestClient, clock: FixedClock
) -> None:
    database: Database = app.state.db
    with database.session() as db:
        row, token = make(db, clock)
    answer = client.get("/v1/me/grants", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"grants": []}
    with database.read() as db:
        assert db.get_one(Token, row.token_hash).last_used_at == clock.now()


def test_vendors_cannot_use_a_personal_token_to_act_as_client(
    app: FastAPI, client: TestClient, clock: FixedClock
) -> None:
    with app.state.db.session() as db:
        _, token = make(db, clock)
    answer = client.get("/v1/data/objects", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in (403, 404)
