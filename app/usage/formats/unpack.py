"""A compressed body unpacked, never beyond a limit. Pure.

Gzip (RFC 1952) may have several members and zstd (RFC 8878) several frames; neither may end early
or be followed by anything else.
"""

import zlib
from collections.abc import Callable
from typing import Protocol

from zstandard import ZstdDecompressor, ZstdError

from app.kit.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding

_PIECE = 64 * 1024
_MOST_PARTS = 1000  # members or frames: each costs an unpacker of its own
_WINDOW = 8 * 1024 * 1024  # the most that the coding zstd may ask for in HTTP (RFC 9659 §3)
_GZIP = zlib.MAX_WBITS | 16


class _Part(Protocol):
    """What zlib and zstandard offer alike for one member or frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content coding (RFC 9110 §8.4).

    BodyTooLarge as soon as it outgrows `limit`, MalformedRequest where it is damaged,
    UnsupportedEncoding where it has another coding or several.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return _check_size(body, limit)
    try:
        if coding in ("gzip", "x-gzip"):
            return _unpack_gzip(body, limit)
        if coding == "zstd":
            return _unpack_zstd(body, limit)
    except (zlib.error, ZstdError) as error:
        raise MalformedRequest(f"The body is damaged: it is no {coding}.") from error
    raise UnsupportedEncoding(
        f"The content encoding {encoding[:40]!r} is not taken: send identity, gzip or zstd, once."
    )


def _check_size(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise BodyTooLarge(f"The body has more than the limit of {limit} bytes.")
    return body


def _unpack_gzip(body: bytes, limit: int) -> bytes:
    def start() -> tuple[_Part, Callable[[bytes, int], bytes]]:
        member = zlib.decompressobj(_GZIP)
        return member, member.decompress

    return _join(body, limit, start)


def _unpack_zstd(body: bytes, limit: int) -> bytes:
    """Measured first: what unpacks frame by frame, and can tell where one ends, has no bound of
    its own, and the reader that has one cannot tell."""
    unpacker = ZstdDecompressor(max_window_size=_WINDOW)
    _measure(unpacker, body, limit)

    def start() -> tuple[_Part, Callable[[bytes, int], bytes]]:
        frame = unpacker.decompressobj()
        return frame, lambda piece, _: frame.decompress(piece)

    return _join(body, limit, start)


def _measure(unpacker: ZstdDecompressor, body: bytes, limit: int) -> None:
    size = 0
    with unpacker.stream_reader(body, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            size += len(piece)
            if size > limit:
                raise _too_large(limit)


def _join(
    body: bytes, limit: int, start: Callable[[], tuple[_Part, Callable[[bytes, int], bytes]]]
) -> bytes:
    """What all parts of the body unpack to; `start` begins one, and gives its way to unpack a
    piece to at least so many bytes if it has them."""
    pieces: list[bytes] = []
    place, room = 0, limit
    for _ in range(_MOST_PARTS):
        part, unpack_piece = start()
        while not part.eof:
            packed = body[place : place + _PIECE]
            if not packed:
                raise MalformedRequest("The compressed body ends early.")
            pieces.append(unpack_piece(packed, room + 1))
            room -= len(pieces[-1])
            if room < 0:
                raise _too_large(limit)
            place += len(packed) - len(part.unconsumed_tail) - len(part.unused_data)
        if place == len(body):
            return b"".join(pieces)
    raise MalformedRequest(f"The compressed body has more than {_MOST_PARTS} parts.")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body unpacks to more than the limit of {limit} bytes.")
