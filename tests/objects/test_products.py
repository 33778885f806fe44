"""Registering products."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC

import pytest
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.objects.errors import GtinInvalid, GtinOutsidePrefix, ProductExists, UnknownProduct
from app.objects.products import (
    describe_object,
    get_product,
    list_products,
    stream_categories,
    streams_of,
)
from app.organizations.models import Organization
from tests.factories.objects import (
    GTIN,
    field_body,
    make_maker,
    make_object,
    make_product,
    product_body,
    stream_body,
)


def test_product_is_kept_with_its_streams_in_order(db: Session, clock: FixedClock) -> None:
    maker = make_maker(db, clock)
    streams = [
        *product_body()["streams"],
        stream_body("fit", "body", [field_body("tension", "N")]),
        stream_body("care", "care", [field_body("note", None, "string")]),
    ]
    made = make_product(db, clock, maker, gtin="9506000134376", streams=streams)
    db.expire_all()
    product = get_product(db, maker.org_id, made.product_id)
    assert product.gtin == GTIN
    assert product.registered_at.tzinfo is UTC
    assert product.passport["origin"] == "Woven in Italy, sewn in Portugal"
    kept = streams_of(db, product.product_id)
    assert [stream.name for stream in kept] == ["wear", "fit", "care"]
    assert kept[0].facts == streams[0]["facts"]
    assert kept[1].fields == [field_body("tension", "N")]


def test_gtin_outside_the_prefixes_is_refused_unless_allowed(
    db: Session, clock: FixedClock
) -> None:
    other = make_maker(db, clock, "Other", gs1_prefixes=["4012345"])
    with pytest.raises(GtinOutsidePrefix):
        make_product(db, clock, other)
    free = make_maker(db, clock, "Free", gs1_prefixes=[], any_gtin=True)
    assert make_product(db, clock, free).gtin == GTIN


def test_wrong_check_digit_is_refused(db: Session, clock: FixedClock) -> None:
    with pytest.raises(GtinInvalid) as caught:
        make_product(db, clock, make_maker(db, clock), gtin="09506000134377")
    assert caught.value.field == "/gtin"


def test_gtin_names_one_product_across_makers(db: Session, clock: FixedClock) -> None:
    make_product(db, clock, make_maker(db, clock))
    free = make_maker(db, clock, "Free", any_gtin=True)
    with pytest.raises(ProductExists):
        make_product(db, clock, free)


def test_article_number_is_the_makers_own(db: Session, clock: FixedClock) -> None:
    maker, other = make_maker(db, clock), make_maker(db, clock, "Other")
    make_product(db, clock, maker, gtin=None, article_number="A1")
    make_product(db, clock, other, gtin=None, article_number="A1")
    with pytest.raises(ProductExists) as caught:
        make_product(db, clock, maker, gtin=None, article_number="A1")
    assert caught.value.field == "/article_number"


def test_another_makers_product_is_unknown(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    with pytest.raises(UnknownProduct):
        get_product(db, make_maker(db, clock, "Other").org_id, product.product_id)


def test_products_are_paged(db: Session, clock: FixedClock) -> None:
    maker = make_maker(db, clock)
    made = {
        make_product(db, clock, maker, gtin=None, article_number=str(n)).product_id
        for n in range(5)
    }
    make_product(db, clock, make_maker(db, clock, "Other"), gtin=None, article_number="x")
    first = list_products(db, maker.org_id, limit=3)
    rest = list_products(db, maker.org_id, after=first[-1].product_id, limit=3)
    assert (len(first), len(rest)) == (3, 2)
    assert {p.product_id for p in [*first, *rest]} == made


def test_reader_learns_what_it_needs(db: Session, clock: FixedClock) -> None:
    product = make_product(db, clock, make_maker(db, clock))
    object_id = make_object(db, clock, product).object_id
    conn = db.connection()
    assert stream_categories(conn, object_id) == {"wear": "usage"}
    told = describe_object(conn, object_id)
    assert (told["maker"], told["gtin"]) == ("Big Denim", GTIN)
    assert told["streams"][0]["fields"][1]["unit"] == "min"


def test_of_two_registrations_at_once_one_wins(database: Database, clock: FixedClock) -> None:
    with database.session() as db:
        makers = [make_maker(db, clock, name) for name in ("One", "Two", "Three", "Four")]

    def register(maker: Organization) -> bool:
        try:
            with database.session() as db:
                make_product(db, clock, maker)
        except ProductExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(register, makers)) == [False, False, False, True]
