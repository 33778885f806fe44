"""Documents from addresses that others chose: what is fetched, and everything that is refused."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from app.kit.addresses import is_loopback, is_public
from app.kit.fetch import Fetched, Fetcher, FetchRefused, look_up

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GOOD = HEAD + b'Content-Length: 8\r\n\r\n{"a": 1}'
PUBLIC = "93.184.215.14"

Answer = Callable[[socket.socket], None]
Serve = Callable[..., str]


class Server:
    """Answers each connection on loopback with what a test gave; remembers what it was asked."""

    def __init__(self, answer: bytes | Answer, tls: ssl.SSLContext | None) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            with closing(plain), suppress(OSError):
                if self._tls is None:
                    self._talk(plain)
                    continue
                with closing(self._tls.wrap_socket(plain, server_side=True)) as sealed:
                    self._talk(sealed)

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        heard = b""
        while b"\r\n\r\n" not in heard and (more := connection.recv(65536)):
            heard += more
        self.asked.append(heard)
        if isinstance(self._answer, bytes):
            connection.sendall(self._answer)
        else:
            self._answer(connection)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    running: list[Server] = []
    yield running
    for server in running:
        server.close()


@pytest.fixture
def serve(servers: list[Server]) -> Serve:
    """Starts a server; the URL of a document on it."""

    def start(answer: bytes | Answer = GOOD, *, tls: ssl.SSLContext | None = None) -> str:
        servers.append(Server(answer, tls))
        scheme = "http" if tls is None else "https"
        return f"{scheme}://127.0.0.1:{servers[-1].port}/keys"

    return start


def local(**changes: object) -> Fetcher:
    return Fetcher(allow_local=True, **changes)  # type: ignore[arg-type]


def refusal(fetcher: Fetcher, url: str, **more: int) -> str:
    with pytest.raises(FetchRefused) as refused:
        fetcher.get(url, **more)
    return refused.value.detail


def found(*addresses: str) -> Callable[[str], Sequence[str]]:
    """A resolver that always says the same."""
    return lambda name: addresses


def head(*lines: str, status: str = "200 OK") -> bytes:
    fields = "".join(f"{line}\r\n" for line in (*lines, "Content-Length: 2"))
    return f"HTTP/1.1 {status}\r\n{fields}\r\n{{}}".encode()


# What is fetched


def test_a_document_comes_with_its_headers_in_lower_case(serve: Serve) -> None:
    fetched = local().get(serve())
    assert fetched.body == b'{"a": 1}'
    assert fetched.headers["content-type"] == "application/json"


def test_nothing_is_said_that_was_not_asked_for(
    serve: Serve, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:1")
    url = serve(head("Content-Type: application/json", "Set-Cookie: a=b"))
    fetcher = local()
    fetcher.get(url + "?set=1")
    fetcher.get(url + "?set=1", accept="application/jwk-set+json, application/json")
    first, second = (one.decode().split("\r\n") for one in servers[0].asked)
    assert first == [
        "GET /keys?set=1 HTTP/1.1",
        f"Host: 127.0.0.1:{servers[0].port}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "User-Agent: Inseam",
        "Connection: close",
        "",
        "",
    ]
    assert second == [
        "Accept: application/jwk-set+json, application/json" if "Accept: " in line else line
        for line in first
    ]


@pytest.mark.parametrize(
    "kind", ["application/json", "application/JSON; charset=utf-8", "application/jwk-set+json"]
)
def test_json_of_any_name_is_taken(serve: Serve, kind: str) -> None:
    assert local().get(serve(head(f"Content-Type: {kind}"))).body == b"{}"


def test_a_body_in_chunks_is_put_together(serve: Serve) -> None:
    url = serve(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n")
    assert local().get(url).body == b"{} "


def test_a_body_of_exactly_the_limit_is_taken(serve: Serve) -> None:
    assert local().get(serve(), most=8).body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("max-age=600", 600),
        ("public, Max-Age=600 , immutable", 600),
        ('max-age="60"', 60),
        ("no-store", 0),
        ("max-age=600, no-cache", 0),
        ("public", None),
        ("max-age=soon", None),
        ("max-age=-1", None),
        ("max-age=" + "9" * 40, 999_999_999),
    ],
)
def test_how_long_a_document_may_be_kept_is_read(said: str, age: int | None) -> None:
    assert Fetched(b"", {"cache-control": said}).max_age == age


def test_a_document_that_does_not_say_how_long_it_may_be_kept() -> None:
    assert Fetched(b"", {}).max_age is None


# Where it is fetched from


def test_the_address_that_was_checked_is_the_one_connected_to(
    serve: Serve, servers: list[Server]
) -> None:
    """The name changes its address right after it was looked up (DNS rebinding)."""
    port = serve().rpartition(":")[2]
    answers = iter([["127.0.0.1"], ["192.0.2.1"]])
    fetcher = local(resolve=lambda name: next(answers))
    fetcher.get(f"http://keys.invalid:{port}")
    assert list(answers) == [["192.0.2.1"]], "it was looked up once"
    assert f"Host: keys.invalid:{servers[0].port}\r\n".encode() in servers[0].asked[0]


def test_an_address_that_does_not_answer_is_followed_by_the_next(serve: Serve) -> None:
    port = serve().rpartition(":")[2]
    fetcher = local(resolve=found("127.0.0.2", "127.0.0.1"))
    assert fetcher.get(f"http://keys.invalid:{port}").body == b'{"a": 1}'


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_public_addresses_are_asked(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.255.254", id="all of loopback"),
        pytest.param("::1", id="loopback of IPv6"),
        pytest.param("0.0.0.0", id="unspecified, which is this machine"),
        pytest.param("::", id="unspecified of IPv6"),
        pytest.param("10.0.0.1", id="private 10/8"),
        pytest.param("172.16.0.1", id="private 172.16/12"),
        pytest.param("192.168.1.1", id="private 192.168/16"),
        pytest.param("fd00:ec2::254", id="unique local"),
        pytest.param("fec0::1", id="site local"),
        pytest.param("169.254.169.254", id="link-local, where clouds keep credentials"),
        pytest.param("fe80::1", id="link-local of IPv6"),
        pytest.param("fe80::1%eth0", id="link-local with a zone"),
        pytest.param("100.100.100.200", id="carrier-grade NAT"),
        pytest.param("168.63.129.16", id="a cloud's own, though it looks public"),
        pytest.param("192.0.0.9", id="protocol assignments"),
        pytest.param("192.0.2.1", id="examples"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("192.88.99.1", id="relay of 6to4"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("233.252.0.1", id="multicast that is global"),
        pytest.param("ff0e::1", id="multicast of IPv6 that is global"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::ffff:10.0.0.1", id="private, mapped into IPv6"),
        pytest.param("::ffff:127.0.0.1", id="loopback, mapped into IPv6"),
        pytest.param("::10.0.0.1", id="private, compatible with IPv6"),
        pytest.param("64:ff9b::10.0.0.1", id="private behind NAT64"),
        pytest.param("64:ff9b::169.254.169.254", id="link-local behind NAT64"),
        pytest.param("64:ff9b:1::1", id="local NAT64"),
        pytest.param("2002:a00:1::1", id="private in 6to4"),
        pytest.param("2001:0:a00:1::1", id="Teredo"),
        pytest.param("2001:db8::1", id="examples of IPv6"),
        pytest.param("3fff::1", id="newer examples of IPv6"),
        pytest.param("100::1", id="discard"),
        pytest.param("5f00::1", id="not assigned to hosts"),
        pytest.param("keys.example", id="no address at all"),
    ],
)
def test_what_is_no_public_address_is_refused(address: str) -> None:
    assert not is_public(address)
    fetcher = Fetcher(resolve=found(address))
    assert "not on the public internet" in refusal(fetcher, "https://keys.example/")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "localhost"]
)
def test_a_host_inside_is_refused_however_it_is_written(host: str) -> None:
    assert "not on the public internet" in refusal(Fetcher(), f"https://{host}/")


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "127.0.0.1."])
def test_an_address_in_an_odd_notation_is_refused(host: str) -> None:
    assert "is no name or address" in refusal(Fetcher(), f"https://{host}/")


def test_one_private_address_among_public_ones_is_refused() -> None:
    fetcher = Fetcher(resolve=found(PUBLIC, "10.0.0.1"))
    assert "not on the public internet" in refusal(fetcher, "https://keys.example/")


def test_a_name_without_an_address_is_refused() -> None:
    assert refusal(Fetcher(resolve=found()), "https://keys.example/") == "Its host has no address."


def test_a_name_that_is_not_found_is_refused() -> None:
    def fail(name: str) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    said = refusal(Fetcher(resolve=fail), "https://keys.example/")
    assert said == "Its host's name was not found."


def test_private_networks_stay_refused_where_this_machine_is_allowed() -> None:
    fetcher = local(resolve=found("10.0.0.1"))
    assert "not on the public internet" in refusal(fetcher, "https://keys.example/")


def test_without_tls_no_other_machine_is_asked() -> None:
    fetcher = local(resolve=found("127.0.0.1", PUBLIC))
    assert "Without TLS" in refusal(fetcher, "http://keys.example/")


def test_without_tls_nothing_is_asked_unless_this_machine_is_allowed(
    serve: Serve, servers: list[Server]
) -> None:
    assert "https://" in refusal(Fetcher(), serve())
    assert servers[0].asked == []


def test_names_are_looked_up_in_the_system() -> None:
    assert all(is_loopback(address) for address in look_up("localhost"))
    assert not is_loopback("localhost")


# How the URL is written


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("ftp://keys.example/", "https://", id="other scheme"),
        pytest.param("file:///etc/passwd", "https://", id="file"),
        pytest.param("//keys.example/", "https://", id="no scheme"),
        pytest.param("", "https://", id="nothing"),
        pytest.param("https://me@keys.example/", "user", id="user"),
        pytest.param("https://me:secret@keys.example/", "user", id="password"),
        pytest.param("https://@keys.example/", "user", id="empty user"),
        pytest.param("https://keys.example/#key", "fragment", id="fragment"),
        pytest.param("https://keys.example/#", "fragment", id="empty fragment"),
        pytest.param("https://keys.example:0/", "port 0", id="port 0"),
        pytest.param("https://keys.example:65536/", "cannot be read", id="port too high"),
        pytest.param("https://keys.example:x/", "cannot be read", id="port in letters"),
        pytest.param("https://keys.example:/", "no name", id="empty port"),
        pytest.param("https://keys.example:0443/", "no name", id="port with a zero in front"),
        pytest.param("https:///keys", "no name", id="no host"),
        pytest.param("https://keys.example./", "no name", id="dot at the end"),
        pytest.param("https://keys..example/", "no name", id="empty label"),
        pytest.param("https://" + "a" * 64 + ".example/", "no name", id="label too long"),
        pytest.param("https://" + "a." * 130 + "example/", "no name", id="name too long"),
        pytest.param("https://keys%2eexample/", "no name", id="escaped host"),
        pytest.param("https://[::1/", "cannot be read", id="open bracket"),
        pytest.param("https://[::1]x/", "no name", id="something behind the bracket"),
        pytest.param("https://[fe80::1%25eth0]/", "no name", id="zone"),
        pytest.param("https://keys.example\\@inside/", "characters", id="backslash"),
        pytest.param("https://keys.example/a b", "characters", id="space"),
        pytest.param("https://keys.example/\r\nHost: inside", "characters", id="line break"),
        pytest.param("https://keys.example/\tx", "characters", id="tab"),
        pytest.param("https://schlüssel.example/", "characters", id="not ASCII"),
        pytest.param("https://keys.example/" + "a" * 2000, "longer", id="too long"),
    ],
)
def test_a_url_that_is_refused(url: str, why: str) -> None:
    def never(name: str) -> list[str]:
        raise AssertionError("it was looked up")

    said = refusal(Fetcher(resolve=never), url)
    assert why in said
    assert len(said) < 200


# What it answers


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(serve: Serve, servers: list[Server], status: str) -> None:
    inner = serve()
    kind = "Content-Type: application/json"
    said = refusal(local(), serve(head(kind, f"Location: {inner}", status=status)))
    assert "redirects are not followed" in said
    assert servers[0].asked == []


@pytest.mark.parametrize("status", ["201 Created", "203 Changed", "404 Not Found", "500 Broken"])
def test_another_status_than_200_is_refused(serve: Serve, status: str) -> None:
    answer = head("Content-Type: application/json", status=status)
    assert f"status {status[:3]}" in refusal(local(), serve(answer))


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="none"),
        pytest.param(["Content-Type: text/html"], id="a page"),
        pytest.param(["Content-Type: text/json"], id="text"),
        pytest.param(["Content-Type: application/jsonp"], id="only nearly"),
        pytest.param(["Content-Type: application/json, text/html"], id="two in one"),
        pytest.param(["Content-Type: application/json", "Content-Type: text/html"], id="two"),
    ],
)
def test_another_content_type_is_refused(serve: Serve, lines: list[str]) -> None:
    assert "content type" in refusal(local(), serve(head(*lines)))


def test_a_long_content_type_is_not_repeated_in_full(serve: Serve) -> None:
    assert len(refusal(local(), serve(head("Content-Type: " + "x" * 5000)))) < 200


def test_a_packed_body_is_refused(serve: Serve) -> None:
    """A few bytes can unpack to any number of them."""
    answer = head("Content-Type: application/json", "Content-Encoding: gzip")
    assert "encoding 'gzip'" in refusal(local(), serve(answer))


def test_a_body_over_the_limit_is_refused(serve: Serve) -> None:
    assert refusal(local(), serve(), most=7) == "It is larger than 7 bytes."


def test_a_body_without_an_end_is_given_up_at_the_limit(serve: Serve) -> None:
    sent = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n")
        for _ in range(5000):
            connection.sendall(b" " * 10_000)
            sent.append(10_000)

    assert "larger than 65536" in refusal(local(), serve(flood))
    assert sum(sent) < 40_000_000, "the sender was cut off"


def test_headers_without_an_end_are_refused(serve: Serve) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 300_000
    assert "does not speak HTTP" in refusal(local(), serve(answer))


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", head(status="101 Switching Protocols")]
)
def test_what_is_no_http_is_refused(serve: Serve, answer: bytes) -> None:
    assert "does not speak HTTP" in refusal(local(), serve(answer))


def test_a_body_that_is_cut_off_is_refused(serve: Serve) -> None:
    assert "broke off" in refusal(local(), serve(HEAD + b"Content-Length: 9\r\n\r\n{}"))


def test_a_closed_port_is_refused(serve: Serve, servers: list[Server]) -> None:
    url = serve()
    servers[0].close()
    assert refusal(local(), url) == "Its host does not answer."


# In what time


def late(fetcher: Fetcher, url: str) -> bool:
    """Whether it is given up at its deadline, and not much later."""
    began = time.monotonic()
    said = refusal(fetcher, url)
    return "did not come within 0.3 seconds" in said and time.monotonic() - began < 3


def drip(start: bytes, drop: bytes) -> Answer:
    """A sender that is never silent for long, and never done."""

    def trickle(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(200):
            time.sleep(0.05)
            connection.sendall(drop)

    return trickle


def test_a_host_that_says_nothing_is_given_up(serve: Serve) -> None:
    assert late(local(seconds=0.3), serve(lambda connection: time.sleep(1)))


def test_a_body_that_trickles_is_given_up(serve: Serve) -> None:
    assert late(local(seconds=0.3), serve(drip(HEAD + b"Content-Length: 1000\r\n\r\n", b" ")))


def test_headers_that_trickle_are_given_up(serve: Serve) -> None:
    assert late(local(seconds=0.3), serve(drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")))


def test_interim_answers_without_an_end_are_given_up(serve: Serve) -> None:
    assert late(local(seconds=0.3), serve(drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")))


def test_a_handshake_that_never_ends_is_given_up(serve: Serve) -> None:
    url = serve(lambda connection: time.sleep(1)).replace("http:", "https:")
    assert late(local(seconds=0.3), url)


def test_a_look_up_that_never_ends_is_given_up() -> None:
    end = threading.Event()

    def wait(name: str) -> list[str]:
        end.wait(10)
        return [PUBLIC]

    assert late(Fetcher(seconds=0.3, resolve=wait), "https://keys.example/")
    end.set()


def test_look_ups_that_never_end_are_limited_and_make_room_again() -> None:
    end = threading.Event()

    def wait(name: str) -> list[str]:
        end.wait(10)
        return []

    fetcher = Fetcher(seconds=0.01, resolve=wait)
    said = [refusal(fetcher, "https://keys.example/") for _ in range(17)]
    assert "Too many names" in said[16]
    assert not any("Too many" in one for one in said[:16])
    end.set()
    until = time.monotonic() + 5
    while "Too many" in refusal(fetcher, "https://keys.example/"):
        assert time.monotonic() < until
        time.sleep(0.01)


# With which certificate


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server called so shows, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    names = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([names]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / "server.pem"
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, *private) + made.public_bytes(pem))
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(path)
    return shows, ssl.create_default_context(cadata=made.public_bytes(pem).decode())


def test_a_certificate_is_held_against_the_name_not_the_address(
    serve: Serve, tmp_path: Path
) -> None:
    shows, trusts = certificate(tmp_path, "keys.invalid")
    asked: list[str | None] = []
    shows.sni_callback = lambda _, name, context: asked.append(name)
    port = serve(tls=shows).rpartition(":")[2]
    fetcher = local(tls=trusts, resolve=found("127.0.0.1"))
    assert fetcher.get(f"https://keys.invalid:{port}").body == b'{"a": 1}'
    assert asked == ["keys.invalid"]


def test_a_certificate_of_another_name_is_refused(serve: Serve, tmp_path: Path) -> None:
    shows, trusts = certificate(tmp_path, "127.0.0.1")
    port = serve(tls=shows).rpartition(":")[2]
    fetcher = local(tls=trusts, resolve=found("127.0.0.1"))
    assert "no certificate that is valid" in refusal(fetcher, f"https://keys.invalid:{port}")


def test_a_certificate_that_nobody_vouches_for_is_refused(serve: Serve, tmp_path: Path) -> None:
    shows, _ = certificate(tmp_path, "127.0.0.1")
    assert "no certificate that is valid" in refusal(local(), serve(tls=shows))
