"""Minting: one identity for each serial, one code that is shown once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import derived_id
from app.objects.claim_codes import hash_code
from app.objects.errors import ObjectClaimed, PublicUrlMissing, UnknownObject
from app.objects.made import get_made, list_made
from app.objects.mint import Minted, NotMinted, mint, minting_origin, renew_code
from app.objects.models import ClaimCode, Object, Product
from app.settings import Settings
from tests.factories.objects import (
    CODE_DAYS,
    make_maker,
    make_object,
    make_product,
    make_tenure,
)

ORIGIN = "https://things.example"


def slugs(outcome: list[Minted | NotMinted]) -> list[str]:
    return [one.error.slug if isinstance(one, NotMinted) else "" for one in outcome]


def test_id_follows_from_product_and_serial(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    minted = make_object(db, clock, product, "SL-1")
    assert minted.object_id == derived_id(product.product_id, "SL-1")
    kept = db.get_one(Object, minted.object_id)
    assert (kept.serial, kept.org_id, kept.minted_at) == ("SL-1", product.org_id, clock.now())


def test_only_the_hash_of_a_code_is_stored(db: Session, clock: FixedClock) -> None:
    minted = make_object(db, clock, make_product(db, clock, make_maker(db, clock)))
    row = db.get_one(ClaimCode, hash_code(minted.code))
    assert (row.object_id, row.used_at) == (minted.object_id, None)
    assert row.expires_at == clock.now() + timedelta(days=CODE_DAYS)


def test_bad_and_known_serials_spoil_only_themselves(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    make_object(db, clock, product, "SL-1")
    serials = ["SL-1", "SL-2", "SL 3", "SL-2", "SL-4", "x" * 21, ""]
    outcome = mint(db.connection(), clock, product, serials, CODE_DAYS)
    assert [one.serial for one in outcome] == serials
    taken, bad = "serial-taken", "serial-invalid"
    assert slugs(outcome) == [taken, "", bad, taken, "", bad, bad]
    assert len(db.scalars(select(Object)).all()) == 3


def test_without_gtin_a_serial_is_100_printable_characters(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock), gtin=None)
    serials = ["Größe 32 / № 7", "x" * 100, "x" * 101, " x", "a\tb", "a\u202eb"]
    outcome = mint(db.connection(), clock, product, serials, CODE_DAYS)
    assert slugs(outcome) == ["", "", *["serial-invalid"] * 4]


def test_same_serial_of_two_products_is_two_objects(db: Session, clock: FixedClock) -> None:
    maker = make_maker(db, clock)
    one = make_product(db, clock, maker)
    two = make_product(db, clock, maker, gtin=None, article_number="other")
    assert make_object(db, clock, one).object_id != make_object(db, clock, two).object_id


def test_renewed_code_kills_the_old_one(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    old = make_object(db, clock, product)
    new = renew_code(db, clock, product.org_id, old.object_id, CODE_DAYS)
    assert new.code != old.code
    codes = db.scalars(select(ClaimCode.code_hash)).all()
    assert codes == [hash_code(new.code)]


def test_code_is_renewed_for_the_makers_own_unclaimed_object_only(
    db: Session, clock: FixedClock
) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    object_id = make_object(db, clock, product).object_id
    other = make_maker(db, clock, "Other").org_id
    for org_id, wanted in ((other, object_id), (product.org_id, uuid4())):
        with pytest.raises(UnknownObject):
            renew_code(db, clock, org_id, wanted, CODE_DAYS)
    make_tenure(db, clock, object_id)
    with pytest.raises(ObjectClaimed):
        renew_code(db, clock, product.org_id, object_id, CODE_DAYS)


def test_maker_sees_whether_an_object_records_and_never_for_whom(
    db: Session, clock: FixedClock
) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    ids = sorted(make_object(db, clock, product, f"SL-{n}").object_id for n in range(4))
    tenure = make_tenure(db, clock, ids[1])
    make_tenure(db, clock, ids[2], ended_at=clock.now())
    made = list_made(db, product.org_id, ORIGIN, limit=10)
    assert [one.object_id for one in made] == ids
    assert [one.is_recording for one in made] == [False, True, False, False]
    assert str(tenure.owner_id) not in repr(made)
    assert made[0].digital_link.startswith(f"{ORIGIN}/01/09506000134376/21/SL-")
    rest = list_made(db, product.org_id, ORIGIN, after=ids[1], limit=10)
    assert [one.object_id for one in rest] == ids[2:]


def test_another_makers_object_is_unknown(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    object_id = make_object(db, clock, product).object_id
    other = make_maker(db, clock, "Other").org_id
    with pytest.raises(UnknownObject):
        get_made(db, other, object_id, ORIGIN)
    assert list_made(db, other, ORIGIN, limit=10) == []
    assert get_made(db, product.org_id, object_id, ORIGIN).serial == "SL-1"


def test_nothing_is_minted_before_the_address_is_decided() -> None:
    with pytest.raises(PublicUrlMissing):
        minting_origin(Settings(data_dir=Path("unused")))
    assert minting_origin(Settings(demo=True)) == "http://localhost:8000"
    assert minting_origin(Settings(public_url=ORIGIN)) == ORIGIN


def test_of_several_at_once_each_serial_is_minted_once(
    database: Database, clock: FixedClock
) -> None:
    with database.session() as db:
        product_id = make_product(db, clock, make_maker(db, clock)).product_id

    def mint_all(serials: list[str]) -> int:
        with database.session() as db:
            product = db.get_one(Product, product_id)
            outcome = mint(db.connection(), clock, product, serials, CODE_DAYS)
        return sum(isinstance(one, Minted) for one in outcome)

    serials = [f"SL-{n}" for n in range(200)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(mint_all, [serials, serials[::-1]] * 2))
    assert sum(counts) == 200
    with database.read() as db:
        assert len(db.scalars(select(ClaimCode.code_hash)).all()) == 200
