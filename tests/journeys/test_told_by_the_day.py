"""An owner lets somebody know how often, and not when: from the consent page to what is told."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.journeys.story import PURPOSE, REDIRECT, Asking, Person, Story, basic, bearer

DAY = timedelta(days=1)
TYPE = "urn:inseam:object-data"


@pytest.fixture
def owner(story: Story) -> Person:
    return story.person()


@pytest.fixture
def vendor(story: Story) -> tuple[str, str]:
    scopes: Any = PURPOSE["scopes"]
    scopes = scopes | {"location:read": {"needed": True, "why": "To come to you."}}
    return story.client(
        story.organization("Mend & Co"),
        *scopes,
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code", "refresh_token"],
        purposes=[PURPOSE | {"scopes": scopes}],
    )


@pytest.fixture
def jeans(story: Story, owner: Person) -> str:
    """A pair that was worn three times on its first day, and once on its second."""
    maker = story.maker()
    thing = story.owned(maker, story.product(maker), owner, "SL-1")
    later = story.later(maker, DAY)
    hours = [timedelta(hours=n) for n in (2, 5, 9)]
    assert story.send(later, thing, *[story.wear(one) for one in hours]).status_code == 200
    later = story.later(maker, DAY)
    assert story.send(later, thing, story.wear(timedelta(hours=3))).status_code == 200
    story.clock.advance(DAY + timedelta(hours=13))
    return thing


def ask(story: Story, vendor: tuple[str, str], *entries: dict[str, Any]) -> Asking:
    told = json.dumps([{"type": TYPE} | one for one in entries])
    return story.ask(vendor, scope="", authorization_details=told)


def allow(asking: Asking, owner: Person, jeans: str, kinds: list[str], **more: Any) -> Any:
    start = (asking.story.clock.now() - 10 * DAY).date().isoformat()
    form = {"history": "from", "history_from": start} | more
    return asking.redeem(asking.allow(owner, [jeans], tuple(kinds), **form))


def read(story: Story, tokens: Any, what: str, **query: Any) -> Any:
    (thing,) = story.objects(tokens["access_token"])
    path = f"/v1/data/objects/{thing['id']}/{what}"
    return story.api.get(path, params=query, headers=bearer(tokens["access_token"]))


def test_an_owner_gives_days_where_records_were_asked_for(
    story: Story, vendor: tuple[str, str], owner: Person, jeans: str
) -> None:
    asking = story.ask(vendor, "usage:read", "care:read")
    page = owner.get(asking.page).text
    assert re.search(r'<option value="usage:exact" selected>Exactly as recorded</option>', page)
    tokens = allow(asking, owner, jeans, ["usage", "care"], how=["usage:day", "care:exact"])
    usage, care = sorted(tokens["authorization_details"], key=lambda one: "precision" not in one)
    assert (usage["datatypes"], usage["precision"]) == (
        ["usage"],
        {"time": "day", "place": "exact"},
    )
    assert care["datatypes"] == ["care"]
    refused = read(story, tokens, "records", stream="wear")
    assert refused.status_code == 403
    told = refused.json()
    assert told["type"].endswith("/problems/above-precision")
    assert told["precision"]["usage"]["time"] == "day"
    assert read(story, tokens, "records").json()["records"] == []  # it never was washed
    days = read(story, tokens, "buckets", stream="wear", size="day")
    assert days.status_code == 200, days.text
    assert [one["count"] for one in days.json()["buckets"]] == [3, 1]
    assert [one["minutes"] for one in days.json()["buckets"]] == [90, 30]
    assert days.headers["inseam-grant"] == tokens["grant_id"]
    assert read(story, tokens, "buckets", stream="wear", size="hour").status_code == 403
    assert read(story, tokens, "summary", stream="wear").json()["too_few"] is True
    history = story.history(owner)
    assert "They wanted it more exactly than you allow." in history
    assert "Told by the day." in owner.get(f"/permissions/{tokens['grant_id']}").text


def test_a_few_words_are_asked_for_and_nothing_else_is_told(
    story: Story, vendor: tuple[str, str], owner: Person, jeans: str
) -> None:
    asking = ask(story, vendor, {"datatypes": ["usage"], "actions": ["summary"]})
    assert "They ask for it in a few words" in owner.get(asking.page).text
    for how in ("exact", "day"):
        answer = asking.answer(
            owner,
            {
                "answer": "allow",
                "object": [jeans],
                "kind": ["usage"],
                "how": [f"usage:{how}"],
                "history": "today",
                "until": (story.clock.now() + DAY).date().isoformat(),
            },
        )
        assert answer.headers["location"].endswith(asking.page.rsplit("/", 1)[1]), "too wide"
    tokens = allow(asking, owner, jeans, ["usage"])
    assert tokens["authorization_details"][0]["actions"] == ["summary"]
    assert read(story, tokens, "records").status_code == 403
    assert read(story, tokens, "buckets", stream="wear", size="month").status_code == 403
    assert read(story, tokens, "summary", stream="wear").json()["size"] == "day"


def test_where_it_was_begins_with_the_owners_limits(
    story: Story, vendor: tuple[str, str], owner: Person, jeans: str
) -> None:
    """Whereabouts are by the day and to 10 km, unless the owner chooses otherwise."""
    asking = story.ask(vendor, "location:read")
    page = " ".join(owner.get(asking.page).text.split())
    assert "Asks for more than" in page
    assert '<option value="location:day" selected>' in page
    assert '<option value="location:10 km" selected>' in page
    tokens = allow(
        asking, owner, jeans, ["location"], how=["location:week"], where=["location:10 km"]
    )
    (one,) = tokens["authorization_details"]
    assert one["precision"] == {"time": "week", "place": "10 km"}


@pytest.mark.parametrize(
    "more",
    [
        {"how": ["usage:minute"]},
        {"how": ["usage:"]},
        {"how": ["usage"]},
        {"how": ["care:day"]},
        {"how": ["usage:day", "usage:week"]},
        {"how": ["7.usage:day"]},
        {"where": ["usage:5 km"]},
        {"where": ["usage:exact\0"]},
    ],
)
def test_no_other_precision_is_taken(
    story: Story, vendor: tuple[str, str], owner: Person, jeans: str, more: dict[str, Any]
) -> None:
    asking = story.ask(vendor, "usage:read")
    until = (story.clock.now() + DAY).date().isoformat()
    form = {"answer": "allow", "object": [jeans], "kind": ["usage"], "history": "today"}
    answer = asking.answer(owner, form | {"until": until} | more)
    assert "code=" not in answer.headers.get("location", "")
    assert answer.status_code in (303, 400, 422)
    assert allow(asking, owner, jeans, ["usage"])["scope"] == "usage:read"


@pytest.mark.parametrize(
    ("part", "is_covered"),
    [
        ({}, True),
        ({"precision": {"time": "day"}}, True),
        ({"precision": {"time": "week"}}, True),
        ({"precision": {"time": "month"}, "actions": ["summary"]}, True),
        ({"actions": ["summary", "read"]}, True),
        ({"precision": {"time": "hour"}}, False),
        ({"precision": {}}, False),
    ],
)
def test_a_token_may_be_told_less_and_never_more(
    story: Story,
    vendor: tuple[str, str],
    owner: Person,
    jeans: str,
    part: dict[str, Any],
    is_covered: bool,
) -> None:
    wanted = {"datatypes": ["usage"], "precision": {"time": "day"}}
    tokens = allow(ask(story, vendor, wanted), owner, jeans, ["usage"])
    told = json.dumps([{"type": TYPE, "datatypes": ["usage"]} | part])
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    form["authorization_details"] = told
    answer = story.api.post("/oauth/token", data=form, headers=basic(vendor))
    if not is_covered:
        assert answer.json()["error"] == "invalid_authorization_details"
        return
    size = part.get("precision", {}).get("time", "day")
    is_summary = part.get("actions") == ["summary"]
    for asked in ("hour", "day", "week", "month"):
        is_told = not is_summary and (asked == size or (size == "day" and asked != "hour"))
        status = read(story, answer.json(), "buckets", stream="wear", size=asked).status_code
        assert status == (200 if is_told else 403), (asked, size)
    assert read(story, answer.json(), "summary", stream="wear").status_code == 200


@pytest.mark.parametrize(
    "part",
    [
        {"precision": {"time": "minute"}},
        {"precision": {"place": "5 km"}},
        {"precision": {"where": "exact"}},
        {"precision": "day"},
        {"actions": []},
        {"actions": ["read", "read"]},
        {"actions": ["write"]},
        {"actions": "read"},
    ],
)
def test_what_is_no_precision_is_not_asked_for(
    story: Story, vendor: tuple[str, str], part: dict[str, Any]
) -> None:
    answer = ask(story, vendor, {"datatypes": ["usage"]} | part)
    assert answer.back(answer.response)["error"] == "invalid_authorization_details"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"size": "day"}, 422),
        ({"stream": "wear"}, 422),
        ({"stream": "wear", "size": "year"}, 422),
        ({"stream": "wear", "size": "day", "limit": 0}, 422),
        ({"stream": "wear", "size": "day", "from": "yesterday"}, 422),
        ({"stream": "wear", "size": "day", "after": "x"}, 400),
        ({"stream": "none", "size": "day"}, 404),
        ({"stream": "wash", "size": "day"}, 404),
        ({"stream": "wear", "size": "day", "from": "9998-12-30T00:00:00Z"}, 200),
        ({"stream": "wear", "size": "month", "from": "0002-01-02T00:00:00Z", "limit": 3}, 200),
        ({"stream": "wear", "size": "day", "to": "0002-01-02T00:00:00Z"}, 200),
    ],
)
def test_bad_queries_are_told_and_recorded(
    story: Story,
    vendor: tuple[str, str],
    owner: Person,
    jeans: str,
    query: dict[str, Any],
    status: int,
) -> None:
    tokens = allow(story.ask(vendor, "usage:read"), owner, jeans, ["usage"], how=["usage:day"])
    answer = read(story, tokens, "buckets", **query)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json()["buckets"] == []
