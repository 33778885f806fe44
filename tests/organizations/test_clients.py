"""Registering clients: what is taken, what is refused."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.organizations.client_rules import check_redirect_uri
from app.organizations.clients import check_secret, disable_client, find_client, rotate_secret
from app.organizations.errors import (
    ClientInvalid,
    PurposeInvalid,
    RedirectInvalid,
    ScopeUnknown,
    UnknownClient,
)
from tests.factories.oauth import (
    make_maker_client,
    make_public_vendor,
    make_purpose,
    make_vendor,
)


def test_client_id_reads_as_its_name_and_the_secret_is_kept_as_a_hash(
    db: Session, clock: FixedClock
) -> None:
    client, secret = make_vendor(db, clock, "Mend & Co")
    assert client.client_id.startswith("mend-co-")
    assert secret is not None
    assert secret.startswith("inseam_cs_")
    assert len(secret) == len("inseam_cs_") + 43
    known = find_client(db, client.client_id)
    assert check_secret(known, secret)
    assert not check_secret(known, secret + "x")
    assert not check_secret(known, "")
    assert not check_secret(None, secret)
    assert client.purposes[0]["scopes"]["care:read"] == {"needed": False, "why": ""}


def test_long_name_makes_a_client_id_that_fits(db: Session, clock: FixedClock) -> None:
    client, _ = make_vendor(db, clock, "M" * 200)
    assert len(client.client_id) <= 100


def test_public_client_has_no_secret(db: Session, clock: FixedClock) -> None:
    client = make_public_vendor(db, clock)
    known = find_client(db, client.client_id)
    assert known is not None
    assert known.is_public
    assert not check_secret(known, "")
    with pytest.raises(ClientInvalid):
        rotate_secret(db, client.client_id)


def test_rotation_and_shutting_out(db: Session, clock: FixedClock) -> None:
    client, secret = make_vendor(db, clock)
    fresh = rotate_secret(db, client.client_id)
    db.flush()
    known = find_client(db, client.client_id)
    assert check_secret(known, fresh)
    assert not check_secret(known, str(secret))
    disable_client(db, clock, client.client_id)
    db.flush()
    assert find_client(db, client.client_id) is None
    for act in (lambda: rotate_secret(db, "x"), lambda: disable_client(db, clock, "x")):
        with pytest.raises(UnknownClient):
            act()
    assert find_client(db, "nul\x00") is None


@pytest.mark.parametrize(
    "uri",
    [
        "https://mend.example/back",
        "https://mend.example:8443/back?a=b",
        "http://127.0.0.1:8001/back",
        "http://localhost/back",
        "http://[::1]:9000/back",
    ],
)
def test_redirect_uri_may_be_https_or_local(uri: str) -> None:
    assert check_redirect_uri(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/back",
        "http://mend.example/back",
        "http://localhost.evil.example/",
        "https://mend.example/back#here",
        "https://mend.example/back#",
        "https://user@mend.example/",
        "https://user:pw@mend.example/",
        "https://@mend.example/",
        "https://*.mend.example/",
        "https://mend.example/*",
        "https://mend.example/a/../b",
        "https://mend.example/./b",
        "https://mend.example\\@evil.example/",
        "https://mend.example/a b",
        "https://mend.example/\n",
        "https://mend.example/é",
        "https://mend.example:99999/",
        "https://mend.example:x/",
        "https://[::1/",
        "javascript:alert(1)",
        "app.mend://back",
        "https:///back",
        "https://mend.example/" + "x" * 2000,
    ],
)
def test_redirect_uri_is_nothing_else(uri: str) -> None:
    with pytest.raises(RedirectInvalid):
        check_redirect_uri(uri)


NO_SENSE: list[tuple[Any, ...]] = [
    ({"name": " "}, ClientInvalid),
    ({"name": "x" * 201}, ClientInvalid),
    ({"name": "a\x00b"}, ClientInvalid),
    ({"grant_types": ["password"]}, ClientInvalid),
    ({"is_public": True}, ClientInvalid),
    ({"redirect_uris": []}, ClientInvalid),
    ({"purposes": []}, ClientInvalid),
    ({"grant_types": ["client_credentials"]}, ClientInvalid),
    ({"grant_types": ["refresh_token"], "redirect_uris": [], "purposes": []}, ClientInvalid),
    ({"redirect_uris": ["http://mend.example/"]}, RedirectInvalid),
    ({"scopes": ["usage:read", "care:read", "own:read"]}, ScopeUnknown),
    ({"scopes": ["usage:read"]}, PurposeInvalid),
    ({"scopes": [], "purposes": [], "redirect_uris": [], "grant_types": []}, ClientInvalid),
]


def test_client_that_makes_no_sense_is_refused(db: Session, clock: FixedClock) -> None:
    for changes, error in NO_SENSE:
        with pytest.raises(error):
            make_vendor(db, clock, **changes)


def test_client_that_could_never_work_is_refused_and_told_what_it_lacks(
    db: Session, clock: FixedClock
) -> None:
    with pytest.raises(ClientInvalid, match=r"'usage:read'.*redirect URI and a purpose"):
        make_maker_client(db, clock, scopes=["log:write", "usage:read"])
    scopes = ["usage:read", "care:read", "log:write"]
    with pytest.raises(ClientInvalid, match=r"'log:write'.*secret"):
        make_public_vendor(db, clock, scopes=scopes)


def needs(**scope: Any) -> dict[str, Any]:
    return make_purpose(scopes={"usage:read": scope})


OTHER_PURPOSES: list[Any] = [
    make_purpose(purpose="WorldDomination"),
    make_purpose(legal_basis="BecauseWeCan"),
    make_purpose(title=""),
    make_purpose(title="x" * 201),
    make_purpose(scopes={}),
    make_purpose(scopes={"log:write": {}}),
    make_purpose(extra=1),
    needs(needed=True),
    needs(needed=True, why="  "),
    needs(why="x" * 201),
    needs(wanted=True),
    {},
]


def test_purpose_outside_the_closed_lists_is_refused(db: Session, clock: FixedClock) -> None:
    for purpose in OTHER_PURPOSES:
        scopes = ["usage:read", "care:read", "log:write"]
        with pytest.raises(PurposeInvalid):
            make_vendor(db, clock, purposes=[purpose], scopes=scopes)


def test_maker_client_acts_for_itself_only(db: Session, clock: FixedClock) -> None:
    client, secret = make_maker_client(db, clock)
    assert secret is not None
    assert client.redirect_uris == []
