"""Fetching small public documents from addresses that others chose, without being led inside.

What decides is the address that is connected to, not the name: a name is looked up once, each
address it has must be public, and the connection goes to one of those (no second look-up that
could say something else), while TLS and the header Host keep the name.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

import httpcore2
from httpcore2 import NetworkBackend, NetworkStream

from app.kit.addresses import is_loopback, is_public, read_address

Resolver = Callable[[str], Sequence[str]]

_MOST = 64 * 1024
_SECONDS = 5.0
_LONGEST_URL = 2000
_TRIED = 4
_LOOKUPS = 16

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
# The last label begins with a letter: whatever is a number in some notation (0x7f.1, 2130706433)
# is an address to `getaddrinfo`, and here it is one only in its plain notation.
_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_JSON = re.compile(r"application/(?:[a-z0-9!#$&^_.-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


class FetchRefused(Exception):
    """The document was not fetched; `detail` says in plain words what is wrong with it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True)
class Fetched:
    """A document as it came. The headers' names are in lower case; repeated ones are joined."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def max_age(self) -> int | None:
        """For how many seconds it may be kept (RFC 9111 §5.2.2); None where it does not say."""
        said = self.headers.get("cache-control", "").lower().split(",")
        told = {
            name.strip(): value.strip(' "') for name, _, value in (s.partition("=") for s in said)
        }
        if "no-store" in told or "no-cache" in told:
            return 0
        age = told.get("max-age", "")
        return int(age[:9]) if age.isascii() and age.isdigit() else None


def look_up(name: str) -> list[str]:
    """Every address of a name; OSError where it has none."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def trusted() -> ssl.SSLContext:
    """Verifies by the authorities that this machine trusts, which take a while to read."""
    return ssl.create_default_context()


@dataclass(frozen=True)
class Fetcher:
    """GETs JSON within a deadline over everything; with `allow_local` from this machine too,
    there also without TLS. No redirects, proxies, cookies or credentials."""

    allow_local: bool = False
    seconds: float = _SECONDS
    resolve: Resolver = look_up
    tls: ssl.SSLContext = field(default_factory=trusted, repr=False)
    _lookups: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(_LOOKUPS), init=False, repr=False, compare=False
    )

    def get(self, url: str, *, most: int = _MOST, accept: str = "application/json") -> Fetched:
        """The document at `url`, of at most so many bytes; FetchRefused. Blocks: not for a thread
        that has other things to do, and never inside of a transaction."""
        place = _read_url(url, self.allow_local)
        deadline = _Deadline(self.seconds)
        try:
            addresses = self._addresses_of(place, deadline)
            return _ask(place, _Pinned(addresses, deadline), self.tls, most, accept)
        except httpcore2.TimeoutException as error:
            late = f"The document did not come within {self.seconds:g} seconds."
            raise FetchRefused(late) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise FetchRefused(_reason(error)) from error

    def _addresses_of(self, place: "_Place", deadline: "_Deadline") -> Sequence[str]:
        """The addresses of the host, all of them checked."""
        is_name = read_address(place.host) is None
        found = self._look_up(place.host, deadline) if is_name else [place.host]
        if not found:
            raise FetchRefused("Its host has no address.")
        for address in found:
            if self.allow_local and is_loopback(address):
                continue
            if place.scheme == "http":
                raise FetchRefused("Without TLS (https) only this machine itself is asked.")
            if not is_public(address):
                raise FetchRefused("Its host has an address that is not on the public internet.")
        return found

    def _look_up(self, name: str, deadline: "_Deadline") -> Sequence[str]:
        """Nothing can stop a look-up in the system's resolver, so it has a thread of its own that
        is no longer waited for at the deadline; only so many of those may be about."""
        if not self._lookups.acquire(blocking=False):
            raise FetchRefused("Too many names are being looked up; try again in a moment.")
        found: Future[Sequence[str]] = Future()
        threading.Thread(target=self._resolve, args=(name, found), daemon=True).start()
        try:
            return found.result(deadline.left())
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("look-up") from error
        except (OSError, UnicodeError) as error:
            raise FetchRefused("Its host's name was not found.") from error

    def _resolve(self, name: str, found: "Future[Sequence[str]]") -> None:
        try:
            found.set_result(self.resolve(name))
        except Exception as error:
            found.set_exception(error)
        finally:
            self._lookups.release()


