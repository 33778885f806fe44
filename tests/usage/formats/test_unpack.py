"""Content codings: round trips, bombs that stay small, and bodies that are damaged."""

import gzip
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zstandard import ZstdCompressionParameters, ZstdCompressor

from app.kit.errors import BodyTooLarge, DomainError, MalformedRequest, UnsupportedEncoding
from app.usage.formats.unpack import unpack
from tests.usage.formats.bounded import at_most

LIMIT = 1024 * 1024
GIGABYTE = 1024**3
MEGABYTE = 1024**2
SKIPPED = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"  # a skippable frame (RFC 8878 §3.1.2)


def zstd(body: bytes) -> bytes:
    return ZstdCompressor().compress(body)


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd}
every_coding = pytest.mark.parametrize("coding", PACKERS)


def gzip_bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    pieces = [packer.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join([*pieces, packer.flush()])


def zstd_bomb(size: int) -> bytes:
    """One frame of blocks that each repeat a byte (RFC 8878 §3.1.1.2): 4 bytes for 128 kB."""
    block = 128 * 1024
    head = b"\x28\xb5\x2f\xfd\x00\x38"  # no size told, a window of 128 kB
    blocks = [(block << 3 | 2).to_bytes(3, "little") + b"a"] * (size // block - 1)
    return head + b"".join(blocks) + (block << 3 | 3).to_bytes(3, "little") + b"a"


def refusal(body: bytes, coding: str, limit: int = LIMIT) -> DomainError:
    with pytest.raises(DomainError) as caught:
        unpack(body, coding, limit)
    return caught.value


@given(st.lists(st.binary(max_size=300) | st.just(b"a" * 200_000), min_size=1, max_size=5))
@every_coding
def test_parts_unpack_to_what_was_packed(coding: str, parts: list[bytes]) -> None:
    body = b"".join(map(PACKERS[coding], parts))
    assert unpack(body, coding, LIMIT) == b"".join(parts)


@given(st.binary(max_size=50), st.integers(0, 200), st.integers(0, 5000))
@every_coding
def test_nothing_comes_out_beyond_the_limit(
    coding: str, seed: bytes, times: int, limit: int
) -> None:
    plain = seed * times
    packed = PACKERS[coding](plain)
    if len(plain) <= limit:
        assert unpack(packed, coding, limit) == plain
    else:
        error = refusal(packed, coding, limit)
        assert isinstance(error, BodyTooLarge)
        assert str(limit) in error.detail


@given(st.binary(max_size=200))
@every_coding
def test_any_bytes_unpack_or_are_refused(coding: str, body: bytes) -> None:
    with suppress(BodyTooLarge, MalformedRequest):
        assert len(unpack(body, coding, 1000)) <= 1000


@given(st.binary(min_size=1, max_size=100), st.data())
@every_coding
def test_body_that_ends_early_is_refused(coding: str, plain: bytes, data: st.DataObject) -> None:
    packed = PACKERS[coding](plain)
    short = packed[: data.draw(st.integers(0, len(packed) - 1))]
    assert isinstance(refusal(short, coding), MalformedRequest)
    assert isinstance(refusal(packed + short[:1] if short else b"", coding), MalformedRequest)


@pytest.mark.parametrize("rest", [b"\0", b"\0" * 100, b"more", b"{}", b"\x1f\x8b", b"\x28\xb5\x2f"])
@every_coding
def test_what_follows_the_parts_is_refused(coding: str, rest: bytes) -> None:
    assert isinstance(refusal(PACKERS[coding](b"{}") + rest, coding), MalformedRequest)


@every_coding
def test_changed_byte_is_noticed(coding: str) -> None:
    packer = ZstdCompressor(write_checksum=True).compress if coding == "zstd" else gzip.compress
    packed = bytearray(packer(b"steps" * 100))
    packed[-3] ^= 1  # in the checksum
    assert isinstance(refusal(bytes(packed), coding), MalformedRequest)


@pytest.mark.parametrize(
    ("coding", "make"), [("gzip", gzip_bomb), ("zstd", zstd_bomb)], ids=["gzip", "zstd"]
)
def test_bomb_of_a_gigabyte_costs_next_to_nothing(
    coding: str, make: Callable[[int], bytes]
) -> None:
    bomb = make(GIGABYTE)
    assert len(bomb) < 2 * MEGABYTE
    with at_most(4 * LIMIT):
        assert isinstance(refusal(bomb, coding), BodyTooLarge)


@every_coding
def test_bomb_behind_small_parts_is_found(coding: str) -> None:
    bomb = {"gzip": gzip_bomb, "zstd": zstd_bomb}[coding](64 * MEGABYTE)
    parts = b"".join(PACKERS[coding](text) for text in (b"", b"a", b""))
    with at_most(4 * LIMIT):
        assert isinstance(refusal(parts + bomb, coding), BodyTooLarge)


@every_coding
def test_body_of_ten_thousand_empty_parts_is_refused(coding: str) -> None:
    part = PACKERS[coding](b"")
    assert unpack(part * 1000, coding, LIMIT) == b""
    assert isinstance(refusal(part * 10_000, coding), MalformedRequest)


def test_window_over_eight_megabytes_is_refused() -> None:
    wide = ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=False)
    packer = ZstdCompressor(compression_params=wide).compressobj()
    body = packer.compress(b"a" * 1000) + packer.flush()
    assert isinstance(refusal(body, "zstd"), MalformedRequest)


def test_frame_to_be_skipped_is_skipped() -> None:
    assert unpack(SKIPPED + zstd(b"a") + SKIPPED + zstd(b"b"), "zstd", LIMIT) == b"ab"
    assert isinstance(refusal(SKIPPED[:-1], "zstd"), MalformedRequest)


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_plain_body_stays_as_it_is(coding: str) -> None:
    assert unpack(b"{}", coding, 2) == b"{}"
    assert isinstance(refusal(b"{} ", coding, 2), BodyTooLarge)


@pytest.mark.parametrize("coding", ["GZIP", "x-gzip", " gzip "])
def test_gzip_goes_by_several_names(coding: str) -> None:
    assert unpack(gzip.compress(b"{}"), coding, LIMIT) == b"{}"


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "gzip,zstd", "identity, gzip"])
def test_other_codings_are_refused(coding: str) -> None:
    assert isinstance(refusal(gzip.compress(b"{}"), coding), UnsupportedEncoding)


def test_raw_deflate_and_zlib_are_no_gzip() -> None:
    assert isinstance(refusal(zlib.compress(b"{}"), "gzip"), MalformedRequest)
