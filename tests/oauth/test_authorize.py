"""The authorization endpoint; numbers are those of the security checklist."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from starlette.responses import PlainTextResponse

from app.consent.models import AccessRequest
from app.kit.crypto import sha256
from app.organizations.clients import disable_client
from tests.factories.oauth import REDIRECT, make_maker_client, make_public_vendor, make_purpose
from tests.oauth.conftest import Vendor, answer_of, is_page, is_sent_back
from tests.support.visitor import Visitor


def test_valid_request_is_kept_and_goes_to_its_page(vendor: Vendor) -> None:
    answer = vendor.ask()
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    page = urlsplit(answer.headers["location"])
    assert page.path.startswith("/consent/")
    assert not page.query
    with vendor.database.read() as db:
        row = db.get_one(AccessRequest, sha256(page.path.rpartition("/")[2]))
    assert row.protocol["redirect_uri"] == REDIRECT
    assert row.protocol["state"] == "xyz"
    assert row.asked["redirect_host"] == "mend.example"
    assert [d["needed"] for d in row.asked["details"]] == [True, False]


OTHER_ADDRESSES: list[Any] = [
    "https://mend.example/back",
    "https://mend.example/back?from=inseam&x=1",
    "https://mend.example/back/?from=inseam",
    "https://mend.example/back/more?from=inseam",
    "https://mend.example/x/../back?from=inseam",
    "https://MEND.example/back?from=inseam",
    "https://mend.example:444/back?from=inseam",
    "https://evil@mend.example/back?from=inseam",
    "https://mend.example/back?from=inseam#x",
    "https://mend.example.evil.example/back?from=inseam",
    "http://mend.example/back?from=inseam",
    "javascript:alert(1)",
    'https://evil.example/"\\',
]


def test_oauth_01_other_redirect_uri_stays_here(vendor: Vendor) -> None:
    for uri in OTHER_ADDRESSES:
        assert is_page(vendor.ask(redirect_uri=uri)), uri


def test_oauth_01_native_app_may_differ_in_port_only(make: Callable[..., Vendor]) -> None:
    local = "http://127.0.0.1:7000/back"
    app = make(make_public_vendor, redirect_uris=[local])
    for uri in (local, "http://127.0.0.1:51234/back"):
        assert app.ask(redirect_uri=uri).status_code == 303
    others = ("http://127.0.0.1:51234/other", "http://127.0.0.2:7000/back", "http://127.0.0.1/back")
    for uri in (*others, "https://127.0.0.1:7000/back", "http://x@127.0.0.1:7000/back"):
        assert is_page(app.ask(redirect_uri=uri))
    newer = make(make_public_vendor, redirect_uris=["http://[::1]/back"])
    assert newer.ask(redirect_uri="http://[::1]:51234/back").status_code == 303
    for uri in ("http://[::1]:51234/other", "http://[::2]:51234/back", "http://[::1]:x/back"):
        assert is_page(newer.ask(redirect_uri=uri))
    confidential = make(redirect_uris=[local])
    assert is_page(confidential.ask(redirect_uri="http://127.0.0.1:51234/back"))


def test_oauth_02_missing_or_unknown_client_or_address_stays_here(vendor: Vendor) -> None:
    for change in ("redirect_uri", "client_id"):
        assert is_page(vendor.ask(**{change: None}))
    assert is_page(vendor.ask(client_id="nobody"))
    assert is_page(vendor.ask(client_id="x" * 200))


def test_oauth_02_an_address_is_named_also_where_several_are_registered(
    make: Callable[..., Vendor],
) -> None:
    several = make(redirect_uris=[REDIRECT, "https://mend.example/other"])
    assert is_page(several.ask(redirect_uri=None))
    assert is_page(several.ask(redirect_uri=""))
    assert several.ask(redirect_uri="https://mend.example/other").status_code == 303


def test_oauth_02_disabled_client_stays_here(vendor: Vendor) -> None:
    with vendor.database.session() as db:
        disable_client(db, vendor.clock, vendor.client_id)
    assert is_page(vendor.ask())


OTHER_TYPES: list[Any] = ["token", "code id_token", "id_token", "code token", 'a"b\\', None]


def test_oauth_03_other_response_types_are_refused(vendor: Vendor) -> None:
    for kind in OTHER_TYPES:
        assert is_sent_back(vendor.ask(response_type=kind), "unsupported_response_type"), kind
        assert is_page(vendor.ask(response_type=kind, redirect_uri="https://evil.example/")), kind


BAD_CHALLENGES: list[Any] = [
    {"code_challenge": None},
    {"code_challenge": None, "code_challenge_method": None},
    {"code_challenge_method": None},
    {"code_challenge_method": "plain"},
    {"code_challenge": "x" * 42},
    {"code_challenge": "x" * 129},
    {"code_challenge": "x" * 42 + "!"},
    {"code_challenge": "x" * 43 + "\n"},
]


def test_oauth_04_challenge_is_needed_of_every_client(
    make: Callable[..., Vendor], vendor: Vendor
) -> None:
    for change in BAD_CHALLENGES:
        assert is_sent_back(vendor.ask(**change), "invalid_request"), change
        assert is_sent_back(make(make_public_vendor).ask(**change), "invalid_request"), change


def test_oauth_05_repeated_parameter_is_refused(vendor: Vendor) -> None:
    """Each of them, also with the same value, and one that nobody knows."""
    purpose = "RepairImpairments"
    more = {"purpose": purpose, "prompt": "x", "dpop_jkt": "a" * 43, "unknown": "1"}
    more |= {"response_mode": "query", "grant_management_action": "create"}
    address = vendor.ask(**more).request.url
    assert vendor.http.get(str(address)).status_code == 303
    for name, value in address.params.items():
        for again in (value, "other"):
            twice = vendor.http.get(f"{address}&{urlencode({name: again})}")
            if name in ("client_id", "redirect_uri"):
                assert is_page(twice), name
            else:
                assert is_sent_back(twice, "invalid_request"), name
    details = "&authorization_details=%5B%5D&authorization_details=%5B%5D"
    assert is_sent_back(vendor.http.get(f"{address}{details}"), "invalid_request")


STATES: list[Any] = ["a", "x" * 3000, "a b+c%20&=?#/\"'<é漢>\\", "line\nbreak", None]


def test_oauth_06_state_comes_back_byte_exact(vendor: Vendor) -> None:
    for state in STATES:
        allowed = answer_of(vendor.allow(vendor.ask(state=state)))
        assert allowed.get("state") == state, state
        assert is_sent_back(vendor.ask(state=state, scope="log:write"), "invalid_scope", state), (
            state
        )


def test_oauth_07_answer_names_the_issuer_of_the_metadata(vendor: Vendor) -> None:
    """Each answer, good or bad, has `iss` once; so a client of two servers can tell them apart."""
    metadata = vendor.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["authorization_response_iss_parameter_supported"] is True
    answers = [vendor.allow(vendor.ask())]
    answers += [
        vendor.ask(**change).headers["location"]
        for change in (
            {"response_type": "token"},
            {"scope": "no:such"},
            {"code_challenge": None},
            {"prompt": "none"},
            {"authorization_details": "{"},
            {"resource": "https://evil.example"},
            {"grant_management_action": "merge", "grant_id": "x"},
        )
    ]
    for location in answers:
        assert location.startswith(REDIRECT + "&")
        assert answer_of(location)["iss"] == metadata["issuer"]


def test_query_that_is_no_utf8_or_holds_nul_stays_here(vendor: Vendor) -> None:
    address = str(vendor.ask().request.url)
    for more in ("&x=%ff", "&x=%00", "&" + "&".join(f"a{i}=1" for i in range(80))):
        assert is_page(vendor.http.get(address + more))


def test_oauth_13_error_page_is_made_by_the_wiring_and_reflects_nothing(vendor: Vendor) -> None:
    said = []

    def page(request: object, title: str, detail: str) -> PlainTextResponse:
        said.append((title, detail))
        return PlainTextResponse("a page", 400)

    vendor.http.app.state.oauth_error_page = page  # type: ignore[attr-defined]
    answer = vendor.ask(redirect_uri="https://evil.example/<script>")
    assert is_page(answer)
    assert answer.text == "a page"
    assert "evil" not in repr(said)


def test_oauth_15_client_that_forbids_asking_is_told_so(vendor: Vendor) -> None:
    """Whether somebody is signed in or not: nothing is ever allowed without its owner's answer."""
    assert is_sent_back(vendor.ask(prompt="none"), "interaction_required")
    assert is_sent_back(vendor.ask(prompt="none login"), "interaction_required")
    assert vendor.ask(prompt="login").status_code == 303
    owner = Visitor(vendor.http).sign_in()
    asked = owner.get(str(vendor.ask(prompt="none").request.url))
    assert is_sent_back(asked, "interaction_required")


