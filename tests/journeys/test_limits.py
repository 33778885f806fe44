"""How often: readings and claim codes are counted in the database, for all workers together."""

from datetime import timedelta

import pytest

from app.settings import Settings
from tests.journeys.story import Story


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Small limits, so that a test reaches them."""
    small = {"rate_data_per_minute": 3, "rate_claim_per_minute": 3, "rate_authorize_per_minute": 3}
    return settings.model_copy(update=small)


def test_a_vendor_that_reads_too_often_waits(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    token = story.connect(vendor, owner, [jeans])["access_token"]
    (thing,) = story.objects(token)
    for status in (200, 200, 429):
        response = story.records(token, thing["id"])
        assert response.status_code == status
    assert 0 < int(response.headers["retry-after"]) <= 60
    assert response.json()["type"].endswith("/problems/too-many-requests")
    story.clock.advance(60)
    assert story.records(token, thing["id"]).status_code == 200


def test_guessing_codes_is_slow(story: Story) -> None:
    maker, guesser = story.maker(), story.person()
    minted = story.mint(maker, story.product(maker), "SL-1")
    wrong = "7KR1C-43BEC-QZCPV-9AP50-G1JR3-C6"
    said = [story.claim(guesser, wrong).status_code for _ in range(4)]
    assert said == [422, 422, 422, 429]
    late = story.claim(guesser, minted["claim_code"])
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 60
    story.clock.advance(timedelta(minutes=1))
    assert story.claim(guesser, minted["claim_code"]).status_code == 303


def test_requests_cannot_be_piled_up(story: Story) -> None:
    vendor = story.vendor()
    said = [story.ask(vendor).response.status_code for _ in range(4)]
    assert said[:3] == [303] * 3
    assert said[3] == 429
