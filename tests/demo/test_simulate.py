"""The simulated device: believable, repeatable, and taken by the real ingest without a refusal."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.demo.products import JEANS, PRODUCTS, WASHER
from app.demo.simulate import simulate
from app.kit.clock import FixedClock
from app.kit.ids import new_id
from app.objects.gs1 import normalise_gtin
from app.objects.spec import ProductSpec
from app.usage.ingest import Call, ingest
from app.usage.items import Item, read_items
from app.usage.schema import shape_of
from tests.factories import usage as make

START = datetime(2026, 7, 5, 5, 30, tzinfo=UTC)
END = START + timedelta(days=120)
PARIS = "Europe/Paris"
ODD = [
    {
        "name": "odd",
        "kind": "interval",
        "fields": [
            {"name": "glow", "type": "number", "unit": "lx", "minimum": 3, "maximum": 4},
            {"name": "low", "type": "number", "unit": "Cel", "maximum": -5},
            {"name": "warm", "type": "number", "unit": "Cel", "minimum": 90},
            {"name": "mode", "type": "string", "enum": ["a", "b"]},
            {"name": "word", "type": "string"},
            {"name": "is_on", "type": "boolean"},
            {"name": "span", "type": "integer", "unit": "min"},
            {"name": "latitude", "type": "number", "unit": "lat"},
        ],
    },
    {"name": "wear", "kind": "instant", "fields": [{"name": "x", "type": "integer"}]},
    {
        "name": "tally",
        "kind": "counter",
        "fields": [{"name": "n", "type": "integer", "unit": "count"}],
    },
]


def run(product: Any, start: datetime = START, end: datetime = END, **more: Any) -> list[Any]:
    given = {"serial": "S1", "seed": 7, "zone": PARIS} | more
    return list(simulate(product, start=start, end=end, **given))


def finished(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record.get("until") or record["at"])


@pytest.mark.parametrize("spec", PRODUCTS, ids=lambda spec: spec["name"])
def test_product_is_what_the_maker_api_takes(spec: dict[str, Any]) -> None:
    ProductSpec.model_validate(spec)
    assert normalise_gtin(spec["gtin"]) == spec["gtin"]


@pytest.mark.parametrize("product", [*PRODUCTS, ODD], ids=["jeans", "jacket", "washer", "odd"])
def test_every_record_fits_its_stream(product: Any) -> None:
    streams = product if isinstance(product, list) else product["streams"]
    by_name = {s["name"]: s for s in streams}
    records = run(product)
    for item in read_items(records, new_id()):
        assert isinstance(item, Item)
        shape_of(by_name[item.stream]["fields"]).write(item.values)
        assert (item.until is not None) == (by_name[item.stream]["kind"] == "interval")
    assert {r["stream"] for r in records} >= set(by_name) - {"fault"}
    assert len({r["id"] for r in records}) == len(records)


@pytest.mark.parametrize("product", [*PRODUCTS, ODD], ids=["jeans", "jacket", "washer", "odd"])
@pytest.mark.parametrize("hours", [1, 13, 24 * 60 + 17])
def test_two_halves_are_the_whole(product: Any, hours: int) -> None:
    middle = START + timedelta(hours=hours)
    whole = run(product)
    assert run(product, end=middle) + run(product, start=middle) == whole
    assert [finished(r) for r in whole] == sorted(finished(r) for r in whole)
    assert all(START <= finished(r) < END for r in whole)


def test_seed_and_serial_make_the_life() -> None:
    assert run(JEANS) == run(JEANS)
    assert run(JEANS) != run(JEANS, seed=8)
    assert run(JEANS) != run(JEANS, serial="S2")
    assert not {r["id"] for r in run(JEANS)} & {r["id"] for r in run(JEANS, seed=8)}


def test_jeans_are_worn_on_weekdays_and_washed_on_sundays() -> None:
    records = run(JEANS)
    worn = Counter(
        datetime.fromisoformat(r["at"]).weekday() for r in records if r["stream"] == "wear"
    )
    assert min(worn[day] for day in range(5)) > max(worn[5], worn[6])
    washes = [r for r in records if r["stream"] == "wash"]
    assert len(washes) > 8
    assert {datetime.fromisoformat(r["at"]).weekday() for r in washes} == {6}
    assert {r["values"]["temperature"] for r in washes} == {30, 40}


@pytest.mark.parametrize("serial", ["SL-000001", "FJ-000001", "D7-000001", "SL-000002"])
def test_there_are_gaps(serial: str) -> None:
    days = {finished(r).date() for r in run(JEANS, serial=serial)}
    silent = [n for n in range(120) if (START + timedelta(days=n)).date() not in days]
    assert 5 <= len(silent) <= 40


def test_counter_of_runs_never_falls_and_counts_the_runs() -> None:
    records = run(WASHER)
    totals = [r["values"]["total"] for r in records if r["stream"] == "runs"]
    assert totals == sorted(totals)
    cycles = [r for r in records if r["stream"] == "cycle"]
    assert abs(totals[-1] - totals[0] - len(cycles)) <= 3


def test_ingest_takes_all_of_it_once(db: Session) -> None:
    conn, clock = db.connection(), FixedClock(START)
    org_id = make.make_maker(conn, clock)
    product_id = make.make_product(conn, org_id, START - timedelta(days=9), JEANS["streams"])
    object_id = make.make_thing(conn, clock, org_id, product_id, "S1")
    clock.set(END)
    make.give_thing(conn, clock, object_id, END - START + timedelta(hours=12))
    items, taker = read_items(run(JEANS), object_id), make.make_taker()
    for status in ("stored", "duplicate"):
        results = ingest(conn, clock, taker, Call(org_id, items))
        assert {one.status for one in results} == {status}
