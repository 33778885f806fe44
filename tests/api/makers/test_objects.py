"""Minting over HTTP: secrets are shown to one caller with one key."""

from datetime import timedelta
from uuid import UUID, uuid4
from xml.etree import ElementTree

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.kit.clock import FixedClock
from app.kit.idempotency import KeptAnswer, forget_old
from app.main import create_app
from app.objects.claim_codes import hash_code
from app.objects.models import ClaimCode
from app.settings import Settings
from tests.api.makers.conftest import Caller, Makers
from tests.factories.objects import GTIN, make_tenure

KEY = "6c1f6c1b-7c55-4b07-a2a7-0f8e8f0d4b07"


@pytest.fixture
def product_id(maker: Caller) -> str:
    return maker.product()


def test_object_gets_identity_code_and_label(maker: Caller, product_id: str) -> None:
    body = {"product_id": product_id, "serial": "SL/1"}
    answer = maker.post("/v1/objects", body, KEY)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    (made,) = answer.json()["objects"]
    object_id, code = made["object_id"], made["claim_code"]
    assert made["status"] == "minted"
    assert made["did"] == f"did:web:testserver:o:{object_id}"
    assert made["digital_link"] == f"https://testserver/01/{GTIN}/21/SL%2F1"
    assert made["claim_link"] == f"{made['digital_link']}#claim={code}"
    label = ElementTree.fromstring(made["label_svg"])
    assert label.get("role") == "img"
    words = " ".join(label.itertext())
    assert all(group in words for group in code.split("-"))


def test_did_and_links_resolve(maker: Caller, product_id: str, client: TestClient) -> None:
    made = maker.mint(product_id, "SL/1?x").json()["objects"][0]
    document = client.get(f"/o/{made['object_id']}/did.json")
    assert document.headers["content-type"] == "application/did+ld+json"
    assert document.json()["id"] == made["did"]
    assert document.json()["alsoKnownAs"] == [made["digital_link"]]
    assert document.json()["service"][0]["serviceEndpoint"] == made["digital_link"]
    page = client.get(made["digital_link"])
    assert page.status_code == 200
    assert made["did"] in page.text
    shown = client.get(f"/v1/public/objects/{made['object_id']}").json()
    assert (shown["serial"], shown["did"]) == ("SL/1?x", made["did"])
    for path in (f"/o/{uuid4()}/did.json", f"/v1/public/objects/{uuid4()}"):
        assert client.get(path).status_code == 404


def test_public_passport_does_not_tell_whether_there_is_an_owner(
    makers: Makers, maker: Caller, product_id: str, client: TestClient
) -> None:
    made = maker.mint(product_id, "SL-1").json()["objects"][0]
    paths = [f"/v1/public/objects/{made['object_id']}", f"/o/{made['object_id']}/did.json"]
    before = [client.get(path).content for path in paths]
    _claim(makers, made["object_id"])
    assert [client.get(path).content for path in paths] == before


def test_taken_serial_is_refused_in_its_row(maker: Caller, product_id: str) -> None:
    maker.mint(product_id, "SL-1")
    rows = maker.mint(product_id, "SL-1", "SL-2", "no good").json()["objects"]
    assert [row["status"] for row in rows] == ["refused", "minted", "refused"]
    assert [row["line"] for row in rows] == [1, 2, 3]
    assert rows[0]["type"] == "https://testserver/problems/serial-taken"
    assert rows[2]["type"].endswith("/problems/serial-invalid")
    assert rows[0]["claim_code"] is None
    alone = maker.post("/v1/objects", {"product_id": product_id, "serial": "SL-1"}, KEY)
    assert alone.status_code == 409
    assert alone.json()["type"].endswith("/problems/serial-taken")


