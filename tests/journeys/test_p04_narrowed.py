"""Promise P4: what the owner narrowed is what the vendor gets; the rest is not there."""

import json
from datetime import timedelta

from tests.journeys.story import Story


def test_what_is_granted_is_what_is_read(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    product = story.product(maker)
    jeans = story.owned(maker, product, owner, "SL-1")
    second = story.owned(maker, product, owner, "SL-2")
    maker = story.later(maker, timedelta(days=3))
    for thing in (jeans, second):
        story.send(maker, thing, story.wear(timedelta(days=2)), story.wear(), story.wash())
    until = story.clock.now() + timedelta(days=30)
    answer = story.connect(vendor, owner, [jeans], kinds=("usage",), until=until)
    assert answer["scope"] == "usage:read"
    (detail,) = answer["authorization_details"]
    assert detail["datatypes"] == ["usage"]
    assert detail["until"].startswith((until + timedelta(days=1)).date().isoformat())
    assert detail["window"]["from"].startswith(story.clock.now().date().isoformat())
    token = answer["access_token"]
    (thing,) = story.objects(token)
    assert thing["id"] == detail["identifier"] != jeans
    assert [s["name"] for s in thing["product"]["streams"]] == ["wear"]
    records = story.records(token, thing["id"])
    assert [r["stream"] for r in records.json()["records"]] == ["wear"]
    assert jeans not in json.dumps(thing) + records.text
    assert story.records(token, thing["id"], stream="wash").status_code == 404
    assert story.records(token, jeans).status_code == 404
    assert story.records(token, second).status_code == 404


def test_what_may_be_read_three_times_is_read_three_times(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    maker = story.later(maker, timedelta(hours=5))
    story.send(maker, jeans, story.wear(timedelta(hours=1)), story.wash())
    told = {"type": "urn:inseam:object-data"}
    limits = {"count": 3, "frequency": {"count": 2, "per": "hour"}}
    details = [
        told | {"datatypes": ["usage"], "limits": limits, "retention": "P30D"},
        told | {"datatypes": ["care"], "limits": {"single_use": True}},
    ]
    asking = story.ask(vendor, authorization_details=json.dumps(details), scope="")
    answer = asking.redeem(asking.allow(owner, [jeans], ("usage", "1.care")))
    granted = {one["datatypes"][0]: one for one in answer["authorization_details"]}
    assert granted["usage"]["limits"] == limits
    assert granted["usage"]["retention"] == "P30D"
    assert granted["care"]["limits"] == {"single_use": True}
    token, ref = answer["access_token"], granted["usage"]["identifier"]
    streams = [r["stream"] for r in story.records(token, ref).json()["records"]]
    assert sorted(streams) == ["wash", "wear"]
    wash = story.records(token, ref, stream="wash")
    assert wash.status_code == 403
    assert wash.json()["type"].endswith("/problems/over-count")
    assert [r["stream"] for r in story.records(token, ref).json()["records"]] == ["wear"]
    late = story.records(token, ref, stream="wear")
    assert (late.status_code, late.headers["retry-after"]) == (429, "3600")
    assert late.json()["type"].endswith("/problems/too-frequent")
    (grant_id,) = {answer["grant_id"]}
    page = owner.get(f"/permissions/{grant_id}").text
    assert "Read at most twice an hour and 3 times in all." in page
    assert "Used 2 of 3." in page
    assert "Read once, and not again." in page
    assert "Used 1 of 1." in page
    assert "They say that they keep it for 30 days." in page
    told = story.history(owner)
    assert "They read again sooner than you allow." in told
    assert "They had read as often as you allow." in told


def test_pages_end_where_the_data_ends_and_cursors_are_bound(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    maker = story.later(maker, timedelta(hours=5))
    story.send(maker, jeans, *[story.wash(timedelta(minutes=m)) for m in range(5)])
    other = story.vendor("Hearth Insurance")
    token = story.connect(vendor, owner, [jeans])["access_token"]
    foreign = story.connect(other, owner, [jeans])["access_token"]
    (thing,) = story.objects(token)
    (other_thing,) = story.objects(foreign)
    first = story.records(token, thing["id"], limit=3)
    assert first.links["next"]["url"]
    after = first.json()["next"]
    rest = story.records(token, thing["id"], limit=3, after=after)
    assert (len(first.json()["records"]), len(rest.json()["records"])) == (3, 2)
    assert rest.json()["next"] is None
    for response in (
        story.records(foreign, other_thing["id"], limit=3, after=after),
        story.records(token, thing["id"], stream="wash", after=after),
        story.records(token, thing["id"], after="garbage"),
    ):
        assert response.status_code == 400
        assert response.json()["type"].endswith("/problems/invalid-cursor")
    story.clock.advance(timedelta(hours=24))
    again = story.connect(vendor, owner, [jeans], history="today")["access_token"]
    assert story.records(again, thing["id"], limit=3, after=after).status_code == 400


def test_bad_queries_are_named(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    token = story.connect(vendor, owner, [jeans])["access_token"]
    (thing,) = story.objects(token)
    for query in (
        {"from": "yesterday"},
        {"from": "2026-11-02T08:00:00"},
        {"limit": 0},
        {"limit": 1001},
    ):
        response = story.records(token, thing["id"], **query)
        assert response.status_code == 422, query
        assert response.json()["errors"][0]["pointer"] == f"query:{next(iter(query))}"