@pytest.mark.parametrize(
    "change",
    [
        {"request": "e30.e30."},
        {"request_uri": "urn:x"},
        {"request_uri": "https://mend.example/request.jwt"},
    ],
)
def test_requests_that_cannot_be_read_lead_nowhere(vendor: Vendor, change: dict[str, str]) -> None:
    assert is_page(vendor.ask(**change))


EXTENSIONS: list[tuple[Any, ...]] = [
    ({"authorization_details": "[]"}, "invalid_authorization_details"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"resource": "https://other.example"}, "invalid_target"),
    ({"dpop_jkt": "short"}, "invalid_request"),
    ({"grant_management_action": "merge"}, "invalid_request"),
    ({"grant_management_action": "change"}, "invalid_request"),
    ({"grant_id": "x"}, "invalid_request"),
    ({"grant_management_action": "merge", "grant_id": "x"}, "invalid_grant_id"),
]


def test_extensions_that_do_not_count_are_refused_rather_than_ignored(vendor: Vendor) -> None:
    for change, error in EXTENSIONS:
        assert is_sent_back(vendor.ask(**change), error), change


def test_parameters_without_value_are_as_if_left_out(vendor: Vendor) -> None:
    assert is_sent_back(vendor.ask(code_challenge=""), "invalid_request")
    assert vendor.ask(prompt="").status_code == 303


