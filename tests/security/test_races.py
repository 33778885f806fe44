"""Four workers, many callers at one moment: what may happen once happens once, and a reading that
arrives after its revocation was answered does not exist."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from app.kit.clock import SystemClock
from app.kit.ids import new_id
from app.organizations.client_rules import DEVICE_CODE
from app.settings import Settings
from tests.journeys.story import PURPOSE, REDIRECT, SAME, Asking, Person, basic, bearer
from tests.security.conftest import Stage
from tests.support.rounds import rounds
from tests.support.served import at_once, served

CALLERS = 12


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Readings leave within a short time, so that a revocation has little to wait for."""
    changes = {
        "send_deadline_seconds": 0.3,
        "rate_claim_per_minute": 10_000,
        "rate_data_per_minute": 1_000_000,
        "rate_token_per_minute": 1_000_000,
        "rate_device_per_minute": 10_000,
        "rate_authorize_per_minute": 1_000_000,
    }
    return settings.model_copy(update=changes)


@pytest.fixture
def url(stage: Stage, settings: Settings) -> Iterator[str]:
    """The service beside the test, once everything is set up."""
    with served(settings, workers=4) as address:
        yield address


def cookies(person: Person) -> dict[str, str]:
    told = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    return SAME | {"Cookie": told}


def post(url: str, path: str, headers: dict[str, str], **more: Any) -> httpx2.Response:
    return httpx2.post(url + path, headers=headers, timeout=60, **more)


