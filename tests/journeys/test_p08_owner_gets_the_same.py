"""Promise P8: the owner gets what anyone gets, by API with a token of their own, and as a copy."""

import io
import json
import re
import zipfile
from datetime import timedelta

from app.worker import Worker
from tests.journeys.story import Person, Story, bearer


def personal_token(story: Story, person: Person, *objects: str) -> str:
    """Made on the security page, shown once."""
    data = {
        "token_name": "My script",
        "scope": ["own:read", "own:export"],
        "object": list(objects),
        "token_until": (story.clock.now() + timedelta(days=30)).date().isoformat(),
    }
    made = person.post("/security/tokens", data)
    assert made.status_code == 303, made.text
    shown = person.get(made.headers["location"]).text
    token = re.search(r"inseam_pat_[\w-]+", shown)
    assert token is not None
    assert token.group() not in person.get(made.headers["location"]).text
    return token.group()


def test_the_owner_reads_the_very_records_a_vendor_gets(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    own = bearer(personal_token(story, owner))
    maker = story.later(maker, timedelta(hours=3))
    story.send(maker, jeans, story.wear(timedelta(hours=1)), story.wash())
    vendor_token = story.connect(vendor, owner, [jeans])["access_token"]
    (thing,) = story.objects(vendor_token)
    theirs = story.records(vendor_token, thing["id"]).json()["records"]
    (mine,) = story.api.get("/v1/me/objects", headers=own).json()["objects"]
    assert mine["id"] == jeans
    read = story.api.get(f"/v1/me/objects/{jeans}/records", headers=own).json()
    assert read["records"] == theirs
    accesses = story.api.get("/v1/me/accesses", headers=own).json()["accesses"]
    assert [a["result"] for a in accesses] == ["given"] * 4
    grants = story.api.get("/v1/me/grants", headers=own).json()["grants"]
    assert [g["status"] for g in grants] == ["active"]


def test_a_personal_token_reaches_what_was_chosen_and_no_more(story: Story) -> None:
    maker, owner = story.maker(), story.person()
    product = story.product(maker)
    jeans = story.owned(maker, product, owner, "SL-1")
    second = story.owned(maker, product, owner, "SL-2")
    own = bearer(personal_token(story, owner, jeans))
    listed = story.api.get("/v1/me/objects", headers=own).json()["objects"]
    assert [o["id"] for o in listed] == [jeans]
    assert story.api.get(f"/v1/me/objects/{second}/records", headers=own).status_code == 404
    asked = story.api.post("/v1/me/exports", json={"object_id": second}, headers=own)
    assert asked.status_code == 404
    assert story.api.get("/v1/data/objects", headers=own).status_code == 403
    assert story.api.get("/v1/products", headers=own).status_code == 403
    story.clock.advance(timedelta(days=32))
    assert story.api.get("/v1/me/objects", headers=own).status_code == 401


def test_the_owner_takes_everything_out(story: Story) -> None:
    maker, owner, vendor = story.maker(), story.person(), story.vendor()
    jeans = story.owned(maker, story.product(maker), owner, "SL-1")
    story.send(maker, jeans, story.wear(), story.wash())
    token = story.connect(vendor, owner, [jeans])["access_token"]
    (thing,) = story.objects(token)
    theirs = story.records(token, thing["id"]).json()["records"]
    asked = owner.post("/exports", {"object_id": jeans})
    assert asked.status_code == 303
    page = asked.headers["location"]
    assert owner.get(f"{page}/state").json()["status"] == "queued"
    assert owner.get(f"{page}/file").status_code == 409
    state = story.app.state
    worker = Worker(state.settings, state.db, story.clock, state.keyring, state.log_keys)
    while worker.work_once():
        pass
    assert owner.get(f"{page}/state").json() == {
        "percent": 100,
        "said": "Ready",
        "status": "done",
    }
    assert owner.get(page).status_code == 200
    assert story.person().get(f"{page}/file").status_code == 404
    with zipfile.ZipFile(io.BytesIO(owner.get(f"{page}/file").content)) as archive:
        lines = archive.read("records.ndjson").splitlines()
    assert [json.loads(line) for line in lines] == theirs
