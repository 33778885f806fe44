"""Bodies that are small on the wire and large inside: refused by the real service, whose memory
stays where it was."""

import gzip
import json
import socket
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest
from zstandard import ZstdCompressor

from app.kit.clock import FixedClock
from app.kit.db import Database
from app.organizations.clients import create_client
from app.settings import Settings
from tests.factories.world import World
from tests.journeys.story import basic, bearer
from tests.support.process import process_of, resident

MIB = 1024 * 1024
GROWTH = 100 * MIB
PEAK = 250 * MIB  # while one is worked on: 32 MiB unpacked, and again as text
REFUSED = {400, 413, 415, 422}
JSON, CBOR, SENML = "application/json", "application/senml+cbor", "application/senml+json"


@pytest.fixture
def engine_kind() -> str:
    """None of this reaches a database."""
    return "sqlite"


@dataclass
class Target:
    """A running service with an object to send to."""

    process: "subprocess.Popen[bytes]"
    url: str
    object_id: UUID
    token: dict[str, str]

    def send(self, body: bytes, kind: str, encoding: str = "") -> httpx2.Response:
        headers = self.token | {"Content-Type": kind}
        if encoding:
            headers["Content-Encoding"] = encoding
        path = f"{self.url}/v1/objects/{self.object_id}/events"
        return httpx2.post(path, content=body, headers=headers, timeout=120)


@pytest.fixture
def target(settings: Settings, database: Database) -> Iterator[Target]:
    now = datetime.now(UTC)
    world = World(database, FixedClock(now - timedelta(hours=1)))
    object_id = world.owned(world.owner())
    with database.session() as db:
        client, secret = create_client(
            db,
            world.clock,
            world.maker,
            "Gateway",
            is_public=False,
            redirect_uris=[],
            grant_types=["client_credentials"],
            scopes=["log:write"],
            purposes=[],
            known_scopes=["log:write"],
        )
    with process_of(settings) as (process, url):
        answer = httpx2.post(
            f"{url}/oauth/token",
            data={"grant_type": "client_credentials"},
            headers=basic((client.client_id, secret or "")),
            timeout=60,
        )
        made = Target(process, url, object_id, bearer(answer.json()["access_token"]))
        assert made.send(record(), JSON).json()["stored"] == 1
        yield made


def record() -> bytes:
    at = datetime.now(UTC).isoformat()
    return json.dumps({"stream": "wear", "at": at, "values": {"steps": 1}}).encode()