@dataclass(frozen=True)
class _Place:
    """A URL in parts; what is checked and what is asked are both made of these."""

    scheme: str
    host: str
    port: int | None
    target: str

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def _read_url(url: str, allow_local: bool) -> _Place:
    if len(url) > _LONGEST_URL:
        raise FetchRefused(f"The URL is longer than {_LONGEST_URL} characters.")
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\"<>^`{|}'):
        raise FetchRefused("The URL has characters in it that a URL has not.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise FetchRefused("The URL cannot be read.") from error
    if parts.scheme != "https" and not (allow_local and parts.scheme == "http"):
        raise FetchRefused("The URL does not begin with https://.")
    if "@" in parts.netloc:
        raise FetchRefused("The URL has a user or password in it.")
    if "#" in url:
        raise FetchRefused("The URL has a fragment (#).")
    query = f"?{parts.query}" if parts.query else ""
    place = _Place(parts.scheme, host, port, (parts.path or "/") + query)
    if port == 0:
        raise FetchRefused("The URL has the port 0.")
    if not (_NAME.fullmatch(host) or read_address(host)) or place.netloc != parts.netloc.lower():
        raise FetchRefused(f"The URL's host {parts.netloc[:100]!r} is no name or address.")
    return place


def _ask(
    place: _Place, network: NetworkBackend, tls: ssl.SSLContext, most: int, accept: str
) -> Fetched:
    url = httpcore2.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target)
    headers = [
        ("Host", place.netloc),
        ("Accept", accept),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "Inseam"),
        ("Connection", "close"),
    ]
    with (
        httpcore2.ConnectionPool(ssl_context=tls, network_backend=network) as pool,
        pool.stream("GET", url, headers=headers) as response,
    ):
        told = _join(response.headers)
        _check_head(response.status, told)
        return Fetched(_read_body(response.iter_stream(), most), told)


def _check_head(status: int, headers: Mapping[str, str]) -> None:
    if status != 200:
        hint = "; redirects are not followed" if 300 <= status < 400 else ""
        raise FetchRefused(f"It was answered with status {status}, not 200{hint}.")
    kind = headers.get("content-type", "")
    if not _JSON.fullmatch(kind):
        raise FetchRefused(f"Its content type is {kind[:100]!r}, not JSON.")
    encoding = headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise FetchRefused(f"It came in the encoding {encoding[:100]!r}, which was not asked for.")


def _read_body(chunks: Iterable[bytes], most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise FetchRefused(f"It is larger than {most} bytes.")
    return bytes(body)


class _Deadline:
    """The end of everything: each step may take what the earlier ones left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("deadline")
        return left


class _Pinned(NetworkBackend):
    """Connects to the addresses that were checked, whatever name it is asked for."""

    def __init__(self, addresses: Sequence[str], deadline: _Deadline) -> None:
        self._addresses = addresses[:_TRIED]
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """The first that answers; one that keeps silent leaves the others their share of time."""
        fault: Exception = httpcore2.ConnectError("no address")
        for tried, address in enumerate(self._addresses):
            share = self._deadline.left() / (len(self._addresses) - tried)
            try:
                stream = httpcore2.SyncBackend().connect_tcp(address, port, share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                fault = error
            else:
                return _Timed(stream, self._deadline)
        raise fault


class _Timed(NetworkStream):
    """A connection on which no step goes on beyond the deadline, however small the steps."""

    def __init__(self, stream: NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        try:
            left = self._deadline.left()
        except httpcore2.ReadTimeout:
            self.close()
            raise
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _reason(error: Exception) -> str:
    if any(isinstance(cause, ssl.SSLError) for cause in error.args):
        return "Its host has no certificate that is valid for the name."
    if isinstance(error, httpcore2.ConnectError):
        return "Its host does not answer."
    return "Its host broke off, or does not speak HTTP."


def _join(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