def statuses(answers: list[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_of_many_at_one_moment_one_counts_and_revoked_means_now(stage: Stage, url: str) -> None:
    """Claims, answers to a consent page, codes, refresh tokens, codes of devices, pushed requests,
    batches, revocations; with one start of the service, which is what takes the time."""
    check_revocations(stage, url)
    check_claims(stage, url)
    check_answers_codes_and_refreshes(stage, url)
    check_device_codes(stage, url)
    check_pushed_requests(stage, url)
    check_batches(stage, url)


def check_claims(stage: Stage, url: str) -> None:
    people = [stage.owner, stage.other, stage.story.person()]
    for number in range(rounds(2, 40)):
        minted = stage.story.mint(stage.maker, stage.product, f"R-{number}")
        form = {"code": minted["claim_code"]}
        pages = [p.post("/claim", form).headers["location"] for p in people]
        calls = [(page, cookies(person)) for page, person in zip(pages, people, strict=True)] * 4

        def claim(number: int, calls: list[Any] = calls) -> httpx2.Response:
            page, headers = calls[number]
            return post(url, page, headers, data={"used_by": "me", "since": "today"})

        assert statuses(at_once(CALLERS, claim)) == {303: CALLERS}
        homes = [person.get("/home").text for person in people]
        assert sum(minted["object_id"] in home for home in homes) == 1


def check_answers_codes_and_refreshes(stage: Stage, url: str) -> None:
    vendor = stage.story.vendor("Third")
    for _ in range(rounds(1, 20)):
        asking = stage.story.ask(vendor)
        code = answer_at_once(stage, url, asking)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        form["code_verifier"] = asking.verifier
        token = spend_at_once(url, basic(vendor), form)["access_token"]
        assert get(url, "/v1/data/objects", bearer(token)).status_code == 401, "a code used twice"
        fresh = stage.story.connect(vendor, stage.owner, [stage.jeans])
        form = {"grant_type": "refresh_token", "refresh_token": fresh["refresh_token"]}
        check_one_successor(url, vendor, form)
        form |= public_tokens(stage)
        token = spend_at_once(url, {}, form)["access_token"]
        assert get(url, "/v1/data/objects", bearer(token)).status_code == 401, "a token used twice"


def check_one_successor(url: str, vendor: tuple[str, str], form: dict[str, str]) -> None:
    """A client that authenticates gets the same next token, from whichever worker."""
    answers = at_once(20, lambda _: post(url, "/oauth/token", basic(vendor), data=form))
    assert statuses(answers) == {200: 20}
    assert len({a.json()["refresh_token"] for a in answers}) == 1
    token = answers[0].json()["access_token"]
    assert get(url, "/v1/data/objects", bearer(token)).status_code == 200


def public_tokens(stage: Stage) -> dict[str, str]:
    """A refresh token of a client that keeps no secret, as a form has it."""
    app = stage.story.client(
        stage.story.organization(f"App {new_id()}"),
        *PURPOSE["scopes"],
        is_public=True,
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code", "refresh_token"],
        purposes=[PURPOSE],
    )
    asking = stage.story.ask(app)
    form = {
        "grant_type": "authorization_code",
        "client_id": app[0],
        "code": asking.allow(stage.owner, [stage.jeans]),
        "redirect_uri": REDIRECT,
        "code_verifier": asking.verifier,
    }
    answer = stage.story.api.post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"client_id": app[0], "refresh_token": answer.json()["refresh_token"]}


def check_device_codes(stage: Stage, url: str) -> None:
    """Of twenty polls one gets the tokens, and they live."""
    firm = stage.story.organization("Tablets & Co")
    told = {"grant_types": [DEVICE_CODE, "refresh_token"], "purposes": [PURPOSE]}
    client = stage.story.client(firm, *PURPOSE["scopes"], **told)  # type: ignore[misc]
    for _ in range(rounds(1, 20)):
        asked = {"scope": "usage:read care:read"}
        started = post(url, "/oauth/device_authorization", basic(client), data=asked).json()
        typed = stage.owner.post("/device", {"user_code": started["user_code"]})
        assert allowed(stage, typed.headers["location"]).status_code == 303
        form = {"grant_type": DEVICE_CODE, "device_code": started["device_code"]}
        token = spend_at_once(url, basic(client), form)["access_token"]
        assert get(url, "/v1/data/objects", bearer(token)).status_code == 200


def check_pushed_requests(stage: Stage, url: str) -> None:
    """Twenty visits lead to one page, whose many answers give one code; then there is no visit."""
    client = stage.story.vendor("Pushing")
    for _ in range(rounds(1, 20)):
        asking = stage.story.ask(client)
        form = dict(asking.response.request.url.params)
        pushed = post(url, "/oauth/par", basic(client), data=form).json()["request_uri"]
        where = {"client_id": client[0], "request_uri": pushed}
        address = f"/oauth/authorize?{urlencode(where)}"
        visits = at_once(20, lambda _, address=address: get(url, address, SAME))  # type: ignore[misc]
        assert statuses(visits) == {303: 20}
        (page,) = {visit.headers["location"] for visit in visits}
        code = code_of_answers(stage, url, page.removeprefix("https://testserver"))
        late = at_once(20, lambda _, address=address: get(url, address, SAME))  # type: ignore[misc]
        assert statuses(late) == {400: 20}, "used when it was answered"
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        form["code_verifier"] = asking.verifier
        spend_at_once(url, basic(client), form)


def allowed(stage: Stage, page: str) -> httpx2.Response:
    until = (stage.story.clock.now() + timedelta(days=30)).date().isoformat()
    form = {"answer": "allow", "object": stage.jeans, "kind": ["usage", "care"], "until": until}
    assert stage.owner.get(page).status_code == 200
    return stage.owner.post(page, form)


def answer_at_once(stage: Stage, url: str, asking: Asking) -> str:
    """The code of the one grant that many answers to one consent page gave."""
    return code_of_answers(stage, url, asking.page.removeprefix("https://testserver"))


def code_of_answers(stage: Stage, url: str, page: str) -> str:
    assert stage.owner.get(page).status_code == 200
    until = stage.story.clock.now().date().isoformat()
    form = {"answer": "allow", "object": stage.jeans, "kind": "usage", "until": until}
    headers = cookies(stage.owner)
    answers = at_once(6, lambda _: post(url, page, headers, data=form))
    assert set(statuses(answers)) <= {200, 303}
    (back,) = [a.headers["location"] for a in answers if "code=" in a.headers.get("location", "")]
    return str(httpx2.URL(back).params["code"])


def spend_at_once(url: str, headers: dict[str, str], form: dict[str, str]) -> Any:
    answers = at_once(20, lambda _: post(url, "/oauth/token", headers, data=form))
    assert statuses(answers) == {200: 1, 400: 19}
    assert {a.json()["error"] for a in answers if a.status_code == 400} == {"invalid_grant"}
    return next(a.json() for a in answers if a.status_code == 200)


def get(url: str, path: str, headers: dict[str, str]) -> httpx2.Response:
    return httpx2.get(url + path, headers=headers, timeout=60)


def check_revocations(stage: Stage, url: str) -> None:
    """Nothing may arrive after the answer, of an end and of a pause alike."""
    for number in range(rounds(2, 50)):
        act, shut = (("revoke", 401), ("pause", 403))[number % 2]
        tokens = stage.story.connect(
            stage.story.vendor(f"V {new_id()}"), stage.owner, [stage.jeans]
        )
        token = bearer(tokens["access_token"])
        (thing,) = stage.story.objects(tokens["access_token"])
        path = f"/v1/data/objects/{thing['id']}/records"
        seen, is_over, found = read_without_end(url, path, token)
        wait_for_a_reading(found)
        end = f"/permissions/{tokens['grant_id']}/{act}"
        headers = cookies(stage.owner)
        try:
            both = at_once(2, lambda _, end=end, headers=headers: post(url, end, headers))  # type: ignore[misc]
            answered = time.monotonic()
            assert statuses(both) == {303: 2}
            time.sleep(0.3)
        finally:
            is_over.set()
        assert {status for at, status in seen() if at > answered} == {shut}
        assert 200 in {status for at, status in seen() if at < answered}
        assert {status for _, status in seen()} <= {200, shut}
        if act == "pause":
            go_on = f"/permissions/{tokens['grant_id']}/resume"
            assert post(url, go_on, headers).status_code == 303
            assert get(url, path, token).status_code == 200


def wait_for_a_reading(found: list[tuple[float, int]]) -> None:
    """Until one has arrived, however slow the machine is."""
    for _ in range(200):
        time.sleep(0.1)
        if any(status == 200 for _, status in list(found)):
            return


def read_without_end(
    url: str, path: str, token: dict[str, str]
) -> tuple[Any, threading.Event, list[tuple[float, int]]]:
    """Four readers; a function that waits for them and tells what arrived when. What is cut off at
    its deadline, as on a busy machine, has not arrived."""
    is_over, found = threading.Event(), list[tuple[float, int]]()

    def read() -> None:
        with httpx2.Client(headers=token, timeout=60) as http:
            while not is_over.is_set():
                with suppress(httpx2.RemoteProtocolError, httpx2.ReadError):
                    status = http.get(url + path).status_code
                    found.append((time.monotonic(), status))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()

    def seen() -> list[tuple[float, int]]:
        for reader in readers:
            reader.join(60)
        return found

    return seen, is_over, found


def check_batches(stage: Stage, url: str) -> None:
    path, key = f"/v1/objects/{stage.jeans}/events", {"Idempotency-Key": str(new_id())}
    batch = [stage.story.wash() | {"id": f"r-{number}"} for number in range(20)]
    answers = at_once(8, lambda _: post(url, path, stage.maker | key, json=batch))
    assert (statuses(answers), {a.json()["stored"] for a in answers}) == ({200: 8}, {20})
    other = [stage.story.wash() | {"id": f"s-{number}"} for number in range(20)]
    answers = at_once(8, lambda _: post(url, path, stage.maker, json=other))
    assert sum(a.json()["stored"] for a in answers) == 20
    order = {"product_id": stage.product, "serial": "ONCE"}
    answers = at_once(8, lambda _: post(url, "/v1/objects", stage.maker | key, json=order))
    assert set(statuses(answers)) == {409}, "the key belongs to another request"
    key = {"Idempotency-Key": str(new_id())}
    answers = at_once(8, lambda _: post(url, "/v1/objects", stage.maker | key, json=order))
    assert (statuses(answers), len({a.text for a in answers})) == ({201: 8}, 1)