def test_purpose_is_the_first_that_covers_the_scopes(make: Callable[..., Vendor]) -> None:
    second = make_purpose(purpose="ServiceUsageAnalytics", scopes={"location:read": {}})
    vendor = make(purposes=[make_purpose(), second])

    def purpose_of(**change: str | None) -> tuple[str, list[str]]:
        answer = vendor.ask(**change)
        ticket = urlsplit(answer.headers["location"]).path.rpartition("/")[2]
        with vendor.database.read() as db:
            row = db.get_one(AccessRequest, sha256(ticket))
        return row.asked["purpose"], row.protocol["scopes"]

    assert purpose_of(scope="care:read care:read") == ("RepairImpairments", ["care:read"])
    assert purpose_of(scope="location:read") == ("ServiceUsageAnalytics", ["location:read"])
    assert purpose_of(scope=None, purpose="ServiceUsageAnalytics")[1] == ["location:read"]
    assert set(purpose_of(scope=None)[1]) == {"usage:read", "care:read"}
    assert is_sent_back(vendor.ask(scope="care:read location:read"), "invalid_scope")
    assert is_sent_back(vendor.ask(purpose="Marketing"), "invalid_request")


@pytest.mark.parametrize("scope", ["body:read", "no:such", "own:read", "log:write", 'a"b'])
def test_scope_not_declared_is_refused(vendor: Vendor, scope: str) -> None:
    assert is_sent_back(vendor.ask(scope=scope), "invalid_scope")


def test_client_without_the_code_grant_cannot_ask(make: Callable[..., Vendor]) -> None:
    assert is_page(make(make_maker_client).ask())
