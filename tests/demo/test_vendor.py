"""Mend & Co against a stub of the service: connecting, reading, and letting go."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from app.demo.vendor.garment import EARLY, MEND, REST, advise, read_garment
from app.demo.vendor.site import make_site
from tests.demo.stub import CLIENT, GRANT, OBJECT, SECRET, WASH, WEAR, Stub, story

SERVICE, OWN = "http://service.test:8000", "http://mend.test:8001"
COPY = "Straight Leg, connected"
OWN_SCRIPT = '<script type="module" src="/static/zone.js"></script>'


@pytest.fixture
def stub() -> Stub:
    return Stub(SERVICE, f"{OWN}/callback", records=story())


@pytest.fixture
def site(stub: Stub) -> TestClient:
    app = make_site(SERVICE, CLIENT, SECRET, OWN, httpx2.ASGITransport(stub.app()))
    return TestClient(app, base_url=OWN, follow_redirects=False)


def other_browser(site: TestClient) -> TestClient:
    return TestClient(site.app, base_url=OWN, follow_redirects=False)


def asked(site: TestClient) -> dict[str, str]:
    """Press the button: what the authorization request says."""
    sent = site.get("/connect")
    assert sent.status_code == 302
    assert sent.headers["location"].startswith(f"{SERVICE}/oauth/authorize?")
    return dict(parse_qsl(urlsplit(sent.headers["location"]).query))


def connected(site: TestClient, stub: Stub) -> str:
    """The whole flow; the text of the page at its end."""
    back = site.get(stub.allow(asked(site)))
    assert (back.status_code, back.headers["location"]) == (303, "/jeans")
    return site.get("/jeans").text


def words(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub("<[^>]+>", "", page)


def link_of(site: TestClient) -> object:
    [link] = site.app.state.links._kept.values()  # type: ignore[attr-defined]
    return link


def test_connect_asks_for_code_with_pkce(site: TestClient) -> None:
    request = asked(site)
    assert request["scope"].split()[:2] == ["usage:read", "care:read"]
    assert request["redirect_uri"] == f"{OWN}/callback"
    assert (request["code_challenge_method"], len(request["code_challenge"])) == ("S256", 43)
    cookie = site.get("/connect").headers["set-cookie"].lower()
    assert cookie.startswith("mend-and-co=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_connect_at_another_address_goes_to_the_own_one_first(site: TestClient) -> None:
    sent = site.get("/connect", headers={"host": "localhost:8001"})
    assert sent.headers["location"] == f"{OWN}/connect"


def test_connecting_shows_data_and_what_was_given(site: TestClient, stub: Stub) -> None:
    page = connected(site, stub)
    assert COPY in page
    assert "when and how long they are worn; how they are washed" in page
    assert "from 1 August 2026" in words(page)
    assert "how they fit" in page.split("What you kept")[1]
    assert GRANT in page
    assert page.count('class="bar"') > 15
    assert page.count('class="stitch"') == sum(r["stream"] == "wash" for r in stub.records)
    assert stub.calls.count("records") == -(-len(stub.records) // 50)
    assert re.search(rf"of {sum(r['stream'] == 'wear' for r in stub.records)}, times in UTC", page)


def test_what_was_not_given_is_said_and_not_guessed(site: TestClient, stub: Stub) -> None:
    stub.scope = "care:read"
    stub.records = [one for one in stub.records if one["stream"] == "wash"]
    page = connected(site, stub)
    assert "We cannot say" in page
    assert "Minutes worn a day" not in page


def test_what_is_told_by_the_day_is_said_and_not_drawn(site: TestClient, stub: Stub) -> None:
    stub.by_day = True
    page = connected(site, stub)
    assert ", by the day" in page
    assert "We cannot say" in page
    assert "Minutes worn a day" not in page


def test_wrong_state_connects_nothing(site: TestClient, stub: Stub) -> None:
    answer = site.get(stub.allow(asked(site), state="made-up"))
    assert answer.status_code == 400
    assert "We do not know this connection" in answer.text
    assert "token authorization_code" not in stub.calls
    assert site.get("/jeans").headers["location"] == "/"


@pytest.mark.parametrize("iss", ["http://evil.test", SERVICE + "/", ""])
def test_wrong_issuer_is_refused(site: TestClient, stub: Stub, iss: str) -> None:
    answer = site.get(stub.allow(asked(site), iss=iss))
    assert answer.status_code == 400
    assert "did not come from the service we asked" in answer.text
    assert stub.calls == []


def test_metadata_of_another_issuer_is_refused(stub: Stub) -> None:
    stub.origin = "http://evil.test"
    app = make_site(SERVICE, CLIENT, SECRET, OWN, httpx2.ASGITransport(stub.app()))
    assert TestClient(app, base_url=OWN).get("/connect").status_code == 400


def test_a_code_works_once(site: TestClient, stub: Stub) -> None:
    back = stub.allow(asked(site))
    site.get(back)
    assert "We do not know this connection" in site.get(back).text
    assert stub.calls.count("token authorization_code") == 1


def test_a_dead_code_is_told_calmly(site: TestClient, stub: Stub) -> None:
    back = stub.allow(asked(site))
    stub.codes.clear()
    assert "The connection did not work" in site.get(back).text


def test_refusal_is_taken_calmly(site: TestClient, stub: Stub) -> None:
    state = asked(site)["state"]
    answer = site.get(f"/callback?error=access_denied&state={state}&iss={SERVICE}")
    assert answer.status_code == 200
    assert "You said no, and that is fine" in answer.text
    assert stub.calls == []


def test_another_browser_must_press_finish(site: TestClient, stub: Stub) -> None:
    other, back = other_browser(site), stub.allow(asked(site))
    page = other.get(back)
    assert page.status_code == 200
    assert "This was allowed from another place" in page.text
    assert "token authorization_code" not in stub.calls
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    done = other.post("/callback", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/jeans")
    assert COPY in other.get("/jeans").text
    assert site.get("/jeans").headers["location"] == "/"


def test_finishing_needs_this_browsers_own_page(site: TestClient, stub: Stub) -> None:
    """A form made elsewhere cannot push a stranger's connection into a browser."""
    other, told = other_browser(site), dict(parse_qsl(urlsplit(stub.allow(asked(site))).query))
    assert other.post("/callback", data=told).status_code == 400
    foreign = {"sec-fetch-site": "cross-site"}
    assert other.post("/callback", data=told, headers=foreign).status_code == 403
    assert other.post("/callback", data=told, headers={"origin": "null"}).status_code == 403
    assert stub.calls == []


