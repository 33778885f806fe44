"""SenML resolution (RFC 8428 §4.6): the RFC's own examples, and what spoils a record or a pack."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.errors import DomainError
from app.usage.errors import InvalidRecord, TooManyRecords
from app.usage.formats.senml import MAX_ENTRIES, Resolved, resolve
from app.usage.items import RefusedLine
from tests.support.source import ROOT

VECTORS = ROOT.parent / "shared" / "vectors" / "senml"
NOW = datetime(2017, 6, 29, 23, 49, 39, tzinfo=UTC)  # 1498780179: when its author resolved them
MICROSECOND = timedelta(microseconds=1)


def resolve_one(*records: dict[str, Any], now: datetime = NOW) -> Resolved:
    """The last record of a pack, which is good."""
    found = resolve(list(records), now)[-1]
    assert isinstance(found, Resolved)
    assert found.fault is None
    return found


def fault(*records: Any) -> DomainError:
    """Why the last record of a pack, and no other, is refused."""
    *others, last = resolve(list(records), NOW)
    assert not any(isinstance(one, RefusedLine) or one.fault for one in others)
    error = last.error if isinstance(last, RefusedLine) else last.fault
    assert error is not None
    return error


def written(record: Resolved) -> dict[str, Any]:
    """A resolved record as SenML."""
    seconds = (record.at - datetime(1970, 1, 1, tzinfo=UTC)) / MICROSECOND / 1e6
    told = {"n": record.name, "u": record.unit, "t": seconds, record.kind: record.value}
    return {label: value for label, value in told.items() if value is not None}


@pytest.mark.parametrize("name", [f"ex{n}" for n in range(1, 7)])
def test_examples_of_the_rfc_resolve_exactly(name: str) -> None:
    if not VECTORS.is_dir():
        pytest.skip(f"SenML examples: {VECTORS} is absent")
    pack = json.loads((VECTORS / f"{name}.json").read_text())
    wanted = json.loads((VECTORS / f"{name}.resolved.json").read_text())
    found = [written(one) for one in resolve(pack, NOW) if isinstance(one, Resolved)]
    # NOW is the author's own, so that times which were relative are compared too.
    assert found == wanted


ROOM = st.sampled_from([0, 1, -5, 0.5, 20.25, -3600, 268435455, 1276020076.001, 1.5e9])
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9)
VALUES = st.one_of(
    NUMBERS.map(lambda v: {"v": v}),
    st.booleans().map(lambda v: {"vb": v}),
    st.text("aä ", max_size=5).map(lambda v: {"vs": v}),
    st.just({"vd": "aGkg"}),
)
REGULAR = st.fixed_dictionaries(
    {}, optional={"n": st.sampled_from(["a", "b/c", "-d"]), "u": st.just("Cel"), "t": ROOM}
)
BASE = st.fixed_dictionaries(
    {},
    optional={
        "bn": st.sampled_from(["urn:dev:ow:10:", "x"]),
        "bt": ROOM,
        "bu": st.just("s"),
        "bv": NUMBERS,
        "bs": NUMBERS,
    },
)
RECORDS = st.builds(
    lambda *parts: {k: v for p in parts for k, v in p.items()}, BASE, REGULAR, VALUES
)


@given(st.lists(RECORDS, max_size=8))
def test_resolving_again_changes_nothing(records: list[dict[str, Any]]) -> None:
    first = [one for one in resolve([{"bn": "y"}, *records], NOW) if isinstance(one, Resolved)]
    again = resolve([written(one) for one in first], NOW + timedelta(hours=1))
    assert again == [one._replace(line=line) for line, one in enumerate(first, 1)]


def test_base_fields_reach_on_to_later_records() -> None:
    pack = [
        {"bn": "a:", "bt": 1e9, "bu": "V", "n": "x", "v": 1},
        {"n": "y", "u": "A", "t": 5, "v": 2},
        {"bn": "b:", "n": "x", "v": 3},
    ]
    found = [one for one in resolve(pack, NOW) if isinstance(one, Resolved)]
    assert [(one.name, one.unit, one.value) for one in found] == [
        ("a:x", "V", 1),
        ("a:y", "A", 2),
        ("b:x", "V", 3),
    ]
    assert [one.at.second for one in found] == [40, 45, 40]


def test_record_of_base_fields_alone_sets_them() -> None:
    (found,) = resolve([{"bn": "a", "bt": 1e9, "bver": 10, "bnew": 7}, {"v": 1}], NOW)
    assert isinstance(found, Resolved)
    assert (found.line, found.name) == (2, "a")


@pytest.mark.parametrize(
    ("base", "time", "at"),
    [
        (None, None, NOW),
        (0, 0, NOW),
        (None, -5, NOW - timedelta(seconds=5)),
        (None, 2**28 - 1, NOW + timedelta(seconds=2**28 - 1)),
        (None, 2**28, datetime(1978, 7, 4, 21, 24, 16, tzinfo=UTC)),
        (2**27, 2**27, datetime(1978, 7, 4, 21, 24, 16, tzinfo=UTC)),
        (1276020076.001, -5, datetime(2010, 6, 8, 18, 1, 11, 1000, tzinfo=UTC)),
        (1276020076.1, 0.2, datetime(2010, 6, 8, 18, 1, 16, 300_000, tzinfo=UTC)),
        (1276020076, 0.000001, datetime(2010, 6, 8, 18, 1, 16, 1, tzinfo=UTC)),
        (1276020076, 0.0000014, datetime(2010, 6, 8, 18, 1, 16, 1, tzinfo=UTC)),
        (None, 1.276020076001e9, datetime(2010, 6, 8, 18, 1, 16, 1000, tzinfo=UTC)),
    ],
)
def test_time_is_relative_below_two_to_the_28(
    base: float | None, time: float | None, at: datetime
) -> None:
    told = {"n": "a", "v": 1, "bt": base, "t": time}
    assert resolve_one({k: v for k, v in told.items() if v is not None}).at == at


def test_time_is_told_in_utc_whatever_now_is() -> None:
    zone = datetime.fromisoformat("2026-11-02T08:10:00+05:30")
    assert resolve_one({"n": "a", "v": 1}, now=zone).at.tzinfo is UTC


@pytest.mark.parametrize("time", [1e300, -1e300, 1e15, -1e15, 2**53 - 1, 253402300800])
def test_time_that_does_not_exist_is_refused(time: float) -> None:
    assert (fault({"n": "a", "v": 1, "t": time}).field) == "/t"


@pytest.mark.parametrize(
    ("base", "value", "total"),
    [(1, 2, 3), (0.1, 0.2, 0.3), (20, 1.5, 21.5), (-0.5, 0.5, 0), (2**52, 2**52 - 1, 2**53 - 1)],
)
def test_base_value_is_added_as_it_is_written(base: float, value: float, total: float) -> None:
    assert resolve_one({"n": "a", "bv": base, "v": value}).value == total


def test_base_value_touches_numbers_only() -> None:
    assert resolve_one({"n": "a", "bv": 7, "vb": True}).value is True


@pytest.mark.parametrize(("base", "value"), [(2**53 - 1, 1), (-(2**53) + 1, -1), (1e308, 1e308)])
def test_sum_that_is_too_large_is_refused(base: float, value: float) -> None:
    assert fault({"n": "a", "bv": base, "v": value}).field == "/v"


def test_data_values_survive() -> None:
    found = resolve_one({"n": "a", "vd": "aGkgCg"})
    assert (found.kind, found.value) == ("vd", "aGkgCg")


def test_sums_update_times_and_unknown_labels_are_dropped() -> None:
    pack = {"n": "a", "v": 1, "s": 7, "bs": 1, "ut": 5, "foo": [{"bar": None}]}
    assert resolve_one(pack) == Resolved(1, "a", None, NOW, "v", 1)


@pytest.mark.parametrize(
    "name", ["a", "9", "A-z:0./_", "urn:dev:ow:10e2", "2001:db8::2/temperature", "x" * 255]
)
def test_names_are_put_together(name: str) -> None:
    assert resolve_one({"bn": name[:3], "n": name[3:], "v": 1}).name == name
    assert resolve_one({"bn": "gone"}, {"bn": name, "v": 1}).name == name


@pytest.mark.parametrize(
    "name", ["", "-a", ":a", ".a", "/a", "_a", "a b", "ä", "a%", "a\n", "x" * 256, "a\u0660"]
)
def test_other_names_are_refused(name: str) -> None:
    assert fault({"n": "a", "v": 1}, {"n": name, "v": 1}).field == "/n"


def test_one_long_base_name_is_not_copied_into_every_record() -> None:
    pack = [{"bn": "x" * 1_000_000}] + [{"n": str(n), "v": 1} for n in range(10_000)]
    assert all(isinstance(one, RefusedLine) for one in resolve(pack, NOW))


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"n": 7, "v": 1}, "/n"),
        ({"n": None, "v": 1}, "/n"),
        ({"n": "a", "t": "1", "v": 1}, "/t"),
        ({"n": "a", "t": True, "v": 1}, "/t"),
        ({"n": "a", "t": None, "v": 1}, "/t"),
        ({"n": "a", "u": 7, "v": 1}, "/u"),
        ({"n": "a", "v": "1"}, "/v"),
        ({"n": "a", "v": True}, "/v"),
        ({"n": "a", "v": None}, "/v"),
        ({"n": "a", "vs": 1}, "/vs"),
        ({"n": "a", "vb": 0}, "/vb"),
        ({"n": "a", "vd": 0}, "/vd"),
        ({"n": "a", "vd": b""}, "/vd"),
        ({"n": "a"}, None),
        ({"n": "a", "s": 1}, None),
        ({"n": "a", "bv": 1}, None),
        ({"n": "a", "v": 1, "vs": "1"}, None),
        ({}, "/n"),
        (7, None),
        ([], None),
    ],
)
def test_bad_record_is_refused_alone(record: Any, field: str | None) -> None:
    good = {"n": "a", "v": 1}
    error = fault(good, record)
    assert (error.slug, error.field) == ("invalid-record", field)
    assert isinstance(resolve([record, good], NOW)[1], Resolved)


def test_fault_of_a_value_keeps_name_and_time() -> None:
    (found,) = resolve([{"n": "a", "t": 1e9, "v": "1"}], NOW)
    assert isinstance(found, Resolved)
    assert (found.name, found.at.year) == ("a", 2001)


@pytest.mark.parametrize(
    "record",
    [
        {"bn": 7},
        {"bt": "0"},
        {"bt": True},
        {"bu": None},
        {"bv": "1"},
        {"bs": []},
        {"bver": 11},
        {"bver": 25},
        {"bver": 42},
        {"bver": 0},
        {"bver": -1},
        {"bver": 10.0},
        {"bver": "10"},
        {"bver": True},
        {"n": "a", "v": 1, "new_": 0},
        {"bnew_": 0},
        {"_": 0},
    ],
)
def test_bad_base_spoils_the_pack(record: dict[str, Any]) -> None:
    for pack in ([record, {"n": "a", "v": 1}], [{"n": "a", "v": 1}, record]):
        with pytest.raises(InvalidRecord):
            resolve(pack, NOW)


@pytest.mark.parametrize("version", [1, 5, 10, 26])
def test_version_that_is_understood_holds_for_the_pack(version: int) -> None:
    records = ({"bver": version, "n": "a", "v": 1}, {"n": "b", "v": 1})
    assert resolve_one(*records, {"bver": version, "n": "c", "v": 1}).name == "c"


@pytest.mark.parametrize("versions", [(5, 10), (None, 5), (10, 26)])
def test_versions_that_differ_spoil_the_pack(versions: tuple[int | None, int]) -> None:
    pack = [{"n": "a", "v": 1} | ({} if v is None else {"bver": v}) for v in versions]
    with pytest.raises(InvalidRecord):
        resolve(pack, NOW)


@pytest.mark.parametrize("pack", [None, 7, "x", {}, {"n": "a", "v": 1}])
def test_pack_is_an_array(pack: Any) -> None:
    with pytest.raises(InvalidRecord):
        resolve(pack, NOW)


def test_pack_has_a_hundred_thousand_records_and_no_more() -> None:
    assert len(resolve([{"n": "a", "v": 1}] * MAX_ENTRIES, NOW)) == MAX_ENTRIES
    with pytest.raises(TooManyRecords):
        resolve([{}] * (MAX_ENTRIES + 1), NOW)
