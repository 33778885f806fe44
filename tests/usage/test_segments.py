"""The inside of a segment and its seal: nothing is lost, and no column can be changed."""

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from zstandard import ZstdCompressor

from app.keys import hierarchy
from app.keys.log_keys import KeyName, WritingKey
from app.kit.ids import new_id
from app.usage.entry import Entry, extend, extend_all, from_micros, genesis, leaf_of, to_micros
from app.usage.packing import Unreadable, pack, unpack
from app.usage.segments import (
    CannotOpen,
    SegmentRow,
    StreamPlace,
    aad_of,
    by_month,
    mark,
    month_of,
    open_segment,
    seal,
    summed_days,
)
from tests.factories.keys import MemoryKeys
from tests.support.rounds import rounds
from tests.support.source import ROOT

DAY = 24 * 60 * 60 * 1_000_000
MONTH = to_micros(datetime(2026, 11, 1, tzinfo=UTC))
SMALLEST = to_micros(datetime(1, 1, 1, tzinfo=UTC))
GREATEST = to_micros(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TIMES = st.integers(SMALLEST, GREATEST)
IN_MONTH = st.integers(MONTH, MONTH + 30 * DAY - 1)


def column(values: st.SearchStrategy[Any], count: int) -> st.SearchStrategy[list[Any]]:
    """Values for all entries: the same for each, or any."""
    return st.one_of(
        values.map(lambda value: [value] * count),
        st.lists(values, min_size=count, max_size=count),
    )


@st.composite
def entry_lists(draw: Callable[..., Any], placed: st.SearchStrategy[int] = TIMES) -> list[Entry]:
    """Entries in order of their sequence, each member the same for all or different."""
    count = draw(st.integers(1, 9))
    first = draw(st.integers(0, 2**40))
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "at": TIMES,
        "until": st.none() | TIMES,
        "placed": placed,
        "received": TIMES,
        "flags": st.sampled_from(["", "clock", "backfill"]),
        "record_id": st.none() | TEXTS,
        "epoch": st.none() | TEXTS,
        "sequence": st.none() | st.integers(0, 2**53 - 1),
        "corrects": st.none() | TEXTS,
        "body": TEXTS,
        "salt": st.binary(min_size=16, max_size=16),
    }
    columns = {name: draw(column(values, count)) for name, values in strategies.items()}
    return [
        Entry(seq=first + n, **{name: values[n] for name, values in columns.items()})
        for n in range(count)
    ]


def entries_of(count: int, **changes: Any) -> list[Entry]:
    plain = Entry(0, MONTH, None, MONTH, MONTH, "", None, None, None, None, '{"n":1}', bytes(16))
    return [plain._replace(seq=n, at=MONTH + n, placed=MONTH + n, **changes) for n in range(count)]


@given(entry_lists())
def test_inside_gives_back_every_member(entries: list[Entry]) -> None:
    found = unpack(pack(entries, entries[0].seq), entries[0].seq)
    assert found == sorted(entries, key=lambda entry: (entry.placed, entry.seq))
    assert [type(value) for value in found[0]] == [
        type(value) for value in min(entries, key=lambda entry: (entry.placed, entry.seq))
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("until", MONTH + 5),
        ("record_id", "a"),
        ("epoch", "e"),
        ("sequence", 0),
        ("sequence", 2**53 - 1),
        ("corrects", "b"),
        ("flags", "clock"),
        ("received", MONTH + DAY),
        ("placed", MONTH + DAY),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 300])
@pytest.mark.parametrize("which", ["all", "first", "last", "none"])
def test_optional_member_of_all_of_one_or_of_none_comes_back(
    name: str, value: Any, count: int, which: str
) -> None:
    entries = entries_of(count)
    chosen = {"all": range(count), "first": [0], "last": [count - 1], "none": []}[which]
    for n in chosen:
        entries[n] = entries[n]._replace(**{name: value})
    found = unpack(pack(entries, 0), 0)
    assert sorted(found, key=lambda entry: entry.seq) == entries


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda b: b"\1" + b))
def test_other_bytes_are_unreadable(inside: bytes) -> None:
    try:
        found = unpack(inside, 0)
    except Unreadable:
        return
    assert isinstance(found, list)