def asked_at_counter(site: TestClient) -> dict[str, str]:
    """The workshop asks by itself: what its authorization request says."""
    sent = TestClient(site.app, base_url=OWN).post("/counter/ask", auth=(CLIENT, SECRET))
    assert sent.status_code == 200
    assert "set-cookie" not in sent.headers
    return dict(parse_qsl(urlsplit(sent.json()["ask_at"]).query))


def test_what_the_counter_asked_ends_well_in_any_browser(site: TestClient, stub: Stub) -> None:
    back = stub.allow(asked_at_counter(site))
    assert site.get(back).headers["location"] == "/counter"
    page = site.get("/counter").text
    assert "Thank you, the counter has it" in page
    assert COPY in page
    assert site.get("/jeans").headers["location"] == "/", "nothing is shown without a press"
    assert site.post("/counter", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert site.post("/counter").headers["location"] == "/jeans"
    assert COPY in site.get("/jeans").text
    assert site.post("/counter").headers["location"] == "/", "once"
    assert other_browser(site).get(back).status_code == 400, "the code was used"
    assert stub.calls.count("token authorization_code") == 1


def test_the_counters_answer_leaves_a_visitors_own_connection(site: TestClient, stub: Stub) -> None:
    """A stranger who is led to the end of somebody's request still sees what was theirs."""
    connected(site, stub)
    mine = link_of(site)
    site.get(stub.allow(asked_at_counter(site)))
    assert site.get("/jeans").status_code == 200
    links = site.app.state.links._kept  # type: ignore[attr-defined]
    assert next(iter(links.values())) is mine
    assert len(links) == 2


@pytest.mark.parametrize(
    "auth", [None, (CLIENT, "wrong"), ("wrong", SECRET), ("", ""), (f"{CLIENT}:", SECRET)]
)
def test_only_the_workshop_asks_at_its_counter(
    site: TestClient, stub: Stub, auth: tuple[str, str] | None
) -> None:
    assert site.post("/counter/ask", auth=auth).status_code == 401
    assert site.post("/counter/ask", headers={"authorization": "Basic ?"}).status_code == 401
    assert site.get("/counter").headers["location"] == "/"


def test_the_counters_request_keeps_pkce_state_and_issuer(site: TestClient, stub: Stub) -> None:
    request = asked_at_counter(site)
    assert (request["code_challenge_method"], len(request["code_challenge"])) == ("S256", 43)
    assert site.get(stub.allow(request, iss="http://evil.test")).status_code == 400
    assert site.get(stub.allow(request, state="made-up")).status_code == 400
    other = asked_at_counter(site)
    foreign = stub.allow(other, state=request["state"])  # a code of another request
    assert "The connection did not work" in site.get(foreign).text
    assert site.get("/counter").headers["location"] == "/"
    assert site.app.state.links._kept == {}  # type: ignore[attr-defined]
    refused = {"error": "access_denied", "state": other["state"], "iss": SERVICE}
    assert "You said no, and that is fine" in site.get("/callback", params=refused).text


def test_look_again_reads_afresh(site: TestClient, stub: Stub) -> None:
    connected(site, stub)
    stub.records, before = stub.records[:1], stub.calls.count("objects")
    site.get("/jeans")
    assert stub.calls.count("objects") == before
    assert site.post("/look").headers["location"] == "/jeans"
    assert stub.calls.count("objects") == before + 1
    assert "of 1, times in UTC" in site.get("/jeans").text


def test_revoked_shows_why_and_clears_everything(site: TestClient, stub: Stub) -> None:
    connected(site, stub)
    stub.reason = "revoked"
    site.post("/look")
    page = site.get("/jeans").text
    assert "The owner has ended this permission" in page
    assert "<code>revoked</code>" in page
    assert "23 November 2026, 12:34:56 UTC" in words(page)
    assert COPY not in page
    link = link_of(site)
    assert (link.token, link.copies) == ({}, None)  # type: ignore[attr-defined]
    calls = list(stub.calls)
    site.post("/look")
    assert stub.calls == calls, "nothing is sent any more"


def test_revoked_is_named_also_when_the_access_token_was_over(site: TestClient, stub: Stub) -> None:
    stub.life = 1
    connected(site, stub)
    stub.reason = "revoked"
    site.post("/look")
    assert "The owner has ended this permission" in site.get("/jeans").text


def test_an_expired_token_is_refreshed_with_what_was_granted(site: TestClient, stub: Stub) -> None:
    connected(site, stub)
    stub.access.clear()
    site.post("/look")
    assert stub.calls.count("token refresh_token") == 1
    assert COPY in site.get("/jeans").text


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (403, {"type": "/problems/grant-paused"}, {}, "The owner has paused this permission"),
        (403, {"type": "/problems/insufficient-scope"}, {}, "not part of this permission"),
        (429, {}, {"Retry-After": "7"}, "look again in 7 seconds"),
        (503, {}, {}, "Inseam does not answer just now"),
    ],
)
def test_a_hindrance_keeps_the_copies_and_says_so(
    site: TestClient, stub: Stub, status: int, body: dict, headers: dict, words: str
) -> None:
    connected(site, stub)
    stub.failure = (status, body, headers)
    site.post("/look")
    page = site.get("/jeans").text
    assert words in page
    assert COPY in page
    stub.failure = None
    site.post("/look")
    assert words not in site.get("/jeans").text


