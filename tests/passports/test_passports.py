"""Passports: the thing and its maker, nothing of its use or owner."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.kit.errors import NotFound
from app.objects.device_keys import KeySpec, register_key, revoke_key
from app.passports.service import (
    did_document,
    did_document_at,
    passport_by_link,
    passport_of,
    product_by_gtin,
    product_page,
)
from tests.factories.device_keys import Device
from tests.factories.objects import GTIN, make_maker, make_object, make_product, make_tenure

ORIGIN = "https://things.example"


def test_passport_names_object_product_and_maker(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock, country="PT"))
    object_id = make_object(db, clock, product, "SL/1").object_id
    found = passport_of(db, object_id, ORIGIN)
    assert (found.object_id, found.serial) == (object_id, "SL/1")
    assert found.did == f"did:web:things.example:o:{object_id}"
    assert found.digital_link == f"{ORIGIN}/01/{GTIN}/21/SL%2F1"
    assert found.page == product_page(db, product.product_id)
    assert (found.page.maker.name, found.page.maker.country) == ("Big Denim", "PT")
    assert [stream.name for stream in found.page.streams] == ["wear"]


def test_object_is_found_by_its_digital_link(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    object_id = make_object(db, clock, product, "SL-1").object_id
    for gtin in (GTIN, GTIN[1:]):
        assert passport_by_link(db, gtin, "SL-1", ORIGIN).object_id == object_id
        assert product_by_gtin(db, gtin).product is product
    for gtin, serial in ((GTIN, "sl-1"), (GTIN, "SL-2"), ("09506000134377", "SL-1"), ("x", "SL-1")):
        with pytest.raises(NotFound):
            passport_by_link(db, gtin, serial, ORIGIN)


def test_object_without_gtin_is_named_by_its_id(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock), gtin=None)
    object_id = make_object(db, clock, product, "№ 7").object_id
    assert passport_of(db, object_id, ORIGIN).digital_link == f"{ORIGIN}/o/{object_id}"


@pytest.mark.parametrize("text", ["x", "09506000134377", "", "日本"])
def test_what_is_no_gtin_finds_no_product_without_one(
    db: Session, clock: FixedClock, text: str
) -> None:
    maker = make_maker(db, clock)
    for number in ("A-1", "A-2"):
        product = make_product(db, clock, maker, gtin=None, article_number=number)
        make_object(db, clock, product, "x")
    for look in (
        lambda: product_by_gtin(db, text),
        lambda: passport_by_link(db, text, "x", ORIGIN),
    ):
        with pytest.raises(NotFound):
            look()


def test_what_does_not_exist_is_not_found(db: Session, clock: FixedClock) -> None:
    for look in (
        lambda: passport_of(db, uuid4(), ORIGIN),
        lambda: product_page(db, uuid4()),
        lambda: did_document_at(db, clock.now(), uuid4(), ORIGIN),
        lambda: product_by_gtin(db, GTIN),
    ):
        with pytest.raises(NotFound):
            look()


def test_owner_changes_nothing_of_the_passport(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    object_id = make_object(db, clock, product).object_id
    before = passport_of(db, object_id, ORIGIN)
    make_tenure(db, clock, object_id)
    assert passport_of(db, object_id, ORIGIN) == before


def test_did_document_points_to_the_passport(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    found = passport_of(db, make_object(db, clock, product).object_id, ORIGIN)
    document = did_document(found, [])
    assert document["id"] == found.did
    assert document["alsoKnownAs"] == [found.digital_link]
    assert (document["verificationMethod"], document["assertionMethod"]) == ([], [])
    assert document["service"][0]["id"].startswith(f"{found.did}#")


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_did_document_shows_a_key_as_json_web_key(db: Session, clock: FixedClock, alg: str) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    found = passport_of(db, make_object(db, clock, product).object_id, ORIGIN)
    device = Device(alg)
    document = did_document(found, [device.key])
    method_id = f"{found.did}#{device.key.key_id}"
    assert document["verificationMethod"] == [
        {
            "id": method_id,
            "type": "JsonWebKey",
            "controller": found.did,
            "publicKeyJwk": device.jwk() | {"kid": device.key.key_id},
        }
    ]
    assert document["assertionMethod"] == [method_id]
    assert document["@context"][1] == "https://w3id.org/security/jwk/v1", "defines JsonWebKey"
    assert device.jwk() == device.key.jwk, "the document took a copy"


def test_did_document_has_the_keys_that_count_at_the_moment(db: Session, clock: FixedClock) -> None:
    maker = make_maker(db, clock)
    product = make_product(db, clock, maker)
    object_id, other_id = (make_object(db, clock, product, s).object_id for s in ("SL-1", "SL-2"))
    now, hour = clock.now(), timedelta(hours=1)
    first, second, revoked, foreign = (Device() for _ in range(4))

    def register(device: Device, to: UUID, start: float, end: float) -> None:
        spec = KeySpec(jwk=device.jwk(), not_before=now + start * hour, not_after=now + end * hour)
        register_key(db, clock, maker.org_id, to, spec)

    register(first, object_id, 0, 2)
    register(second, object_id, 1, 3)
    register(revoked, object_id, 0, 3)
    register(foreign, other_id, 0, 3)
    revoke_key(db, clock, maker.org_id, object_id, revoked.key.key_id)
    db.flush()
    for hours, devices in ((0, [first]), (1, [first, second]), (2, [second]), (3, [])):
        document = did_document_at(db, now + hours * hour, object_id, ORIGIN)
        shown = [method["publicKeyJwk"]["x"] for method in document["verificationMethod"]]
        assert shown == [device.jwk()["x"] for device in devices], hours
