"""A small Vault: the part of its transit engine that Inseam asks, over real HTTP with real keys.

Encrypting makes a key that is not there, each version is a key of its own, the associated data is
bound, and what does not open is answered with 400, or with 500 as some versions of Vault do.
"""

import json
import os
import re
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.a-token-that-nobody-may-see"

Answer = tuple[int, dict[str, Any] | None]


class Transit:
    """What the Vault holds, and switches to make it fail."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.is_sealed = False
        self.binds_context = True
        self.refusal = 400
        self.asked: list[str] = []
        self._keys: dict[str, list[tuple[bytes, int]]] = {}
        self._lock = threading.Lock()

    def answer(self, token: str | None, method: str, path: str, body: dict[str, str]) -> Answer:
        with self._lock:
            self.asked.append(path)
            if self.is_sealed:
                return 503, {"errors": ["Vault is sealed"]}
            if token != self.token:
                return 403, {"errors": ["permission denied"]}
            for shape, act in self._acts.items():
                if found := re.fullmatch(shape, f"{method} {path}"):
                    return act(self, found[1], body)
        return 404, {"errors": []}

    def trim(self, key: str, oldest: int) -> None:
        """Forget the versions before `oldest`."""
        versions = self._keys[key]
        self._keys[key] = [(b"", at) if n < oldest else (k, at) for n, (k, at) in _count(versions)]

    def _encrypt(self, key: str, body: dict[str, str]) -> Answer:
        versions = self._keys.setdefault(key, [_new_version()])
        nonce = os.urandom(12)
        cipher = AESGCM(versions[-1][0])
        sealed = cipher.encrypt(nonce, b64decode(body["plaintext"]), self._context(body))
        text = b64encode(nonce + sealed).decode()
        return 200, {"data": {"ciphertext": f"vault:v{len(versions)}:{text}"}}

    def _decrypt(self, key: str, body: dict[str, str]) -> Answer:
        found = re.fullmatch(r"vault:v([0-9]+):(.+)", body["ciphertext"])
        versions = dict(_count(self._keys.get(key, [])))
        if not found or not versions.get(int(found[1]), (b"",))[0]:
            return 400, {"errors": ["invalid ciphertext or version"]}
        try:
            sealed = b64decode(found[2])
            cipher = AESGCM(versions[int(found[1])][0])
            plain = cipher.decrypt(sealed[:12], sealed[12:], self._context(body))
        except (InvalidTag, ValueError):
            return self.refusal, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": b64encode(plain).decode()}}

    def _rotate(self, key: str, _: dict[str, str]) -> Answer:
        self._keys[key].append(_new_version())
        return 204, None

    def _read(self, key: str, _: dict[str, str]) -> Answer:
        if key not in self._keys:
            return 404, {"errors": []}
        made = {str(number): at for number, (_, at) in _count(self._keys[key])}
        return 200, {"data": {"name": key, "latest_version": len(made), "keys": made}}

    def _context(self, body: dict[str, str]) -> bytes:
        return b64decode(body.get("associated_data", "")) if self.binds_context else b""

    _acts: ClassVar[dict[str, Callable[..., Answer]]] = {
        r"POST /v1/transit/encrypt/(\w+)": _encrypt,
        r"POST /v1/transit/decrypt/(\w+)": _decrypt,
        r"POST /v1/transit/keys/(\w+)/rotate": _rotate,
        r"GET /v1/transit/keys/(\w+)": _read,
    }


@contextmanager
def vault() -> Iterator[tuple[str, Transit]]:
    """A running one: its address, and what it holds."""
    transit = Transit()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            self._do("GET")

        def do_POST(self) -> None:
            self._do("POST")

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def _do(self, method: str) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("X-Vault-Token")
            status, value = transit.answer(token, method, self.path, json.loads(text or b"{}"))
            body = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", transit
        finally:
            server.shutdown()
            thread.join()


def _new_version() -> tuple[bytes, int]:
    return AESGCM.generate_key(256), int(time.time())


def _count(versions: list[tuple[bytes, int]]) -> list[tuple[int, tuple[bytes, int]]]:
    return list(enumerate(versions, 1))