@given(entry_lists(), st.data())
def test_cut_or_changed_inside_never_breaks_the_reader(
    entries: list[Entry], data: st.DataObject
) -> None:
    inside = bytearray(pack(entries, 0))
    place = data.draw(st.integers(0, len(inside) - 1))
    if data.draw(st.booleans()):
        inside = inside[:place]
    else:
        inside[place] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(Unreadable):
        unpack(bytes(inside), 0)


def test_bomb_in_a_segment_is_unreadable() -> None:
    bomb = ZstdCompressor().compress(bytes(200 * 1024 * 1024))
    with pytest.raises(Unreadable):
        unpack(b"\1" + bomb, 0)
    assert msgspec.msgpack.decode(pack(entries_of(1), 0)[1:])[0] is None


@given(entry_lists())
def test_every_member_is_committed_to(entries: list[Entry]) -> None:
    """Two entries that differ in anything but their number have different leaves."""
    told = {entry._replace(seq=0): leaf_of(entry) for entry in entries}
    assert len(set(told.values())) == len(told)


def test_neighbouring_texts_cannot_flow_into_each_other() -> None:
    plain = entries_of(1)[0]
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"record_id": "ab", "epoch": "c"}, {"record_id": "a", "epoch": "bc"}),
        ({"record_id": None}, {"record_id": ""}),
        ({"flags": "a", "record_id": None}, {"flags": "", "record_id": "a"}),
        ({"epoch": "a"}, {"corrects": "a"}),
        ({"until": 0}, {"until": None}),
        ({"sequence": 0}, {"sequence": None}),
    ]
    for one, other in pairs:
        assert leaf_of(plain._replace(**one)) != leaf_of(plain._replace(**other))


def test_chain_begins_elsewhere_for_each_place() -> None:
    one, other = new_id(), new_id()
    places = [(one, other, "wash"), (other, one, "wash"), (one, other, "wear"), (one, other, "")]
    assert len({genesis(*place) for place in places}) == 4
    entries = entries_of(3)
    head = genesis(*places[0])
    for entry in entries:
        head = extend(head, leaf_of(entry))
    assert head == extend_all(genesis(*places[0]), entries)


def place_of(keys: MemoryKeys) -> StreamPlace:
    return StreamPlace(new_id(), new_id(), new_id(), "wash", 0)


@given(entry_lists(IN_MONTH), st.none() | TEXTS, st.data())
def test_seal_binds_every_column(
    entries: list[Entry], signed_by: str | None, data: st.DataObject
) -> None:
    keys = MemoryKeys()
    row = seal(keys, place_of(keys), entries, bytes(32), signed_by)
    assert open_segment(keys, row) == sorted(entries, key=lambda e: (e.placed, e.seq))
    name = data.draw(st.sampled_from(SegmentRow._fields))
    changed = row._replace(**{name: data.draw(other_than(name, getattr(row, name)))})
    # The row's key is found by tenure and key id: the same key under other ids must not open it.
    keys.by_id[changed.tenure_id, changed.key_id] = keys.by_id[row.tenure_id, row.key_id]
    if name != "sealed":
        assert aad_of(changed) != aad_of(row)
    with pytest.raises(CannotOpen):
        open_segment(keys, changed)


@given(entry_lists(IN_MONTH), st.data())
def test_mark_binds_every_column_too(entries: list[Entry], data: st.DataObject) -> None:
    keys = MemoryKeys()
    place = place_of(keys)
    row = mark(keys, place, [seal(keys, place, entries, bytes(32), None)], "erased")
    assert open_segment(keys, row) == []
    name = data.draw(st.sampled_from(SegmentRow._fields))
    changed = row._replace(**{name: data.draw(other_than(name, getattr(row, name)))})
    keys.by_id[changed.tenure_id, changed.key_id] = keys.by_id[row.tenure_id, row.key_id]
    with pytest.raises(CannotOpen):
        open_segment(keys, changed)


PAIRS = st.tuples(st.integers(0, 30_000), st.integers(1, 9)).map(list)
VALUES: dict[type, st.SearchStrategy[Any]] = {
    UUID: st.uuids(),
    int: st.integers(-(2**62), 2**62),
    str: TEXTS,
}


