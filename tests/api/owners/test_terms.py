"""An owner's terms by API: read, changed with the version that was seen, tried on past requests."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response

from app.api.owners.terms import TermsOut, TermsSpec, TrialOut, TrialSpec, VersionList
from app.terms.ceilings import DEFAULT_CEILINGS
from app.terms.roster import find
from tests.api.owners.conftest import EMAIL, Home
from tests.journeys.story import REDIRECT

PATH = "/v1/me/terms"
BASE = DEFAULT_CEILINGS.written()
USAGE = BASE["categories"]["usage"]


def call(home: Home, method: str, path: str = "", token: Any = None, **more: Any) -> Response:
    headers = home.token() if token is None else token
    return home.story.api.request(method, f"{PATH}{path}", headers=headers, **more)


def limits(category: str = "usage", **changes: Any) -> dict[str, Any]:
    found = BASE["categories"][category] | changes
    return BASE | {"categories": BASE["categories"] | {category: found}}


def spec(version: int = 1, **changes: Any) -> dict[str, Any]:
    told = {"agreement": "SD-BASE-DP", "ceilings": BASE, "refuses_unasked": False}
    return told | {"version": version} | changes


def test_terms_are_there_before_anything_is_said(home: Home) -> None:
    found = call(home, "GET")
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    one = find("SD-BASE-DP")
    assert found.json() == {
        "version": 1,
        "at": found.json()["at"],
        "agreement": {"id": one.id, "version": 1, "hash": f"sha256:{one.hash.hex()}"},
        "ceilings": BASE,
        "refuses_unasked": False,
    }


def test_a_change_is_a_version_with_its_differences(home: Home) -> None:
    strict = limits(precision="day", history_days=0, countries=["FR", "DE"])
    kept = call(home, "PUT", json=spec(ceilings=strict, refuses_unasked=True))
    assert kept.status_code == 200, kept.text
    assert kept.json()["version"] == 2
    assert kept.json()["ceilings"]["categories"]["usage"]["countries"] == ["DE", "FR"]
    assert call(home, "GET").json() == kept.json()
    assert call(home, "PUT", json=spec(2, agreement="SD-BASE-A-DP")).json()["version"] == 3
    versions = call(home, "GET", "/versions").json()["versions"]
    assert [one["version"] for one in versions] == [3, 2, 1]
    assert versions[2]["differences"] == []
    changed = versions[1]["differences"]
    told = {(d["attribute"], d["category"]): (d["before"], d["after"]) for d in changed}
    assert told == {
        ("refuses_unasked", None): (False, True),
        ("precision", "usage"): ("exact", "day"),
        ("history_days", "usage"): (None, 0),
        ("countries", "usage"): (None, ["DE", "FR"]),
    }
    agreements = next(d for d in versions[0]["differences"] if d["attribute"] == "agreement")
    assert (agreements["before"]["id"], agreements["after"]["id"]) == ("SD-BASE-DP", "SD-BASE-A-DP")
    page = home.owner.get("/security/log").text
    assert page.count("Your terms changed") == 2


def test_a_change_of_a_version_that_is_gone_is_a_conflict(home: Home) -> None:
    assert call(home, "PUT", json=spec(refuses_unasked=True)).status_code == 200
    late = call(home, "PUT", json=spec(agreement="SD-BASE"))
    assert late.status_code == 409
    assert late.json()["type"].endswith("/problems/terms-changed")
    assert late.json()["version"] == 2
    again = call(home, "PUT", json=spec(refuses_unasked=True))
    assert (again.status_code, again.json()["version"]) == (200, 2), "sent twice, kept once"
    assert call(home, "GET").json()["agreement"]["id"] == "SD-BASE-DP"


def test_of_two_changes_at_once_neither_is_lost(home: Home) -> None:
    token, answers = home.token(), list[Response]()
    start = threading.Barrier(2)

    def change(days: int) -> None:
        body = spec(ceilings=limits(duration_days=days))
        start.wait()
        answers.append(home.story.api.put(PATH, json=body, headers=token))

    threads = [threading.Thread(target=change, args=(days,)) for days in (10, 20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(one.status_code for one in answers) == [200, 409]
    kept = next(one.json() for one in answers if one.status_code == 200)
    assert call(home, "GET").json() == kept


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in spec().items() if key != name}


WRONG: list[tuple[Any, str]] = [
    *((without(name), f"/{name}") for name in spec()),
    (spec(version="1"), "/version"),
    (spec(version=0), "/version"),
    (spec(version=1.5), "/version"),
    (spec(version=True), "/version"),
    (spec(agreement="PDC-AI"), "/agreement"),
    (spec(agreement="SD-BY"), "/agreement"),
    (spec(agreement=""), "/agreement"),
    (spec(agreement="x" * 41), "/agreement"),
    (spec(agreement=None), "/agreement"),
    (spec(refuses_unasked="yes"), "/refuses_unasked"),
    (spec(refuses_unasked=None), "/refuses_unasked"),
    (spec(more=1), "/more"),
    (spec(ceilings=None), "/ceilings"),
    (spec(ceilings=limits() | {"categories": {"mood": USAGE}}), "/ceilings/categories"),
    (spec(ceilings=limits(history_days=-1)), "/ceilings/categories/usage/history_days"),
    (spec(ceilings=limits(duration_days=0)), "/ceilings/categories/usage/duration_days"),
    (spec(ceilings=limits(countries=["de"])), "/ceilings/categories/usage/countries"),
    (spec(ceilings=BASE | {"exceptions": {"fun": {"usage": USAGE}}}), "/ceilings/exceptions"),
    ([], ""),
]
UNREADABLE: dict[bytes, int] = {
    b"{": 422,
    b'{"version": 1, "version": 1}': 422,
    b'{"agreement": "SD-BASE\\u0000"}': 422,
    b"[" * 40 + b"]" * 40: 422,
    b'{"version": 1e400}': 422,
    b'{"version": 9007199254740993}': 422,
    b'{"ceilings": {"categories": {' + b'"x": {},' * 200_000 + b'"y": {}}}}': 422,
    b" " * 30_000_000: 413,
    b"": 422,
}


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_what_cannot_be_meant_is_named_and_changes_nothing(home: Home) -> None:
    for body, pointer in WRONG:
        answer = call(home, "PUT", json=body)
        assert answer.status_code == 422, (pointer, answer.text)
        assert pointer in [one["pointer"] for one in answer.json()["errors"]]
        if pointer in ("", "/version"):
            continue
        is_left_out = body.get(pointer.split("/")[1]) is None  # as the present terms have it
        trial = {name: value for name, value in body.items() if name != "version"}
        tried = call(home, "POST", "/dry-run", json=trial)
        assert tried.status_code == (200 if is_left_out else 422), (pointer, tried.text)
    assert len(call(home, "GET", "/versions").json()["versions"]) == 1


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_what_cannot_be_read_changes_nothing(home: Home) -> None:
    headers = home.token() | {"content-type": "application/json"}
    for content, status in UNREADABLE.items():
        answer = home.story.api.put(PATH, content=content, headers=headers)
        assert answer.status_code == status, (content[:40], answer.text[:300])
        assert answer.headers["content-type"] == "application/problem+json"
    assert len(call(home, "GET", "/versions").json()["versions"]) == 1


def test_each_door_asks_for_its_scope(home: Home) -> None:
    reads, changes = home.token(scopes=("own:read",)), home.token(scopes=("own:terms",))
    others = home.token(scopes=("own:manage", "own:export"))
    for method, path, token, good in (
        ("GET", "", reads, changes),
        ("GET", "/versions", reads, changes),
        ("GET", "/proffers", reads, changes),
        ("POST", "/dry-run", reads, changes),
        ("PUT", "", changes, reads),
    ):
        body = {"json": spec(refuses_unasked=True)} if method == "PUT" else {}
        assert call(home, method, path, good, **body).status_code == 403, (method, path)
        assert call(home, method, path, others, **body).status_code == 403, (method, path)
        assert call(home, method, path, {}, **body).status_code == 401
        assert call(home, method, path, home.maker, **body).status_code == 403
        assert call(home, method, path, token, **body).status_code == 200


def test_a_token_for_one_object_reaches_no_terms(home: Home) -> None:
    narrow = home.token(home.jeans)
    assert call(home, "GET", token=narrow).status_code == 404
    assert call(home, "GET", "/versions", narrow).status_code == 404
    assert call(home, "GET", "/proffers", narrow).status_code == 404
    assert call(home, "POST", "/dry-run", narrow).status_code == 404
    assert call(home, "PUT", token=narrow, json=spec(refuses_unasked=True)).status_code == 404
    assert not call(home, "GET").json()["refuses_unasked"]


def ask(home: Home, vendor: tuple[str, str], *scopes: str, **more: str) -> None:
    """A vendor asks, and the owner looks at it."""
    assert home.owner.get(home.story.ask(vendor, *scopes, **more).page).status_code == 200
    home.clock.advance(timedelta(minutes=1))


def test_terms_are_tried_on_what_was_asked(home: Home) -> None:
    assert call(home, "POST", "/dry-run").json() == {"requests": []}
    mend, sew = home.story.vendor(), home.story.vendor("Sew & Co")
    ask(home, mend, "usage:read", "care:read")
    ask(home, sew, "usage:read", "body:read")
    tried = call(home, "POST", "/dry-run").json()["requests"]
    assert [one["client_name"] for one in tried] == ["Sew & Co client", "Mend & Co client"]
    assert [one["outcome"] for one in tried] == ["marked", "fits"]
    assert {one["category"] for one in tried[0]["excesses"]} == {"body"}
    assert {"attribute": "history_days", "category": "body", "asked": None, "allowed": 0} in tried[
        0
    ]["excesses"]
    strict = {"ceilings": limits(history_days=0), "refuses_unasked": True}
    tried = call(home, "POST", "/dry-run", json=strict).json()["requests"]
    assert [one["outcome"] for one in tried] == ["refused", "refused"]
    assert call(home, "GET").json()["version"] == 1, "nothing was kept"
    assert call(home, "PUT", json=spec(ceilings=limits("body", **USAGE))).status_code == 200
    tried = call(home, "POST", "/dry-run", json={}).json()["requests"]
    assert [one["outcome"] for one in tried] == ["fits", "fits"]


def test_borders_and_limits_of_a_request_are_measured(home: Home) -> None:

    entry = {
        "type": "urn:inseam:object-data",
        "datatypes": ["usage"],
        "window": {"from": (home.clock.now() - timedelta(days=20)).isoformat()},
        "until": (home.clock.now() + timedelta(days=30)).isoformat(),
        "limits": {"frequency": {"count": 1, "per": "day"}},
    }
    details = json.dumps([entry])
    ask(home, home.story.vendor(), scope="", authorization_details=details)

    def outcome(**changes: Any) -> list[str]:
        body = {"ceilings": limits(**changes)}
        (one,) = call(home, "POST", "/dry-run", json=body).json()["requests"]
        return [excess["attribute"] for excess in one["excesses"]]

    assert outcome(history_days=19, duration_days=30) == []
    assert outcome(history_days=18, duration_days=29) == ["history_days", "duration_days"]
    assert outcome(frequency={"count": 7, "per": "week"}) == []
    assert outcome(frequency={"count": 6, "per": "week"}) == ["frequency"]


def test_another_owners_requests_and_own_apps_are_not_tried(home: Home) -> None:
    assert home.other.get(home.story.ask(home.story.vendor()).page).status_code == 200
    home.story.confirm(home.owner, EMAIL)
    form = {"app_name": "Shelf", "app_redirects": REDIRECT, "app_kind": "confidential"}
    made = home.owner.post("/security/apps", form | {"app_scope": "usage:read"})
    assert made.status_code == 303, made.text
    app_id = made.headers["location"].rpartition("/")[2]
    ask(home, (app_id, ""), "usage:read")
    assert call(home, "POST", "/dry-run").json() == {"requests": []}


def test_the_last_twenty_are_tried(home: Home) -> None:
    vendor = home.story.vendor()
    for _ in range(23):
        ask(home, vendor, "usage:read")
    assert len(call(home, "POST", "/dry-run").json()["requests"]) == 20


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_examples_fit(app: FastAPI) -> None:
    from app.api.owners import terms

    def example(described: dict[str, Any]) -> Any:
        return described["content"]["application/json"]["example"]

    assert TermsSpec.model_validate(terms.NEW_EXAMPLE)
    assert TrialSpec.model_validate(terms._SPEC)
    assert TermsOut.model_validate(example(terms.TERMS_EXAMPLE))
    assert VersionList.model_validate(example(terms.VERSIONS_EXAMPLE))
    assert TrialOut.model_validate(example(terms.TRIAL_EXAMPLE))