def test_an_object_dropped_from_the_permission_is_forgotten(site: TestClient, stub: Stub) -> None:
    connected(site, stub)
    stub.gone = True
    site.post("/look")
    page = site.get("/jeans").text
    assert "No garment is part of this permission any more" in page
    assert COPY not in page


def test_disconnect_revokes_and_forgets(site: TestClient, stub: Stub) -> None:
    connected(site, stub)
    left = site.post("/disconnect").headers["location"]
    page = site.get(left).text
    assert "gave up our keys" in page
    assert f'href="{SERVICE}/permissions/{GRANT}"' in page, "the permission is ended there"
    assert stub.calls[-1] == "revoke"
    assert stub.refresh == set()
    assert site.app.state.links._kept == {}  # type: ignore[attr-defined]
    assert site.get("/jeans").headers["location"] == "/"


def test_disconnect_says_when_the_service_did_not_hear(site: TestClient, stub: Stub) -> None:
    connected(site, stub)
    stub.deaf = True
    left = site.post("/disconnect").headers["location"]
    page = site.get(left).text
    assert "could not be told just now" in page
    assert f'href="{SERVICE}/permissions/{GRANT}"' in page
    assert site.app.state.links._kept == {}  # type: ignore[attr-defined]


def test_no_form_of_another_site_acts(site: TestClient, stub: Stub) -> None:
    connected(site, stub)
    for path in ("/look", "/disconnect"):
        assert site.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert "revoke" not in stub.calls


def test_a_service_that_is_down_is_told_calmly() -> None:
    app = make_site("http://127.0.0.1:9", CLIENT, SECRET, OWN)
    answer = TestClient(app, base_url=OWN).get("/connect")
    assert answer.status_code == 503
    assert "Inseam does not answer just now" in answer.text


