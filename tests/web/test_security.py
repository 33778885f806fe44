"""The security page: passkeys, address, sessions, access keys, name and zone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.kit.clock import FixedClock
from app.kit.ids import new_id
from app.settings import Settings
from tests.support.authenticator import Authenticator
from tests.support.visitor import Visitor

NewVisitor = Callable[[], Visitor]


@pytest.fixture
def device(settings: Settings) -> Authenticator:
    return Authenticator(settings.origin, "testserver")


def create_by_passkey(visitor: Visitor, device: Authenticator, **told: str) -> Any:
    options = visitor.send("/create/passkey/options", told)
    assert options.status_code == 200, options.text
    body = {"credential": device.create(options.json()), "next": "/security"}
    return visitor.send("/create/passkey/verify", body)


def sign_in_by_passkey(visitor: Visitor, device: Authenticator) -> Any:
    options = visitor.send("/sign-in/passkey/options", {})
    body = {"credential": device.get(options.json()), "next": "//evil.example"}
    return visitor.send("/sign-in/passkey/verify", body)


def add_passkey(owner: Visitor, device: Authenticator) -> Any:
    options = owner.send("/security/passkeys/options", {})
    assert options.status_code == 200, options.text
    return owner.send("/security/passkeys/verify", {"credential": device.create(options.json())})


def ids_on(page: str, action: str) -> list[str]:
    return [part.split("/")[0].split('"')[0] for part in page.split(f'action="{action}')[1:]]


def test_account_by_passkey_and_back_in_without_a_name(
    visitor: Visitor, device: Authenticator, new_visitor: NewVisitor
) -> None:
    made = create_by_passkey(visitor, device, name="Ana", time_zone="Asia/Tokyo")
    assert made.json() == {"next": "/security"}
    page = visitor.get("/security").text
    assert "Firefox on Linux" in page
    assert '<option value="Asia/Tokyo" selected>' in page
    other = new_visitor()
    answer = sign_in_by_passkey(other, device)
    assert answer.json() == {"next": "/home"}
    assert "Ana" in other.get("/security").text


def test_challenge_belongs_to_one_browser(
    visitor: Visitor, device: Authenticator, new_visitor: NewVisitor
) -> None:
    create_by_passkey(visitor, device)
    asked = new_visitor()
    options = asked.send("/sign-in/passkey/options", {})
    cookie = options.headers["set-cookie"]
    assert cookie.startswith("__Host-ceremony=")
    assert "SameSite=strict" in cookie
    body = {"credential": device.get(options.json())}
    assert new_visitor().send("/sign-in/passkey/verify", body).status_code == 410
    assert asked.send("/sign-in/passkey/verify", body).status_code == 200


def test_refused_answer_uses_the_challenge_up(
    visitor: Visitor, device: Authenticator, new_visitor: NewVisitor
) -> None:
    create_by_passkey(visitor, device)
    thief = new_visitor()
    options = thief.send("/sign-in/passkey/options", {}).json()
    answer = device.get(options)
    assert thief.send("/sign-in/passkey/verify", {"credential": {}}).status_code == 403
    assert thief.send("/sign-in/passkey/verify", {"credential": answer}).status_code == 410
    assert thief.session is None


def test_passkey_is_added_renamed_and_removed(owner: Visitor, device: Authenticator) -> None:
    assert add_passkey(owner, device).json() == {"next": "/security"}
    page = owner.get("/security").text
    assert "The passkey works from now on." in page
    key = ids_on(page, "/security/passkeys/")[0]
    assert owner.post(f"/security/passkeys/{key}", {"name": "Blue phone"}).status_code == 303
    assert "Blue phone" in owner.get("/security").text
    long = owner.post(f"/security/passkeys/{key}", {"name": "x" * 101})
    assert long.status_code == 422
    assert f"passkey-name-{key}-error" in long.text
    assert owner.post(f"/security/passkeys/{key}/remove").status_code == 303
    assert "You have none yet." in owner.get("/security").text


def test_last_way_in_stays(visitor: Visitor, device: Authenticator) -> None:
    create_by_passkey(visitor, device)
    key = ids_on(visitor.get("/security").text, "/security/passkeys/")[0]
    answer = visitor.post(f"/security/passkeys/{key}/remove")
    assert answer.status_code == 409
    assert "last way into your account" in answer.text


def test_stale_sign_in_changes_no_way_in(
    owner: Visitor, device: Authenticator, clock: FixedClock, settings: Settings
) -> None:
    add_passkey(owner, device)
    key = ids_on(owner.get("/security").text, "/security/passkeys/")[0]
    clock.advance(timedelta(minutes=settings.step_up_minutes))
    refused = owner.send("/security/passkeys/options", {})
    assert refused.status_code == 403
    assert refused.json()["confirm"] == "/confirm?next=%2Fhome"
    for path in (
        f"/security/passkeys/{key}/remove",
        "/security/email",
        "/security/recovery",
        "/security/tokens",
    ):
        answer = owner.post(path, {"email": "x@y.example"})
        assert answer.headers["location"].startswith("/confirm?"), path
    assert owner.post("/security/zone", {"zone": "UTC"}).headers["location"] == "/security"


def test_confirm_by_passkey_is_for_its_owner_only(
    owner: Visitor,
    device: Authenticator,
    settings: Settings,
    clock: FixedClock,
    new_visitor: NewVisitor,
) -> None:
    add_passkey(owner, device)
    stranger = Authenticator(settings.origin, "testserver")
    create_by_passkey(new_visitor(), stranger)
    clock.advance(timedelta(minutes=settings.step_up_minutes))
    options = owner.send("/confirm/passkey/options", {}).json()
    assert len(options["allowCredentials"]) == 1
    wrong = owner.send("/confirm/passkey/verify", {"credential": stranger.get(options)})
    assert wrong.status_code == 403
    options = owner.send("/confirm/passkey/options", {}).json()
    body = {"credential": device.get(options), "next": "/security"}
    assert owner.send("/confirm/passkey/verify", body).json() == {"next": "/security"}
    assert owner.send("/security/passkeys/options", {}).status_code == 200


def test_address_is_added_once_its_link_was_opened_here(
    visitor: Visitor, device: Authenticator, new_visitor: NewVisitor
) -> None:
    create_by_passkey(visitor, device)
    assert "No e-mail address is set." in visitor.get("/security").text
    assert visitor.post("/security/email", {"email": "nonsense"}).status_code == 422
    visitor.post("/security/email", {"email": "late@mail.example"})
    link = visitor.newest_link()
    assert new_visitor().post(link).status_code == 403
    assert "No e-mail address is set." in visitor.get("/security").text
    assert visitor.post(link).headers["location"] == "/security"
    assert "late@mail.example" in visitor.get("/security").text


def test_address_of_somebody_else_is_refused(
    owner: Visitor, device: Authenticator, new_visitor: NewVisitor
) -> None:
    other = new_visitor()
    create_by_passkey(other, device)
    other.post("/security/email", {"email": "Owner@mail.example"})
    assert other.post(other.newest_link()).status_code == 409
    assert "No e-mail address is set." in other.get("/security").text


def test_sessions_of_another_owner_are_out_of_reach(
    owner: Visitor, new_visitor: NewVisitor
) -> None:
    other = new_visitor().sign_in("other@mail.example")
    new_visitor().sign_in("other@mail.example")
    session = ids_on(other.get("/security").text, "/security/sessions/")[0]
    owner.post(f"/security/sessions/{session}/end")
    assert f"/security/sessions/{session}/end" in other.get("/security").text
    other.post(f"/security/sessions/{session}/end")
    assert f"/security/sessions/{session}/end" not in other.get("/security").text


@pytest.mark.parametrize("zone", ["", "Mars/Base", "<b>"])
def test_unknown_zone_is_refused(owner: Visitor, zone: str) -> None:
    assert owner.post("/security/zone", {"zone": zone}).status_code == 422


def test_name_is_kept(owner: Visitor) -> None:
    owner.post("/security/name", {"name": "  Ana  "})
    assert 'value="Ana"' in owner.get("/security").text
    assert owner.post("/security/name", {"name": "x" * 101}).status_code == 422


def test_access_key_is_shown_once_and_ended(owner: Visitor, clock: FixedClock) -> None:
    until = clock.now().date().isoformat()
    form = {"token_name": "My script", "scope": ["own:read"], "token_until": until}
    made = owner.post("/security/tokens", form)
    assert made.headers["location"] == "/security/tokens/new"
    page = owner.get("/security/tokens/new").text
    secret = page.split('<li class="code">')[1].split("<")[0]
    assert len(secret) > 40
    assert owner.get("/security/tokens/new").headers["location"] == "/security"
    listed = owner.get("/security").text
    assert "My script" in listed
    assert secret not in listed
    token = ids_on(listed, "/security/tokens/")[0]
    assert owner.post(f"/security/tokens/{token}/revoke").status_code == 303
    assert f"/security/tokens/{token}/revoke" not in owner.get("/security").text
    assert owner.post(f"/security/tokens/{new_id()}/revoke").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_name": ""},
        {"token_name": "x" * 200},
        {"scope": []},
        {"scope": ["usage:read"]},
        {"token_until": ""},
        {"token_until": "2026-13-40"},
        {"token_until": "1999-01-01"},
        {"token_until": "9999-12-31"},
        {"object": ["nonsense"]},
        {"object": ["00000000-0000-4000-8000-000000000000"]},
    ],
)
def test_access_key_with_a_mistake_is_not_made(owner: Visitor, wrong: dict[str, Any]) -> None:
    form = {"token_name": "S", "scope": ["own:read"], "token_until": "2026-12-01"}
    answer = owner.post("/security/tokens", form | wrong)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
