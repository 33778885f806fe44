"""What is driven: each case is one HTTP request, sent again and again with the time moved on."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.load import OBJECT, PASS, STAMP
from bench.passes import Passes, assertions, proofs
from bench.records import MINUTE, make_lines
from bench.seed import Scene, Tokens

HELLO, RAW, BATCH, SINGLE, READING = "hello", "raw", "batch-1000", "single", "reading"
TOKEN, TOKEN_JWT, TOKEN_DPOP = "token", "token-jwt", "token-dpop"
_FORM = "application/x-www-form-urlencoded"
_ASSERTION = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
_WANTED = "grant_type=client_credentials&scope=log%3Awrite"
_A_PORT = 50_000  # of five digits, as every port that the system chooses
_STRIDE = 7919 * 60  # seconds from one reading's place to the next: anywhere in the log


@dataclass(frozen=True)
class Case:
    """A request as it stands on the wire, and what its answer must contain to count. Without a
    request it is not for HTTP."""

    name: str
    title: str
    connections: int
    request: str
    expect: str
    start: datetime
    records: int = 0
    wrap: int = 10**9
    stride: int = 1
    objects: Sequence[str] = ()
    passes: Passes | None = None


def make_cases(scene: Scene, tokens: Tokens, seeded: int, *, is_sqlite: bool) -> list[Case]:
    """The two yardsticks first, then the service's hot roads, over a log of so many records."""
    start = scene.start + seeded * MINUTE
    path = f"/v1/objects/{scene.object_id}/events"
    how = "executemany" if is_sqlite else "COPY"

    def ingest(name: str, title: str, count: int, connections: int, *, ids: bool = False) -> Case:
        lines = make_lines(count, with_ids=ids)
        return _ingest(name, title, lines, connections, path, tokens, start)

    return [
        Case(HELLO, "bare FastAPI `/hello`", 32, _get("/hello"), '{"hello"', start),
        Case(RAW, f"raw {how}, 1000 rows a batch", 1, "", "", start, 1000),
        ingest(BATCH, "ingest, 1000 records a call", 1000, 8),
        ingest("batch-1000-one", "the same over one connection", 1000, 1),
        ingest("batch-1000-ids", "the same, each with its own id", 1000, 8, ids=True),
        ingest("batch-100", "ingest, 100 records a call", 100, 16),
        ingest(SINGLE, "ingest, a single record", 1, 32),
        make_reading(scene, tokens, seeded),
        *_token(scene),
    ]


def make_reading(scene: Scene, tokens: Tokens, records: int) -> Case:
    """A full page from a place of the log that differs each time; `next` proves it is full."""
    query = f"limit=100&from={STAMP}Z"
    path = f"/v1/data/objects/{scene.pseudonym}/records?{query}"
    return Case(
        READING,
        "protected reading of 100 records",
        32,
        _get(path, f"Bearer {tokens.vendor}"),
        '"next":"',
        scene.start,
        records=100,
        wrap=int(max(records - 200, 1) * MINUTE / timedelta(seconds=1)),
        stride=_STRIDE,
    )


def make_spread(scene: Scene, tokens: Tokens, name: str, title: str) -> Case:
    """Batches of 1000 to several objects, each connection to one of them."""
    lines, path = make_lines(1000), f"/v1/objects/{OBJECT}/events"
    case = _ingest(name, title, lines, len(scene.things), path, tokens, scene.start)
    objects = [str(object_id) for object_id, _ in scene.things]
    return Case(**(vars(case) | {"objects": objects}))


def _ingest(
    name: str,
    title: str,
    lines: Sequence[str],
    connections: int,
    path: str,
    tokens: Tokens,
    start: datetime,
) -> Case:
    count = len(lines)
    body = f"[{','.join(lines)}]" if count > 1 else lines[0]
    request = _post(path, f"Bearer {tokens.maker}", "application/json", body)
    expect = f'"stored":{count},"duplicate":0,"refused":0'
    return Case(name, title, connections, request, expect, start, count)


def _token(scene: Scene) -> list[Case]:
    """A token of a client's own: by its secret, by its key, and bound to a key of its own."""
    path, start = "/oauth/token", scene.start
    secret = "Basic " + b64encode(f"{scene.maker_id}:{scene.maker_secret}".encode()).decode()
    signed = assertions(scene.signer_id, scene.signer_key)
    form = f"{_WANTED}&client_assertion_type={_ASSERTION}&client_assertion={PASS}"
    like = signed.make(_A_PORT, 1)[0]
    length = len(form.replace(PASS, like))
    by_key = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {_FORM}\r\n"
    by_key += f"Content-Length: {length}\r\n\r\n{form}"
    by_secret = _post(path, secret, _FORM, _WANTED)
    bound = by_secret.replace("\r\n", f"\r\nDPoP: {PASS}\r\n", 1)
    said, proven = "token, client_credentials", '"access_token"'
    bound_to = proofs(scene.signer_key, secret)
    return [
        Case(TOKEN, said, 32, by_secret, proven, start),
        Case(TOKEN_JWT, f"{said}, private_key_jwt", 32, by_key, proven, start, passes=signed),
        Case(TOKEN_DPOP, f"{said}, DPoP", 32, bound, proven, start, passes=bound_to),
    ]


def _get(path: str, authorization: str = "") -> str:
    allowed = f"Authorization: {authorization}\r\n" if authorization else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{allowed}\r\n"


def _post(path: str, authorization: str, kind: str, body: str) -> str:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
    return f"{head}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
