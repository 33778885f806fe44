"""Who calls; numbers are those of the security checklist."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from sqlalchemy import Connection, func, select
from sqlalchemy.event import listens_for

from app.kit import prepared
from app.kit.clock import FixedClock
from app.kit.http import AppClock, AppDatabase
from app.oauth.models import AuthorizationCode, Token
from app.oauth.protect import (
    Credential,
    LogWriter,
    OwnerReader,
    credential_of,
    principal_of,
    require_known,
    require_scope,
)
from app.oauth.tokens import forget_old
from tests.factories.oauth import make_maker_client
from tests.oauth.conftest import Vendor

router = APIRouter()


@router.get("/v1/data/guarded")
async def guarded(request: Request, database: AppDatabase, clock: AppClock) -> dict[str, Any]:
    shown = credential_of(request)

    def work(conn: Connection) -> dict[str, Any]:
        principal = require_known(principal_of(conn, clock, shown))
        require_scope(principal, "usage:read")
        return {"client": principal.client_id}

    return await database.run(work)


@router.get("/v1/log")
def log(caller: LogWriter) -> dict[str, Any]:
    return {"client": caller.client_id, "org": str(caller.org_id)}


@router.get("/v1/own")
def own(caller: OwnerReader) -> dict[str, Any]:
    return {"owner": str(caller.owner_id)}


@pytest.fixture(autouse=True)
def guarded_app(app: FastAPI) -> None:
    """In front of everything else, because the web client's app takes every other address."""
    before = list(app.router.routes)
    app.include_router(router)
    routes = app.router.routes
    routes[:] = [r for r in routes if r not in before] + before


def get(vendor: Vendor, token: str | None, path: str = "/v1/data/guarded") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return vendor.http.get(path, headers=headers)


def test_oauth_33_without_a_token_the_answer_says_where_to_get_one(vendor: Vendor) -> None:
    answer = get(vendor, None)
    assert answer.status_code == 401
    place = "https://testserver/.well-known/oauth-protected-resource/v1/data"
    assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{place}"'
    assert answer.json()["type"].endswith("/problems/token-missing")
    assert "challenge" not in answer.json()
    assert vendor.http.get(place).json()["authorization_servers"] == ["https://testserver"]
    place = "https://testserver/.well-known/oauth-protected-resource"
    answer = get(vendor, None, "/v1/log")
    assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{place}"'


@pytest.mark.parametrize("given", ["Basic eDp5", "Bearer", "Bearer ", "x", ""])
def test_other_schemes_are_no_token(vendor: Vendor, given: str) -> None:
    for path in ("/v1/data/guarded", "/v1/log"):
        answer = vendor.http.get(path, headers={"Authorization": given})
        assert answer.status_code == 401
        assert answer.json()["type"].endswith("/problems/token-missing")


def test_oauth_33_token_in_the_address_is_refused(vendor: Vendor) -> None:
    token = vendor.get_tokens()["access_token"]
    assert get(vendor, None, f"/v1/data/guarded?access_token={token}").status_code == 401
    both = get(vendor, token, f"/v1/data/guarded?access_token={token}")
    assert both.status_code == 401
    assert "error=" not in both.headers["www-authenticate"]


def test_oauth_33_token_in_the_body_is_refused(vendor: Vendor) -> None:
    token = vendor.get_tokens()["access_token"]
    for path in ("/v1/data/objects", "/v1/data/guarded"):
        for kind in ({"data": {"access_token": token}}, {"json": {"access_token": token}}):
            answer = vendor.http.request("GET", path, **kind)
            assert answer.status_code == 401
            assert "error=" not in answer.headers["www-authenticate"]


def test_oauth_33_token_for_another_audience_is_invalid(vendor: Vendor) -> None:
    """One for vendors' data alone opens nothing else of the service (RFC 8707)."""
    data = "https://testserver/v1/data"
    narrow = vendor.credentials(scope="usage:read", resource=data).json()["access_token"]
    wide = vendor.credentials(scope="usage:read").json()["access_token"]
    assert get(vendor, narrow).status_code == 200
    answer = get(vendor, narrow, "/v1/log")
    assert answer.status_code == 401
    assert answer.json()["reason"] == "other-resource"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert get(vendor, wide, "/v1/log").status_code == 403, "lacks the scope alone"