def other_than(name: str, value: Any) -> st.SearchStrategy[Any]:
    """Another value that the column could have."""
    found: st.SearchStrategy[Any]
    if isinstance(value, bytes):
        return st.integers(0, 8 * len(value) - 1).map(lambda bit: _flip(value, bit))
    if name == "signed_by":
        found = st.none() | TEXTS
    elif name == "days":
        found = st.one_of(st.none(), st.lists(PAIRS, max_size=3))
    else:
        found = VALUES[type(value)]
    return found.filter(lambda other: other != value)


def _flip(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


class OneKey(MemoryKeys):
    """Seals nothing: it notes the nonces."""

    def __init__(self) -> None:
        super().__init__()
        self.nonces: list[bytes] = []

    def writing(self, name: KeyName) -> WritingKey:
        key = super().writing(name)
        return WritingKey(key.key_id, _Noting(self.nonces))  # type: ignore[arg-type]


class _Noting:
    def __init__(self, nonces: list[bytes]) -> None:
        self.nonces = nonces

    def encrypt(self, nonce: bytes, inside: bytes, _: bytes) -> bytes:
        self.nonces.append(nonce)
        return inside


def test_nonce_never_comes_again() -> None:
    keys = OneKey()
    place, entries = place_of(keys), entries_of(1)
    times = rounds(10_000, 100_000)
    for _ in range(times):
        seal(keys, place, entries, bytes(32), None)
    assert {len(nonce) for nonce in keys.nonces} == {12}
    assert len(set(keys.nonces)) == times


def test_sealed_bytes_are_the_nonce_and_what_the_key_made_of_them() -> None:
    keys = MemoryKeys()
    place, entries = place_of(keys), entries_of(2)
    row = seal(keys, place, entries, bytes(32), None)
    cipher: AESGCM = keys.opening(row.tenure_id, row.key_id)
    inside = cipher.decrypt(row.sealed[:12], row.sealed[12:], aad_of(row))
    assert inside == pack(entries, 0)
    assert seal(keys, place, entries, bytes(32), None).sealed[12:] != row.sealed[12:]


@given(st.lists(TIMES, min_size=1, max_size=20), st.integers(1, 4))
def test_segments_hold_one_month_and_no_more_than_allowed(times: list[int], most: int) -> None:
    entries = [
        entry._replace(placed=at) for entry, at in zip(entries_of(len(times)), times, strict=True)
    ]
    runs = list(by_month(entries, most))
    assert [entry for run in runs for entry in run] == entries
    for run in runs:
        assert len(run) <= most
        assert len({from_micros(entry.placed).strftime("%Y-%m") for entry in run}) == 1
        assert month_of(run[0].placed) % 12 == from_micros(run[0].placed).month - 1


@given(st.lists(st.integers(-5 * DAY, 5 * DAY), min_size=1, max_size=20))
def test_days_add_up(times: list[int]) -> None:
    told = summed_days(times)
    days = sorted({time // DAY for time in times})
    if told is None:
        assert len(days) == 1
    else:
        assert told == [[day, sum(time // DAY == day for time in times)] for day in days]


def example() -> dict[str, Any]:
    """The worked example of docs/log-format.md."""
    text = (ROOT / "docs" / "log-format.md").read_text()
    found: dict[str, Any] = json.loads(text.split("```json\n")[1].split("```")[0])
    return found


def test_example_of_the_docs_is_what_the_code_does() -> None:
    told = example()
    entries = []
    for one in told["records"]:
        values = one | {"record_id": one["id"], "salt": bytes.fromhex(one["salt"])}
        entries.append(Entry(**{name: values[name] for name in Entry._fields}))
    object_id, tenure_id = UUID(told["object_id"]), UUID(told["tenure_id"])
    before = genesis(object_id, tenure_id, told["stream"])
    assert before.hex() == told["genesis"]
    assert [leaf_of(entry).hex() for entry in entries] == [one["leaf"] for one in told["records"]]
    after = extend_all(before, entries)
    assert after.hex() == told["records"][-1]["head"]
    segment = told["segment"] | {"key_id": UUID(told["segment"]["key_id"])}
    row = SegmentRow(
        object_id=object_id,
        tenure_id=tenure_id,
        stream=told["stream"],
        head_before=before,
        head_after=after,
        sealed=bytes.fromhex(told["sealed"]),
        **segment,
    )
    assert aad_of(row).hex() == told["aad"]
    assert pack(entries, 0).hex() == told["inside"]
    keys = MemoryKeys()
    keys.by_id[tenure_id, row.key_id] = AESGCM(bytes.fromhex(told["key"]))
    assert sorted(open_segment(keys, row), key=lambda entry: entry.seq) == entries


def test_example_of_the_docs_verifies_without_the_code() -> None:
    """As the page tells it, with hashes, AES, MessagePack and nothing of the app."""
    told = example()
    sealed, segment = bytes.fromhex(told["sealed"]), told["segment"]
    place = UUID(told["object_id"]).bytes + UUID(told["tenure_id"]).bytes
    head = sha256(b"inseam usage log 1\0" + place + told["stream"].encode()).digest()
    numbers = ("first_seq", "records", "placed_from", "placed_to", "key_turn")
    days = json.dumps(segment["days"], separators=(",", ":"))
    texts = [told["stream"], days, segment["state"], "+" + segment["signed_by"]]
    aad = b"".join(
        [
            b"inseam usage segment 1\0",
            place,
            UUID(segment["key_id"]).bytes,
            head,
            bytes.fromhex(told["records"][-1]["head"]),
            struct.pack(">5q", *(segment[name] for name in numbers)),
            struct.pack(">4I", *(len(text.encode()) for text in texts)),
            "".join(texts).encode(),
        ]
    )
    inside = AESGCM(bytes.fromhex(told["key"])).decrypt(sealed[:12], sealed[12:], aad)
    assert inside[0] == 0
    columns = msgspec.msgpack.decode(inside[1:])
    count = len(columns[10])
    seqs = columns[0] or list(range(count))
    times = [sum(columns[1][: n + 1]) for n in range(count)]
    leaves = {}
    for n in range(count):
        until, placed, received, flags, name, epoch, sequence, corrects = (
            column[0] if len(column) == 1 else column[n] for column in columns[2:10]
        )
        end = -(2**63) if until is None else times[n] + until
        device = -(2**63) if sequence is None else sequence
        texts = [flags, name, epoch, corrects, columns[10][n]]
        words = [None if text is None else text.encode() for text in texts]
        leaves[seqs[n]] = sha256(
            b"\0"
            + columns[11][16 * n : 16 * n + 16]
            + struct.pack(">5q", times[n], end, times[n] + placed, received, device)
            + struct.pack(">5I", *(2**32 - 1 if w is None else len(w) for w in words))
            + b"".join(w for w in words if w is not None)
        ).digest()
    for seq, one in enumerate(told["records"]):
        assert leaves[seq].hex() == one["leaf"]
        head = sha256(b"\1" + head + leaves[seq]).digest()
        assert head.hex() == one["head"]


def test_example_of_the_docs_has_its_keys_wrapped_as_told() -> None:
    """The contexts are those that the key hierarchy binds."""
    text = (ROOT / "docs" / "log-format.md").read_text()
    for words in (hierarchy._LOG, hierarchy._TENURE, hierarchy._OWNER):
        assert f'"{words.rstrip(bytes(1)).decode()}" ‖ 0x00' in text


@pytest.mark.parametrize("is_shuffled", [False, True])
@pytest.mark.parametrize("most", [None, 1, 3, 100])
def test_part_of_a_segment_is_what_stands_behind_a_place(
    is_shuffled: bool, most: int | None
) -> None:
    entries = [one._replace(placed=MONTH + n // 3) for n, one in enumerate(entries_of(20))]
    if is_shuffled:
        entries = [one._replace(placed=MONTH + (7 * n) % 5) for n, one in enumerate(entries)]
    inside = pack(entries, 0)
    ordered = sorted(entries, key=lambda one: (one.placed, one.seq))
    places = [(one.placed, one.seq) for one in ordered]
    for behind in [(MONTH - 1, 0), *places, (MONTH + 2, -1), (MONTH + 2, 10**9), (MONTH + 99, 0)]:
        wanted = [one for one in ordered if behind < (one.placed, one.seq)]
        assert unpack(inside, 0, behind, most) == wanted[:most]
    moved = [one._replace(seq=one.seq + 500) for one in entries]
    assert (
        unpack(pack(moved, 500), 500, (places[4][0], places[4][1] + 500), most)
        == sorted(moved, key=lambda one: (one.placed, one.seq))[5:][:most]
    )
