"""Promise P1: usage of an unclaimed object is refused, not stored."""

from datetime import timedelta

from sqlalchemy import func, select

from app.organizations.service import find_organization
from app.usage.models import Segment
from tests.conftest import ORIGIN
from tests.factories.objects import make_ticket, make_ticket_key
from tests.journeys.story import Story


def stored(story: Story) -> int:
    with story.app.state.db.read() as db:
        return int(db.execute(select(func.sum(Segment.records))).scalar_one() or 0)


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


def test_an_earlier_owners_interval_does_not_come_in_by_its_end(story: Story) -> None:
    """A device that sets its end wrong is no way round the border of a tenure."""
    maker = story.maker()
    product = story.product(maker)
    maker = story.later(maker, timedelta(days=5))
    object_id = story.owned(maker, product, story.person(), "SL-1")
    end = (story.clock.now() + timedelta(days=1)).isoformat()
    early = story.wear(timedelta(days=2)) | {"until": end}
    late = story.wear() | {"until": end}
    told = story.send(maker, object_id, early, late).json()["results"]
    assert told[0]["type"].endswith("/problems/outside-tenure")
    assert told[1]["status"] == "stored"
    with story.app.state.db.read() as db:
        assert db.execute(select(Segment.records)).scalars().all() == [1]


def test_what_was_recorded_since_the_chosen_day_is_taken_once(story: Story) -> None:
    """A first owner may say that their time began up to 30 days before the claim."""
    maker = story.maker()
    product = story.product(maker)
    maker = story.later(maker, timedelta(days=60))
    minted = story.mint(maker, product, "SL-1")
    owner = story.person()
    now = story.clock.now()
    early = (now - timedelta(days=31)).date().isoformat()
    refused = story.claim(owner, minted["claim_code"], "earlier", since_on=early)
    assert refused.status_code == 422
    day = (now - timedelta(days=10)).date().isoformat()
    done = story.claim(owner, minted["claim_code"], "earlier", since_on=day)
    assert done.headers["location"].endswith("/done")
    sent = [story.wear(timedelta(days=5)), story.wear(timedelta(days=12))]
    first, second = story.send(maker, minted["object_id"], *sent).json()["results"]
    assert first["status"] == "stored"
    assert second["type"].endswith("/problems/outside-tenure")
    with story.app.state.db.read() as db:
        assert db.execute(select(Segment.records)).scalars().all() == [1]


def test_a_makers_ticket_claims_without_a_label(story: Story) -> None:
    key = make_ticket_key()
    maker = story.maker()
    with story.app.state.db.session() as db:
        find_organization(db, "big-denim").ticket_key = key.as_dict(private=False)
    minted = story.mint(maker, story.product(maker), "SL-1")
    now = int(story.clock.now().timestamp())
    claims = {
        "iss": "big-denim",
        "sub": minted["object_id"],
        "aud": ORIGIN,
        "iat": now,
        "exp": now + 3600,
        "jti": "ticket-1",
    }
    ticket = make_ticket(key, claims)
    owner, other = story.person(), story.person()
    assert story.claim(owner, ticket + "x").status_code == 422
    assert story.claim(owner, ticket).headers["location"].endswith("/done")
    assert "Straight Leg" in owner.get("/home").text
    assert story.claim(other, ticket).status_code == 422
    assert story.claim(other, minted["claim_code"]).status_code == 422
