"""Promise P2: no reading through Inseam without a live grant, the maker's own included."""

from tests.journeys.story import Story, bearer


def test_the_maker_cannot_read_back_what_it_sent(story: Story) -> None:
    maker = story.maker()
    owner = story.person()
    object_id = story.owned(maker, story.product(maker), owner, "SL-1")
    story.send(maker, object_id, story.wear())
    token = maker["Authorization"].split()[1]
    own = story.records(token, object_id)
    unknown = story.records(token, "0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50")
    assert own.status_code == unknown.status_code == 404
    strip = {"instance": None}
    assert own.json() | strip == unknown.json() | strip
    page = story.history(owner)
    assert "Big Denim client" in page
    assert "There was no permission." in page


def test_a_vendor_without_a_permission_reads_nothing(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    object_id = story.owned(maker, story.product(maker), owner, "SL-1")
    token = story.token(vendor)
    assert story.records(token, object_id).status_code == 404
    listed = story.api.get("/v1/data/objects", headers=bearer(token))
    assert listed.status_code == 403
    assert 'error="insufficient_scope"' in listed.headers["www-authenticate"]
    assert story.api.get("/v1/data/objects").status_code == 401
    in_address = story.api.get("/v1/data/objects", params={"access_token": token})
    assert in_address.status_code == 401
    makers = story.api.get("/v1/products", headers=bearer(token))
    assert makers.status_code == 403