@pytest.mark.parametrize("bad", ["", " ", "x" * 101, "x" * 200])
def test_what_can_be_no_serial_spoils_its_own_line(
    maker: Caller, product_id: str, bad: str
) -> None:
    answer = maker.mint(product_id, "SL-1", bad, "SL-2")
    assert answer.status_code == 201, answer.text
    rows = answer.json()["objects"]
    assert [row["status"] for row in rows] == ["minted", "refused", "minted"]
    assert rows[1]["type"].endswith("/problems/serial-invalid")
    alone = maker.post("/v1/objects", {"product_id": product_id, "serial": bad}, KEY)
    assert alone.status_code == 422
    assert alone.json()["type"].endswith("/problems/serial-invalid")


@pytest.mark.parametrize("key", [None, "short", "x" * 21])
def test_key_is_required_and_long(maker: Caller, product_id: str, key: str | None) -> None:
    body = {"product_id": product_id, "serial": "SL-1"}
    for path, sent in (
        ("/v1/objects", body),
        ("/v1/objects/bulk", {"product_id": product_id, "serials": ["SL-1"]}),
        ("/v1/objects/0b6e3a0e-0f2f-4a57-9f7a-9d1c2b3a4f50/claim-code", None),
        ("/v1/answers/acknowledge", None),
    ):
        answer = maker.post(path, sent, key)
        assert answer.status_code == 400
        assert answer.json()["type"].endswith("/problems/idempotency-key-missing")


