"""A visit: a technician at the door asks by a code on a tablet, for a day (RFC 8628)."""

import json
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from httpx2 import Response

from tests.conftest import ORIGIN
from tests.journeys.story import GTIN, PRODUCT, Story, bearer, refresh
from tests.journeys.tablet import SCOPES, Home, Tablet, allow, error_of, type_code

KINDS = {"condition", "care", "identity"}
LATER = timedelta(seconds=5)


def ask(tablet: Tablet, ends: datetime, identifier: str | None = None) -> Response:
    """What a visit needs, of one thing, for a day."""
    entry = {"type": "urn:inseam:object-data", "datatypes": sorted(KINDS)}
    entry |= {"until": ends.isoformat()} | ({"identifier": identifier} if identifier else {})
    return tablet.start(scope="", authorization_details=json.dumps([entry]))


def test_a_visit(story: Story, tablet: Tablet, home: Home) -> None:
    owner, boiler, other = home
    ends = story.clock.now() + timedelta(hours=24)
    started = ask(tablet, ends)
    assert started.status_code == 200, started.text
    told = started.json()
    assert told["verification_uri"] == f"{ORIGIN}/device"
    assert (told["expires_in"], told["interval"]) == (900, 5)
    assert error_of(tablet.poll(told["device_code"])) == "authorization_pending"

    # The phone opens what the QR holds; the person sees that the codes are the same, and who asks.
    scanned = urlsplit(told["verification_uri_complete"])
    assert parse_qs(scanned.query) == {"user_code": [told["user_code"]]}
    page = owner.get(f"{scanned.path}?{scanned.query}")
    assert f'value="{told["user_code"]}"' in page.text
    sent = type_code(owner, told["user_code"])
    consent = owner.get(sent.headers["location"])
    assert "Warm &amp; Co client asks" in consent.text
    assert "another device" in consent.text
    done = allow(story, owner, sent.headers["location"], [boiler], days=1)
    assert "You can go back to your device" in done.text

    story.clock.advance(LATER)
    tokens = tablet.poll(told["device_code"]).json()
    assert set(tokens["scope"].split()) == set(SCOPES)
    (detail,) = tokens["authorization_details"]
    assert set(detail["datatypes"]) == KINDS
    assert datetime.fromisoformat(detail["until"]) == ends
    (thing,) = story.objects(tokens["access_token"])
    assert thing["product"]["name"] == PRODUCT["name"]
    assert f"/01/0{GTIN}/21/SL-1" in json.dumps(thing["identity"])
    assert {stream["name"] for stream in thing["product"]["streams"]} == {"wash", "wear"}
    token = tokens["access_token"]
    read = story.records(token, thing["id"])
    assert {record["stream"] for record in read.json()["records"]} == {"wash", "wear"}
    assert story.records(token, thing["id"], stream="run").status_code in (403, 404)
    assert story.records(token, other).status_code == 404
    seen = story.history(owner)
    assert "Warm &amp; Co client" in seen
    assert seen.count("Refused") == 2  # what ran, and the other thing

    ends_by_itself(story, tablet, tokens, thing["id"], ends)
    assert "Ran out" in owner.get(f"/permissions/{tokens['grant_id']}").text
    assert "The permission had run out." in story.history(owner)


def ends_by_itself(
    story: Story, tablet: Tablet, tokens: dict[str, str], thing: str, ends: datetime
) -> None:
    """To the second, and nothing brings it back."""
    story.clock.set(ends - timedelta(seconds=1))
    fresh = refresh(story, tablet.client, tokens["refresh_token"]).json()
    assert fresh["expires_in"] == 1
    assert story.records(fresh["access_token"], thing).status_code == 200
    story.clock.set(ends)
    dead = story.records(fresh["access_token"], thing)
    assert dead.status_code == 401
    again = refresh(story, tablet.client, fresh["refresh_token"])
    assert error_of(again) == "invalid_grant"
    assert story.api.get(
        "/v1/data/objects", headers=bearer(tokens["access_token"])
    ).status_code == (401)


def test_a_second_visit_names_the_thing(story: Story, tablet: Tablet, home: Home) -> None:
    """The firm knows it by the id of the first: the owner can choose no other."""
    owner, boiler, other = home
    first = ask(tablet, story.clock.now() + timedelta(hours=24)).json()
    page = type_code(owner, first["user_code"]).headers["location"]
    allow(story, owner, page, [boiler], days=1)
    known = tablet.poll(first["device_code"]).json()["authorization_details"][0]["identifier"]
    story.clock.advance(timedelta(days=2))
    ends = story.clock.now() + timedelta(hours=24)
    second = ask(tablet, ends, known).json()
    page = type_code(owner, second["user_code"]).headers["location"]
    end = ends.date().isoformat()
    form = {"answer": "allow", "object": [other], "kind": list(KINDS), "until": end}
    back = owner.post(page, form)
    assert back.headers["location"] == page
    assert error_of(tablet.poll(second["device_code"])) == "authorization_pending"
    allow(story, owner, page, [boiler], days=1)
    story.clock.advance(LATER)
    (detail,) = tablet.poll(second["device_code"]).json()["authorization_details"]
    assert detail["identifier"] == known
