"""Promise P5: a revocation answers when nothing more can leave; then every door is shut."""

from datetime import timedelta

import pytest

from tests.journeys.story import Story, refresh


def test_one_button_ends_it_everywhere(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    tokens = story.connect(vendor, owner, [jeans])
    token, grant_id = tokens["access_token"], tokens["grant_id"]
    (thing,) = story.objects(token)
    assert story.records(token, thing["id"]).status_code == 200
    read_at = story.clock.now()
    done = owner.post(f"/permissions/{grant_id}/revoke")
    assert done.status_code == 303
    assert story.clock.now() >= read_at + timedelta(seconds=2)
    refused = story.records(token, thing["id"])
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert refused.json()["reason"] == "revoked"
    again = refresh(story, vendor, tokens["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    page = owner.get(f"/permissions/{grant_id}").text
    assert "Taken back" in page
    assert "You had taken the permission back." in story.history(owner)


def test_a_dead_token_keeps_its_reason_for_a_month_after_its_end(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    tokens = story.connect(vendor, owner, [jeans])
    (thing,) = story.objects(tokens["access_token"])
    owner.post(f"/permissions/{tokens['grant_id']}/revoke")
    from app.worker import make_sweeps

    def sweep() -> None:
        for one in make_sweeps(story.app.state.settings, story.clock):
            with story.app.state.db.connection() as conn:
                one(conn)

    story.clock.advance(timedelta(days=29))
    sweep()
    refused = story.records(tokens["access_token"], thing["id"])
    assert (refused.status_code, refused.json()["reason"]) == (401, "revoked")
    story.clock.advance(timedelta(days=3))
    sweep()
    gone = story.records(tokens["access_token"], thing["id"])
    assert (gone.status_code, gone.json()["reason"]) == (401, "unknown")


def test_a_permission_ends_by_itself_on_its_day(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    tokens = story.connect(vendor, owner, [jeans], until=story.clock.now())
    (thing,) = story.objects(tokens["access_token"])
    midnight = (story.clock.now() + timedelta(days=1)).replace(hour=0, minute=0)
    story.clock.set(midnight - timedelta(seconds=1))
    fresh = refresh(story, vendor, tokens["refresh_token"]).json()
    assert fresh["expires_in"] <= 1
    story.clock.set(midnight)
    refused = story.records(fresh["access_token"], thing["id"])
    assert (refused.status_code, refused.json()["reason"]) == (401, "expired")


@pytest.mark.parametrize("by", ["another owner", "nobody"])
def test_only_its_owner_can_end_a_permission(story: Story, by: str) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    tokens = story.connect(vendor, owner, [jeans])
    path = f"/permissions/{tokens['grant_id']}/revoke"
    if by == "nobody":
        assert story.api.post(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code in (
            303,
            401,
        )
        assert story.api.post(path).status_code == 403
    else:
        assert story.person().post(path).status_code == 404
    assert story.objects(tokens["access_token"])
