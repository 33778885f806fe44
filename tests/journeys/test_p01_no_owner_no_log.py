"""Promise P1: usage of an unclaimed object is refused, not stored."""

from datetime import timedelta

from sqlalchemy import func, select

from app.usage.models import Record
from tests.journeys.story import Story


def stored(story: Story) -> int:
    with story.app.state.db.read() as db:
        return int(db.execute(select(func.count()).select_from(Record)).scalar_one())


def test_usage_before_the_claim_is_refused_and_leaves_nothing(story: Story) -> None:
    maker = story.maker()
    minted = story.mint(maker, story.product(maker), "SL-1")
    object_id = minted["object_id"]
    refused = story.send(maker, object_id, story.wear(), story.wash()).json()
    assert refused["refused"] == 2
    for line in refused["results"]:
        assert line["type"].endswith("/problems/object-unclaimed")
        assert line["hold"] is True
    assert stored(story) == 0
    assert story.api.get(f"/v1/objects/{object_id}", headers=maker).json()["recording"] is False
    maker = story.later(maker, timedelta(days=1))
    story.claim(story.person(), minted["claim_code"])
    assert story.send(maker, object_id, story.wear()).json()["stored"] == 1
    early = story.send(maker, object_id, story.wear(timedelta(hours=2))).json()
    assert early["results"][0]["type"].endswith("/problems/outside-tenure")
    assert stored(story) == 1
    assert story.api.get(f"/v1/objects/{object_id}", headers=maker).json()["recording"] is True
