"""Promise P6: every reading and every refusal stands in the owner's history before it is sent."""

from typing import Any

import pytest

from app.accesses.models import Access
from app.kit import deadline
from tests.journeys.story import Story


def rows(story: Story) -> list[Access]:
    with story.app.state.db.read() as db:
        return list(db.query(Access).order_by(Access.at))


def test_the_record_is_committed_before_the_first_byte(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    token = story.connect(vendor, owner, [jeans])["access_token"]
    seen: list[int] = []
    send = deadline.TimedResponse.__call__

    async def watch(self: Any, *args: Any) -> None:
        seen.append(len(rows(story)))
        await send(self, *args)

    monkeypatch.setattr(deadline.TimedResponse, "__call__", watch)
    (thing,) = story.objects(token)
    story.records(token, thing["id"])
    assert seen == [1, 2]


def test_the_history_says_who_when_and_what(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    story.send(maker, jeans, story.wear(), story.wash())
    token = story.connect(vendor, owner, [jeans])["access_token"]
    (thing,) = story.objects(token)
    story.records(token, thing["id"], stream="wash")
    story.records(token, thing["id"], stream="fit")
    story.records(token, "0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50")
    found = [(r.action, r.result, r.rule, r.streams, r.count) for r in rows(story)]
    given = [row for row in found if row[1] == "given"]
    assert given == [("objects", "given", None, [], 0), ("records", "given", None, ["wash"], 1)]
    assert {row[2] for row in found if row[1] == "refused"} == {"not-granted", "no-grant"}
    page = story.history(owner)
    assert "Mend &amp; Co client" in page
    assert "Wash" in page
    assert "Straight Leg, connected" in page


def test_another_owner_sees_nothing_of_it(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    tokens = story.connect(vendor, owner, [jeans])
    story.objects(tokens["access_token"])
    other = story.person()
    assert "Mend" not in story.history(other)
    for path in (
        f"/permissions/{tokens['grant_id']}",
        f"/objects/{jeans}",
        f"/objects/{jeans}/streams/wear.csv",
    ):
        assert other.get(path).status_code == 404
        assert owner.get(path).status_code == 200
