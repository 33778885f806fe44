"""A visit: a technician at the door asks by a code on a tablet, for a day (RFC 8628)."""

import json
from datetime import timedelta

from tests.conftest import ORIGIN
from tests.journeys.story import PRODUCT, Person, Story, basic
from tests.journeys.tablet import SCOPES, Tablet, allow, error_of, type_code


def test_a_visit(story: Story, tablet: Tablet, home: tuple[Person, str, str]) -> None:
    owner, boiler, _ = home
    ends = story.clock.now() + timedelta(hours=24)
    entry = {
        "type": "urn:inseam:object-data",
        "datatypes": ["condition", "care", "identity"],
        "until": ends.isoformat(),
    }
    started = tablet.start(scope="", authorization_details=json.dumps([entry]))
    assert started.status_code == 200, started.text
    told = started.json()
    assert told["verification_uri"] == f"{ORIGIN}/device"
    assert told["verification_uri_complete"] == f"{ORIGIN}/device?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"]) == (900, 5)
    assert error_of(tablet.poll(told["device_code"])) == "authorization_pending"
    page = owner.get("/device", user_code=told["user_code"])
    assert told["user_code"] in page.text
    sent = type_code(owner, told["user_code"])
    assert sent.status_code == 303, sent.text
    consent = owner.get(sent.headers["location"])
    assert "Warm &amp; Co" in consent.text
    assert "another device" in consent.text
    day = (story.clock.now() + timedelta(days=30)).date().isoformat()
    done = allow(owner, sent.headers["location"], [boiler], until=day)
    assert done.headers["location"] == "/device/allowed", done.text
    assert owner.get("/device/allowed").status_code == 200
    story.clock.advance(timedelta(seconds=5))
    tokens = tablet.poll(told["device_code"]).json()
    assert set(tokens["scope"].split()) == set(SCOPES)
    (detail,) = tokens["authorization_details"]
    assert set(detail["datatypes"]) == {"condition", "care", "identity"}
    (thing,) = story.objects(tokens["access_token"])
    assert thing["product"]["name"] == PRODUCT["name"]
    records = story.records(tokens["access_token"], thing["id"]).json()["records"]
    assert {record["stream"] for record in records} <= {"wash", "wear"}
    assert records
    assert "Warm &amp; Co" in story.history(owner)
    # It ends by itself, to the second, and nothing brings it back.
    story.clock.set(ends - timedelta(seconds=1))
    fresh = story.api.post(
        "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        headers=basic(tablet.client),
    ).json()
    assert fresh["expires_in"] == 1
    assert story.records(fresh["access_token"], thing["id"]).status_code == 200
    story.clock.set(ends)
    assert story.records(fresh["access_token"], thing["id"]).status_code == 401
    again = story.api.post(
        "/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": fresh["refresh_token"]},
        headers=basic(tablet.client),
    )
    assert error_of(again) == "invalid_grant"
