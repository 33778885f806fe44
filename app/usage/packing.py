"""The inside of a segment: its entries as columns, MessagePack, compressed when that pays. Pure.

Entries lie in order of (placed, seq), so that a page takes a run of them. Columns of equal values
are written once.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, repeat
from operator import le, sub
from threading import local
from typing import Any

import msgspec
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from app.usage.entry import SALT_BYTES, Entry, make_entries

MOST_ENTRIES = 1000
_MOST_BYTES = 32 * 1024 * 1024  # of entries: no segment written here comes near it
_PLAIN, _ZSTD = b"\0", b"\1"
_WORTH_IT = 400  # bytes below which compressing makes a segment larger, not smaller
_LEVEL = 3

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_tools = local()


class Unreadable(Exception):
    """The bytes are no segment's inside."""


def pack(entries: Sequence[Entry], first_seq: int) -> bytes:
    """The entries as bytes, whatever order they come in."""
    run = tuple(range(first_seq, first_seq + len(entries)))
    columns = list(zip(*entries, strict=True))
    seq, _, _, placed, *_ = columns
    if seq != run or not all(map(le, placed, placed[1:])):
        columns = list(zip(*sorted(entries, key=_place), strict=True))
    seq, at, until, placed, received, flags, *named, bodies, salts = columns
    ids, epochs, sequences, corrects = named
    inside = _encode(
        [
            None if seq == run else [one - first_seq for one in seq],
            [at[0], *map(sub, at[1:], at)],
            _same([None if u is None else u - a for a, u in zip(at, until, strict=True)]),
            _same(list(map(sub, placed, at))),
            _same(received),
            _same(flags),
            _same(ids),
            _same(epochs),
            _same(sequences),
            _same(corrects),
            bodies,
            b"".join(salts),
        ]
    )
    if len(inside) < _WORTH_IT:
        return _PLAIN + inside
    return _ZSTD + _compressor().compress(inside)


def unpack(
    inside: bytes, first_seq: int, behind: tuple[int, int] | None = None, most: int | None = None
) -> list[Entry]:
    """The entries in order of (placed, seq): all, or those behind a place, or the first `most` of
    them. To make entries is what reading costs, so nobody makes more than are wanted. Unreadable
    where these are no entries."""
    try:
        if inside[:1] == _ZSTD:
            plain = _decompressor().decompress(inside[1:], max_output_size=_MOST_BYTES)
        else:
            plain = inside[1:]
        seqs, at, until, placed, *rest, bodies, salts = _decode(plain)
        received, flags, ids, epochs, sequences, corrects = rest
        times = list(accumulate(at))
        stands = times if placed == [0] else list(map(int.__add__, times, _each(placed)))
        numbers = range(len(bodies)) if seqs is None else seqs
        low, high = 0, len(bodies)
        if behind is not None:
            place = behind[0], behind[1] - first_seq
            low = bisect_right(range(high), place, key=lambda i: (stands[i], numbers[i]))
        if most is not None:
            high = min(high, low + most)
        part = slice(low, high)
        return make_entries(
            [first_seq + number for number in numbers[part]],
            times[part],
            _ends(times[part], until if len(until) == 1 else until[part]),
            stands[part],
            _each(received, part),
            _each(flags, part),
            _each(ids, part),
            _each(epochs, part),
            _each(sequences, part),
            _each(corrects, part),
            bodies[part],
            [
                salts[i : i + SALT_BYTES]
                for i in range(low * SALT_BYTES, high * SALT_BYTES, SALT_BYTES)
            ],
        )
    except (ZstdError, msgspec.DecodeError, ValueError, TypeError, IndexError) as error:
        raise Unreadable from error


def _place(entry: Entry) -> tuple[int, int]:
    return entry.placed, entry.seq


def _same(column: Sequence[Any]) -> Sequence[Any]:
    """A column: [value] where all are equal, else one value for each entry."""
    return column[:1] if column.count(column[0]) == len(column) else column


def _each(column: list[Any], part: slice = slice(None)) -> Any:
    return repeat(column[0]) if len(column) == 1 else column[part]


def _ends(times: list[int], lengths: list[int | None]) -> Any:
    if lengths == [None]:
        return repeat(None)
    return [None if d is None else t + d for t, d in zip(times, _each(lengths), strict=False)]


def _compressor() -> ZstdCompressor:
    """One for each thread: they are not to be shared."""
    if not hasattr(_tools, "compressor"):
        _tools.compressor = ZstdCompressor(level=_LEVEL)
    found: ZstdCompressor = _tools.compressor
    return found


def _decompressor() -> ZstdDecompressor:
    if not hasattr(_tools, "decompressor"):
        _tools.decompressor = ZstdDecompressor()
    found: ZstdDecompressor = _tools.decompressor
    return found