def test_same_key_gives_the_same_bytes(maker: Caller, product_id: str) -> None:
    first = maker.mint(product_id, "SL-1", "SL-2", key=KEY)
    again = maker.mint(product_id, "SL-1", "SL-2", key=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert maker.mint(product_id, "SL-3", key=KEY).status_code == 409


def test_nobody_else_fetches_the_answer(makers: Makers, maker: Caller, product_id: str) -> None:
    """Another caller's same key is another answer, even within one organization's products."""
    code = maker.mint(product_id, "SL-1", key=KEY).json()["objects"][0]["claim_code"]
    stranger = makers.add("Stranger")
    answer = stranger.mint(product_id, "SL-1", key=KEY)
    assert answer.status_code == 404
    assert code not in answer.text


def test_secrets_are_stored_in_no_readable_form(
    makers: Makers, maker: Caller, product_id: str
) -> None:
    code = maker.mint(product_id, "SL-1", key=KEY).json()["objects"][0]["claim_code"]
    with makers.database.read() as db:
        kept = db.scalars(select(KeptAnswer)).one()
        hashes = db.scalars(select(ClaimCode.code_hash)).all()
    assert kept.is_sealed
    assert kept.body is not None
    assert code.encode() not in kept.body
    assert KEY.encode() not in kept.body + kept.key_hash
    assert hashes == [hash_code(code)]


def test_acknowledged_answer_is_wiped(makers: Makers, maker: Caller, product_id: str) -> None:
    maker.mint(product_id, "SL-1", key=KEY)
    assert maker.post("/v1/answers/acknowledge", key=KEY).status_code == 204
    with makers.database.read() as db:
        assert db.scalars(select(KeptAnswer.body)).all() == [None]
    gone = maker.mint(product_id, "SL-1", key=KEY)
    assert gone.status_code == 410
    assert gone.json()["type"].endswith("/problems/answer-wiped")
    assert maker.post("/v1/answers/acknowledge", key=str(uuid4())).status_code == 404


def test_another_caller_cannot_wipe_it(maker: Caller, other: Caller, product_id: str) -> None:
    first = maker.mint(product_id, "SL-1", key=KEY)
    assert other.post("/v1/answers/acknowledge", key=KEY).status_code == 404
    assert maker.mint(product_id, "SL-1", key=KEY).content == first.content


def test_answer_is_wiped_after_a_day(
    makers: Makers, maker: Caller, product_id: str, clock: FixedClock
) -> None:
    maker.mint(product_id, "SL-1", key=KEY)
    clock.advance(timedelta(hours=24))
    with makers.database.connection() as conn:
        assert forget_old(conn, clock) == 1
    with makers.database.read() as db:
        assert db.scalars(select(KeptAnswer)).all() == []


def test_nothing_is_minted_before_the_address_is_decided(
    settings: Settings, clock: FixedClock
) -> None:
    app = create_app(settings.model_copy(update={"public_url": ""}), clock)
    with TestClient(app, base_url="https://testserver") as client:
        maker = Makers(client, app.state.db, clock).add("Big Denim")
        product_id = maker.product()
        counted = {"product_id": product_id, "count": 5, "serial_prefix": "SL-"}
        for answer in (
            maker.mint(product_id, "SL-1"),
            maker.post("/v1/objects/bulk", counted, KEY),
        ):
            assert answer.status_code == 412
            assert answer.json()["type"].endswith("/problems/public-url-missing")


def test_serials_are_bounded(maker: Caller, product_id: str) -> None:
    for body in (
        {"product_id": product_id},
        {"product_id": product_id, "serial": "a", "serials": ["b"]},
        {"product_id": product_id, "serials": []},
        {"product_id": product_id, "serials": ["x"] * 101},
        {"product_id": product_id, "serial": ""},
        {"product_id": product_id, "serial": "x" * 101},
        {"product_id": product_id, "serial": "a", "owner": "me"},
        {"product_id": "no id", "serial": "a"},
        {"product_id": product_id, "serial": 7},
    ):
        assert maker.post("/v1/objects", body, str(uuid4())).status_code == 422


def test_another_makers_product_mints_nothing(
    maker: Caller, other: Caller, product_id: str
) -> None:
    for wanted in (product_id, str(uuid4())):
        answer = other.mint(wanted, "SL-1")
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("/problems/unknown-product")
    assert maker.mint(product_id, "SL-1").json()["objects"][0]["status"] == "minted"


def test_maker_sees_its_objects_and_whether_they_record(
    makers: Makers, maker: Caller, other: Caller, product_id: str
) -> None:
    rows = maker.mint(product_id, "SL-1", "SL-2", "SL-3").json()["objects"]
    owner_id = _claim(makers, rows[0]["object_id"])
    seen, after = {}, None
    while True:
        page = maker.get("/v1/objects", limit=2, **({"after": after} if after else {}))
        assert owner_id not in page.text
        assert "claim" not in page.text
        seen |= {o["object_id"]: o["recording"] for o in page.json()["objects"]}
        after = page.json()["next"]
        if after is None:
            break
        assert other.get("/v1/objects", after=after).status_code == 400
    assert seen == {row["object_id"]: row is rows[0] for row in rows}
    one = maker.get(f"/v1/objects/{rows[0]['object_id']}")
    assert (one.json()["serial"], one.json()["recording"]) == ("SL-1", True)
    assert other.get("/v1/objects").json()["objects"] == []
    assert other.get(f"/v1/objects/{rows[0]['object_id']}").status_code == 404
    assert maker.get(f"/v1/objects/{uuid4()}").status_code == 404
    assert maker.get("/v1/objects", product_id=str(uuid4())).json()["objects"] == []


def test_claim_code_is_renewed_until_there_is_an_owner(
    makers: Makers, maker: Caller, other: Caller, product_id: str
) -> None:
    old = maker.mint(product_id, "SL-1").json()["objects"][0]
    path = f"/v1/objects/{old['object_id']}/claim-code"
    assert other.post(path, key=KEY).status_code == 404
    answer = maker.post(path, key=KEY)
    new = answer.json()["objects"][0]
    assert answer.status_code == 201
    assert new["claim_code"] != old["claim_code"]
    assert {**new, "claim_code": 0, "claim_link": 0, "label_svg": 0} == {
        **old,
        "claim_code": 0,
        "claim_link": 0,
        "label_svg": 0,
    }
    assert maker.post(path, key=KEY).content == answer.content
    with makers.database.read() as db:
        hashes = db.scalars(select(ClaimCode.code_hash)).all()
    assert hashes == [hash_code(new["claim_code"])]
    _claim(makers, old["object_id"])
    refused = maker.post(path, key=str(uuid4()))
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/problems/object-claimed")


def _claim(makers: Makers, object_id: str) -> str:
    with makers.database.session() as db:
        return str(make_tenure(db, makers.clock, UUID(object_id)).owner_id)
