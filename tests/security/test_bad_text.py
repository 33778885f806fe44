"""Text that a database, a calendar or a parser could stumble over: never an error of ours, and the
same answer on both databases, because each answer is named here."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from app.kit.ids import new_secret
from tests.journeys.story import REDIRECT, SAME
from tests.security.conftest import Stage

TEXTS = {
    "nul": "%00",
    "surrogate": "%ED%A0%80",
    "no-utf-8": "%FF%FE",
    "sql": "%27%20OR%201=1;--",
    "html": "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "long": "A" * 20_000,
    "other-digits": "%D9%A1%D9%A2",
    "line": "%0d%0aX-Evil:1",
    "digits": "9" * 400,
    "dots": "..%2f..%2fetc%2fpasswd",
}
PATHS = (
    "/v1/objects/{}",
    "/v1/products/{}",
    "/v1/jobs/{}",
    "/v1/jobs/{}/report",
    "/v1/data/objects/{}/records",
    "/v1/me/objects/{}/records",
    "/v1/me/grants/{}",
    "/v1/me/exports/{}",
    "/v1/me/exports/{}/file",
    "/v1/public/products/{}",
    "/v1/public/objects/{}",
    "/o/{}",
    "/o/{}/did.json",
    "/p/{}",
    "/01/{}",
    "/01/{}/21/x",
    "/01/09506000134376/21/{}",
    "/problems/{}",
    "/static/{}/x",
    "/static/x/{}",
    "/docs/files/{}",
    "/claim/{}",
    "/consent/{}",
    "/objects/{}",
    "/objects/{}/streams/wear.csv",
    "/permissions/{}",
    "/exports/{}",
    "/exports/{}/file",
    "/exports/{}/events",
)
FAR = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e300", "-0001-01-01T00:00:00Z")


def get(stage: Stage, path: str, token: dict[str, str] | None = None) -> Any:
    http = stage.owner.http if token is None else stage.story.api
    return http.get(path, headers=token or SAME)


def test_an_id_that_is_none_leads_nowhere(stage: Stage) -> None:
    key, own = {"Idempotency-Key": "k" * 30}, stage.personal()
    for path in PATHS:
        token = None
        if path.startswith("/v1/"):
            token = {"data": stage.vendor, "me": own}.get(path.split("/")[2], stage.maker) | key
        for name, text in TEXTS.items():
            answer = get(stage, path.format(text), token)
            assert answer.status_code in (404, 422), (path, name, answer.status_code)
            assert "x-evil" not in answer.headers


def test_a_query_never_breaks_the_service(stage: Stage) -> None:
    own, queries = stage.personal(), ("stream", "from", "to", "limit", "after")
    for path, names, token in (
        (f"/v1/data/objects/{stage.thing}/records", queries, stage.vendor),
        (f"/v1/me/objects/{stage.jeans}/records", queries, own),
        ("/v1/me/accesses", ("object_id", "client_id", "result", "limit", "after"), own),
        ("/v1/objects", ("product_id", "limit", "after"), stage.maker),
        ("/v1/products", ("limit", "after"), stage.maker),
        ("/history", ("object", "vendor", "permission", "after"), None),
        (f"/objects/{stage.jeans}", ("on", "period"), None),
    ):
        for name in names:
            for kind, text in TEXTS.items():
                answer = get(stage, f"{path}?{name}={text}", token)
                assert answer.status_code < 500, (path, name, kind, answer.text)
                assert kind != "nul" or answer.status_code == 400, (path, name)
        many = urlencode([(name, "1") for name in names] * 300)
        assert get(stage, f"{path}?{many}", token).status_code < 500


def test_a_time_outside_of_the_calendar_is_refused_and_spoils_no_history(stage: Stage) -> None:
    stage.owner.post("/security/zone", {"zone": "Pacific/Kiritimati"})
    for path, token in (
        (f"/v1/data/objects/{stage.thing}/records", stage.vendor),
        (f"/v1/me/objects/{stage.jeans}/records", stage.personal()),
    ):
        for name in ("from", "to"):
            for time in FAR:
                query = urlencode({name: time})
                assert get(stage, f"{path}?{query}", token).status_code == 422, time
            for time in ("0002-01-01T00:00:00+14:00", "9998-12-31T23:59:59-14:00"):
                query = urlencode({name: time})
                assert get(stage, f"{path}?{query}", token).status_code == 200, time
    assert get(stage, "/history").status_code == 200
    assert get(stage, "/v1/me/accesses", stage.personal()).status_code == 200


def test_a_header_never_breaks_the_service(stage: Stage) -> None:
    raw = (
        ("Authorization", b"Bearer \xff\xfe"),
        ("Authorization", b"Basic \xff"),
        ("Idempotency-Key", b"\xff" * 30),
        ("Content-Type", b"\xff"),
        ("User-Agent", b"\xff\x01"),
        ("Cookie", b'__Host-session="\\000\\377"; __Host-link="\\000.a"; __Host-once="\\377.b"'),
        ("Cookie", b'__Host-ceremony="\\000"'),
        ("Host", b"["),
        ("Host", b"\xff"),
        ("Host", b"127.0.0.1:x"),
        ("Origin", b"http://["),
        ("Referer", b"http://["),
        ("X-Forwarded-For", b"\xff"),
        ("X-Forwarded-Proto", b"javascript"),
    )
    for name, value in raw:
        for method, path in (
            ("GET", "/"),
            ("GET", "/home"),
            ("GET", "/docs"),
            ("GET", "/security/tokens/new"),
            ("POST", "/claim"),
            ("POST", "/security/recovery"),
            ("POST", "/sign-in/passkey/verify"),
            ("GET", "/v1/objects"),
            ("POST", "/v1/events"),
            ("POST", "/v1/objects"),
            ("POST", "/oauth/token"),
        ):
            headers: dict[str, Any] = SAME | stage.maker | {name: value}
            if name == "Origin":
                del headers["Sec-Fetch-Site"]
            answer = stage.owner.http.request(method, path, headers=headers)
            assert answer.status_code < 500, (method, path, name, value)


def multipart(charset: str, **fields: bytes) -> tuple[bytes, dict[str, str]]:
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    )
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    return parts + b"--x--\r\n", SAME | {"Content-Type": kind}


CHARSETS = (
    ("utf-8", b"a\0b"),
    ("utf-7", b"+AAA-"),
    ("utf-7", b"+2AA-"),
    ("undefined", b"x"),
    ("punycode", b"\xff-\xff"),
    ("unicode_escape", b"\\ud800"),
)


def test_a_forms_own_charset_smuggles_nothing_in(stage: Stage) -> None:
    minted = stage.story.mint(stage.maker, stage.product, new_secret()[:12])
    claim = stage.owner.post("/claim", {"code": minted["claim_code"]}).headers["location"]
    for path, name, more in (
        ("/claim", "code", {}),
        (claim, "name", {"used_by": b"me", "since": b"today"}),
        ("/exports", "object_id", {}),
        ("/security/name", "name", {}),
        ("/security/zone", "zone", {}),
        ("/sign-in/email", "email", {}),
        ("/sign-in/recovery", "recovery_code", {}),
        ("/security/tokens", "token_name", {"token_until": b"2027-01-01", "scope": b"own:read"}),
    ):
        for charset, value in CHARSETS:
            body, headers = multipart(charset, **{name: value}, **more)
            answer = stage.owner.http.post(path, content=body, headers=headers)
            assert answer.status_code < 500, (path, charset, answer.text)
            assert b"\0" not in value or answer.status_code in (404, 422), path


def test_a_day_at_the_calendars_edge_fits_no_form(stage: Stage) -> None:
    stage.owner.post("/security/zone", {"zone": "Pacific/Kiritimati"})
    good = {"answer": "allow", "object": stage.jeans, "kind": "usage", "history": "from"}
    good |= {"until": "2026-12-31", "history_from": "2026-01-01"}
    challenge = {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    asked = {"response_type": "code", "redirect_uri": REDIRECT} | challenge
    asked["client_id"] = stage.story.vendor("Third")[0]
    minted = stage.story.mint(stage.maker, stage.product, "SL-9")
    claim = stage.owner.post("/claim", {"code": minted["claim_code"]}).headers["location"]
    for day in ("0001-01-01", "9999-12-31", "0000-01-01"):
        for name in ("until", "history_from", ""):
            where = stage.story.api.get("/oauth/authorize", params=asked).headers["location"]
            assert stage.owner.get(where).status_code == 200
            answer = stage.owner.post(where, good | ({name: day} if name else {}))
            assert answer.status_code == 303, answer.text
            is_back = answer.headers["location"] == urlsplit(where).path
            assert is_back == bool(name), (day, name)
            shown = stage.owner.get(where)
            assert ("There is a problem" in shown.text) == bool(name), (day, name)
        form = {"token_name": "x", "token_until": day, "scope": "own:read"}
        assert stage.owner.post("/security/tokens", form).status_code == 422
        form = {"used_by": "me", "since": "earlier", "since_on": day}
        assert stage.owner.post(claim, form).status_code == 422
        assert stage.owner.get(f"/objects/{stage.jeans}?on={day}").status_code == 200