def test_text_from_the_service_is_inert(site: TestClient, stub: Stub) -> None:
    stub.records[-1]["values"]["programme"] = "<script>alert(1)</script>"
    stub.records[-1]["stream"] = "wash"
    page = connected(site, stub)
    assert "<script" not in page.replace(OWN_SCRIPT, "")
    assert "&lt;script&gt;" in page


def test_advice_follows_hours_and_hot_washes() -> None:
    minutes = {"name": "m", "title": "Minutes", "type": "number", "unit": "min"}
    warm = {"name": "t", "title": "Temperature", "type": "number", "unit": "Cel"}
    streams = [WEAR | {"fields": [minutes]}, WASH | {"fields": [warm]}]
    one = {"id": OBJECT, "product": {"name": "Jeans", "maker": "M", "streams": streams}}
    wear = {"stream": "wear", "at": "2026-11-02T08:00:00Z", "values": {"m": 8400}}
    hot = {"stream": "wash", "at": "2026-11-01T08:00:00Z", "values": {"t": 60}}
    rested = read_garment(one, [wear])
    assert (rested.hours, advise(rested)[0]) == (140, REST)
    tired = read_garment(one, [wear, *[hot] * 20])
    assert (tired.by_temperature, tired.wears_since_wash) == ([("60 °C", 20)], 1)
    assert advise(tired)[0] == MEND


JEANS = {
    "name": "Jeans",
    "maker": "M",
    "streams": [
        WEAR | {"fields": [{"name": "m", "title": "Minutes", "type": "number", "unit": "min"}]},
        WASH | {"fields": [{"name": "t", "title": "Temperature", "type": "number", "unit": "Cel"}]},
    ],
}


def test_from_today_on_is_said_as_it_is() -> None:
    read_at = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
    window = {"from": "2026-11-24T23:00:00Z", "to": None}
    one = {"id": OBJECT, "product": JEANS, "window": window}
    headline, reasons = advise(read_garment(one, [], read_at))
    assert (headline, reasons[0]) == (EARLY, "You gave us nothing from before today.")
    assert "since the last wash" not in " ".join(reasons)
    assert not re.search(r"\b0 (hours|days)", " ".join(reasons))
    worn = {"stream": "wear", "at": "2026-11-25T08:00:00Z", "values": {"m": 35}}
    _, reasons = advise(read_garment(one, [worn], read_at))
    assert reasons[:2] == [
        "You gave us nothing from before today.",
        "35 minutes of wear on 1 day.",
    ]
    assert "since the last wash" not in " ".join(reasons)
    _, reasons = advise(read_garment(one, [worn], read_at + timedelta(days=1)))
    assert "You gave us nothing from before today." not in reasons
    everything = one | {"window": {"from": None, "to": None}}
    assert "before today" not in advise(read_garment(everything, [worn], read_at))[1][0]


def test_wear_counts_from_the_hour_of_the_last_wash() -> None:
    wash = {"stream": "wash", "at": "2026-11-25T07:00:00Z", "values": {"t": 30}}
    hours = ("2026-11-24T08:00:00Z", "2026-11-25T06:00:00Z", "2026-11-25T08:00:00Z")
    worn = [{"stream": "wear", "at": at, "values": {"m": 60}} for at in hours]
    garment = read_garment({"id": OBJECT, "product": JEANS}, [*worn, wash])
    assert garment.wears_since_wash == 1
    assert "Worn on 1 day since the last wash." in advise(garment)[1]


def test_an_empty_chart_is_left_out(site: TestClient, stub: Stub) -> None:
    stub.records = []
    page = connected(site, stub)
    assert EARLY in page
    assert "Minutes worn a day" not in page


def test_times_name_utc_until_the_browser_knows_better(site: TestClient, stub: Stub) -> None:
    page = connected(site, stub)
    times = re.findall(r'<time datetime="([^"]+)" data-show="(\w+)">([^<]+)</time>', page)
    assert len(times) == page.count("<time")
    shown = {show: (at, text) for at, show, text in times}
    assert shown["day"] == ("2026-08-01T00:00:00.000Z", "1 August 2026 UTC")
    assert shown["last"] == ("2099-05-02T22:59:59.000Z", "2 May 2099, 22:59 UTC")
    assert shown["second"][1].endswith(" UTC")
    assert all("UTC" not in text for _, show, text in times if show == "minute")
    script = site.get("/static/zone.js")
    assert script.headers["content-type"].startswith("text/javascript")
    policy = site.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_the_first_page_promises_what_disconnect_does(site: TestClient) -> None:
    said = words(site.get("/").text)
    assert "there or here" not in said
    assert "Any time, at Inseam." in said