def gzip_bomb(size: int = 512 * MIB) -> bytes:
    """Half a gigabyte of spaces in half a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    piece = b" " * MIB
    return b"".join([packer.compress(piece) for _ in range(size // MIB)]) + packer.flush()


def zstd_bomb(size: int = 512 * MIB) -> bytes:
    packer = ZstdCompressor(level=1).compressobj(size=size)
    piece = b" " * MIB
    return b"".join([packer.compress(piece) for _ in range(size // MIB)]) + packer.flush()


def many(part: bytes, size: int = 7 * MIB) -> bytes:
    """A body of so many bytes of small parts."""
    return part * (size // len(part))


BOMBS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "gzip": (gzip_bomb, JSON, "gzip"),
    "gzip of nothing, often": (lambda: many(gzip.compress(b"")), JSON, "gzip"),
    "gzip that is small and deep": (lambda: gzip.compress(b"[" * (30 * MIB)), JSON, "gzip"),
    "zstd": (zstd_bomb, JSON, "zstd"),
    "zstd of nothing, often": (
        lambda: many(ZstdCompressor().compress(b"")),
        JSON,
        "zstd",
    ),
    "zstd with a huge window": (
        lambda: b"\x28\xb5\x2f\xfd\x00\xf8" + bytes(64),
        JSON,
        "zstd",
    ),
    "twice": (lambda: gzip.compress(gzip.compress(b"[]")), JSON, "gzip, gzip"),
    "CBOR arrays in each other": (lambda: b"\x81" * (7 * MIB), CBOR, ""),
    "CBOR maps in each other": (lambda: b"\xa1\x00" * (3 * MIB), CBOR, ""),
    "CBOR without an end": (lambda: b"\x9f" * (7 * MIB), CBOR, ""),
    "CBOR that announces what is not there": (lambda: b"\x9b" + b"\x7f" * 8, CBOR, ""),
    "CBOR text that is not there": (lambda: b"\x81\xa1\x00\x7b" + b"\x7f" * 8, CBOR, ""),
    "CBOR of empty maps": (lambda: b"\x9f" + b"\xa0" * (7 * MIB) + b"\xff", CBOR, ""),
    "CBOR tags": (lambda: b"\xc2" * (7 * MIB), CBOR, ""),
    "CBOR in gzip": (lambda: gzip.compress(b"\x81" * (30 * MIB)), CBOR, "gzip"),
    "number of 5,000 digits": (
        lambda: record().replace(b'"steps": 1', b'"steps": ' + b"9" * 5000),
        JSON,
        "",
    ),
    "number of 5,000 digits in SenML": (
        lambda: b'[{"n":"steps","v":' + b"9" * 5000 + b"}]",
        SENML,
        "",
    ),
    "exponent of 5,000 digits": (
        lambda: record().replace(b'"steps": 1', b'"steps": 1e' + b"9" * 5000),
        JSON,
        "",
    ),
    "number of millions of digits": (lambda: b"[" + b"9" * (7 * MIB) + b"]", JSON, ""),
    "arrays in each other": (lambda: b"[" * (7 * MIB), JSON, ""),
    "numbers, too many, in gzip": (
        lambda: gzip.compress(b"[" + b"99999," * (5 * MIB) + b"1]"),
        JSON,
        "gzip",
    ),
    "members, too many": (
        lambda: b'{"values":{' + b",".join(b'"%x":0' % n for n in range(900_000)) + b"}}",
        JSON,
        "",
    ),
    "members, too many, in lines": (
        lambda: gzip.compress(
            many(b'{"values":{' + b",".join(b'"%x":0' % n for n in range(330)) + b"}}\n", 30 * MIB)
        ),
        "application/x-ndjson",
        "gzip",
    ),
    "members, as many as may be": (
        lambda: b'{"values":{' + b",".join(b'"%x":"%x"' % (n, n) for n in range(749_000)) + b"}}",
        JSON,
        "",
    ),
    "texts, as many as may be": (
        lambda: b"[" + b",".join(b'"%x"' % n for n in range(700_000)) + b"]",
        JSON,
        "",
    ),
    "arrays in arrays, many": (
        lambda: gzip.compress(b"[" + b",".join([b"[" * 30 + b"]" * 30] * 400_000) + b"]"),
        JSON,
        "gzip",
    ),
    "records, too many, in gzip": (
        lambda: gzip.compress(b"[" + b"{}," * (10 * MIB) + b"{}]"),
        JSON,
        "gzip",
    ),
    "records, too many": (lambda: b"[" + b"{}," * (2 * MIB) + b"{}]", JSON, ""),
}


def test_bombs_are_refused_and_memory_stays(target: Target) -> None:
    bombs = {name: make() for name, (make, _, _) in BOMBS.items()}
    _, most_before = resident(target.process)
    for name, body in bombs.items():
        _, kind, encoding = BOMBS[name]
        before, _ = resident(target.process)
        start = time.monotonic()
        answer = target.send(body, kind, encoding)
        assert answer.status_code in REFUSED, (name, answer.status_code, answer.text[:200])
        assert answer.headers["content-type"] == "application/problem+json", name
        assert time.monotonic() - start < 60, name
        after, _ = resident(target.process)
        assert after - before < GROWTH, (name, (after - before) // MIB)
        _, most = resident(target.process)
        assert most - most_before < PEAK, (name, (most - most_before) // MIB)
    assert target.send(record(), JSON).json()["stored"] == 1


def test_body_without_an_end_is_cut_off(target: Target) -> None:
    """It comes in chunks and does not say how long it is; the sender never stops by itself."""
    for encoding in ("", "gzip", "zstd"):
        before, _ = resident(target.process)
        answer, sent = _send_for_ever(target, encoding)
        assert answer.split(b" ")[1] in (b"413", b"400"), answer[:200]
        assert sent < 64 * MIB
        after, _ = resident(target.process)
        assert after - before < GROWTH
    bad = record().replace(b'"steps": 1', b'"steps": ' + b"9" * 5000)
    lines = target.send(record() + b"\n" + bad, "application/x-ndjson").json()["results"]
    assert [line["status"] for line in lines] == ["stored", "refused"], "the line alone"


def _send_for_ever(target: Target, encoding: str) -> tuple[bytes, int]:
    place = urlsplit(target.url)
    lines = [
        f"POST /v1/objects/{target.object_id}/events HTTP/1.1",
        f"Host: {place.netloc}",
        f"Authorization: {target.token['Authorization']}",
        f"Content-Type: {JSON}",
        "Transfer-Encoding: chunked",
    ]
    lines += [f"Content-Encoding: {encoding}"] if encoding else []
    piece = b" " * 65536
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)
    sent = 0
    address = (place.hostname or "", place.port or 80)
    with closing(socket.create_connection(address, timeout=60)) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        with suppress(OSError):
            sock.settimeout(5)
            while sent < 512 * MIB:
                sock.sendall(chunk)
                sent += len(chunk)
                sock.setblocking(False)
                with suppress(BlockingIOError):
                    if sock.recv(1, socket.MSG_PEEK):
                        break
                sock.settimeout(5)
        sock.settimeout(30)
        return sock.recv(4096), sent