def test_oauth_33_a_refresh_token_opens_nothing(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    answer = get(vendor, tokens["refresh_token"])
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_oauth_34_revocation_is_effective_at_once(vendor: Vendor) -> None:
    tokens = vendor.get_tokens()
    assert get(vendor, tokens["access_token"]).status_code == 200
    vendor.revoke(tokens["access_token"])
    answer = get(vendor, tokens["access_token"])
    assert (answer.status_code, answer.json()["reason"]) == (401, "token-revoked")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_oauth_32_scheme_has_any_case(vendor: Vendor, scheme: str) -> None:
    token = vendor.get_tokens()["access_token"]
    headers = {"Authorization": f"{scheme} {token}"}
    answer = vendor.http.get("/v1/data/guarded", headers=headers)
    assert answer.json() == {"client": vendor.client_id}


def test_oauth_33_what_is_no_access_token_is_invalid(vendor: Vendor) -> None:
    code, tokens = vendor.get_code(), vendor.get_tokens()
    for token in ("x", "y" * 5000, tokens["refresh_token"], code, tokens["access_token"] + "x"):
        answer = get(vendor, token)
        assert answer.status_code == 401
        assert answer.json()["reason"] == "unknown"
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("status", ["revoked", "ended", "superseded", "expired"])
def test_oauth_34_end_of_the_grant_is_effective_at_once_and_says_why(
    vendor: Vendor, status: str
) -> None:
    tokens = vendor.get_tokens()
    assert get(vendor, tokens["access_token"]).status_code == 200
    vendor.set_grant(tokens["grant_id"], status=status)
    answer = get(vendor, tokens["access_token"])
    assert answer.status_code == 401
    assert answer.json()["reason"] == status
    assert answer.headers["cache-control"] == "no-store"


def test_oauth_33_expired_token_says_so_and_the_grant_comes_first(
    vendor: Vendor, clock: FixedClock
) -> None:
    tokens = vendor.get_tokens()
    clock.advance(vendor.settings.access_token_seconds)
    assert get(vendor, tokens["access_token"]).json()["reason"] == "token-expired"
    vendor.set_grant(tokens["grant_id"], status="revoked")
    assert get(vendor, tokens["access_token"]).json()["reason"] == "revoked"


def test_oauth_33_missing_scope_is_forbidden_and_named(
    vendor: Vendor, make: Callable[..., Vendor]
) -> None:
    narrow = vendor.get_tokens(categories=["care"])["access_token"]
    maker = make(make_maker_client).credentials(scope="products:write").json()["access_token"]
    cases = [
        (narrow, "/v1/data/guarded", "usage:read"),
        (narrow, "/v1/log", "log:write"),
        (maker, "/v1/log", "log:write"),
        (maker, "/v1/own", "own:read"),
    ]
    for token, path, scope in cases:
        answer = get(vendor, token, path)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("/problems/insufficient-scope")
        assert answer.json()["scope"] == scope
        told = answer.headers["www-authenticate"]
        assert told == f'Bearer error="insufficient_scope", scope="{scope}"'


def test_maker_scope_lets_its_organization_in(make: Callable[..., Vendor]) -> None:
    maker = make(make_maker_client)
    answer = get(maker, maker.credentials().json()["access_token"], "/v1/log")
    assert answer.json()["client"] == maker.client_id


def test_token_check_is_two_reads_at_most(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    token = vendor.get_tokens()["access_token"]
    seen: list[str] = []
    run = prepared._run

    def noted(conn: Connection, told: Sequence[tuple[int, Any]]) -> Iterator[Any]:
        seen.extend(message.text.sql.split()[0] for _, message in told)
        return run(conn, told)

    monkeypatch.setattr(prepared, "_run", noted)
    with vendor.database.read() as db:
        conn = db.connection()

        @listens_for(conn, "before_cursor_execute")
        def count(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
            seen.append(statement.split()[0])

        principal_of(conn, vendor.clock, Credential(token, ""))
    assert seen == ["SELECT", "SELECT"]


def test_dead_tokens_keep_their_reason_for_a_month(vendor: Vendor, clock: FixedClock) -> None:
    tokens = vendor.get_tokens()
    vendor.revoke(tokens["access_token"])
    life = timedelta(seconds=vendor.settings.access_token_seconds)
    clock.advance(life + timedelta(days=30) - timedelta(seconds=1))
    with vendor.database.connection() as conn:
        assert forget_old(conn, clock) == 0
    assert get(vendor, tokens["access_token"]).json()["reason"] == "token-revoked"
    clock.advance(1)
    with vendor.database.connection() as conn:
        assert forget_old(conn, clock) == 1
    assert get(vendor, tokens["access_token"]).json()["reason"] == "unknown"
    with vendor.database.read() as db:
        assert db.scalar(select(func.count()).select_from(AuthorizationCode)) == 0
        assert db.scalar(select(func.count()).select_from(Token)) == 1
