"""What one party may store is shown by pages and answers of another: it must not break or bend
them."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.kit.ids import new_id
from tests.factories.objects import field_body, stream_body
from tests.journeys.story import PRODUCT
from tests.security.conftest import Stage

PROBE = "\"><script>alert(1)</script><b x='"
FORMULA = "=1+1'; DROP TABLE records;--"
PAGES = (
    "/home",
    "/history",
    "/permissions",
    "/requests",
    "/exports",
    "/security",
    "/objects/{}",
    "/objects/{}?period=day",
    "/objects/{}?period=year",
    "/objects/{}/streams/odd.csv?period=year",
)


def registered(stage: Stage, **changes: Any) -> str:
    body = PRODUCT | {"gtin": None, "article_number": str(new_id())} | changes
    made = stage.story.api.post("/v1/products", json=body, headers=stage.maker)
    assert made.status_code == 201, made.text
    return str(made.json()["product_id"])


def odd_stream(field: dict[str, Any], kind: str = "instant") -> dict[str, Any]:
    return stream_body("odd", "usage", [field]) | {"kind": kind}


def look_everywhere(stage: Stage, thing: str) -> list[str]:
    """Every page of the owner; each must be there, and none may hold the probe as it came."""
    seen = []
    for page in PAGES:
        answer = stage.owner.get(page.format(thing))
        assert answer.status_code == 200, (page, answer.text)
        assert "html" not in answer.headers["content-type"] or PROBE not in answer.text, page
        assert "<script>alert" not in answer.text or "csv" in answer.headers["content-type"], page
        seen.append(answer.text)
    return seen


@pytest.mark.parametrize("kind", ["instant", "interval"])
def test_a_devices_wrong_clock_spoils_no_page(stage: Stage, kind: str) -> None:
    product = registered(stage, streams=[odd_stream(field_body("amount"), kind)])
    thing = stage.story.owned(stage.maker, product, stage.owner, "ODD-1")
    times = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z")
    for at in times:
        until = {"until": times[-1]} if kind == "interval" else {}
        record = {"stream": "odd", "at": at, "values": {"amount": 1}} | until
        sent = stage.story.send(stage.maker, thing, record).json()
        assert (sent["stored"], sent["refused"]) == (1, 0), sent
    for zone in ("Pacific/Kiritimati", "America/Los_Angeles"):
        stage.owner.post("/security/zone", {"zone": zone})
        look_everywhere(stage, thing)
    own = stage.story.api.get(f"/v1/me/objects/{thing}/records", headers=stage.personal())
    assert len(own.json()["records"]) == 3


@pytest.mark.parametrize("type_", ["number", "integer"])
def test_no_number_is_too_large_to_show(stage: Stage, type_: str) -> None:
    product = registered(stage, streams=[odd_stream(field_body("amount", type_=type_))])
    thing = stage.story.owned(stage.maker, product, stage.owner, "ODD-1")
    told = {}
    for value in (1e308, -1e308, 1e100, -1e100, 5e-324, 2**53 - 1, 1 - 2**53, 1e16, 0):
        record = {"stream": "odd", "at": stage.story.clock.now().isoformat()}
        sent = stage.story.send(stage.maker, thing, record | {"values": {"amount": value}})
        told[value] = sent.json()["results"][0]["status"]
    look_everywhere(stage, thing)
    refused = {value for value, status in told.items() if status == "refused"}
    beyond = {1e100, -1e100, 1e16, 5e-324} if type_ == "integer" else set()
    assert refused == {1e308, -1e308} | beyond
    answer = stage.story.api.get(f"/v1/me/objects/{thing}/records", headers=stage.personal())
    assert all(abs(r["values"]["amount"]) <= 1e100 for r in answer.json()["records"])


def test_markup_and_sql_are_inert_in_every_text(
    stage: Stage, work_jobs: Callable[[], None]
) -> None:
    facts = {
        k: v if isinstance(v, bool) else PROBE for k, v in PRODUCT["streams"][0]["facts"].items()
    }  # type: ignore[index]
    facts |= {"stored": "server"}
    field = field_body("text", None, "string") | {"title": PROBE}
    stream = odd_stream(field) | {"title": PROBE, "holder_copy": PROBE, "facts": facts}
    passport = {"material": PROBE, "origin": FORMULA, "care": PROBE, "more": {PROBE: PROBE}}
    product = registered(stage, name=PROBE, kind=PROBE, passport=passport, streams=[stream])
    minted = stage.story.mint(stage.maker, product, "ODD-1")
    thing = minted["object_id"]
    assert stage.story.claim(stage.owner, minted["claim_code"], name=PROBE).status_code == 303
    for value in (PROBE, FORMULA):
        record = {"stream": "odd", "at": stage.story.clock.now().isoformat(), "id": value}
        sent = stage.story.send(stage.maker, thing, record | {"values": {"text": value}})
        assert sent.json()["stored"] == 1
    stage.owner.post("/security/name", {"name": PROBE})
    vendor = stage.story.vendor(PROBE)
    asking = stage.story.ask(vendor)
    assert PROBE not in stage.owner.get(asking.page).text
    tokens = asking.redeem(asking.allow(stage.owner, [thing]))
    for one in stage.story.objects(tokens["access_token"]):
        stage.story.records(tokens["access_token"], one["id"])
    *_, table = look_everywhere(stage, thing)
    assert "'=1+1" in table, "a spreadsheet must not run it"
    for path in (f"/p/{product}", f"/o/{thing}", urlsplit(minted["digital_link"]).path):
        page = stage.story.api.get(path)
        assert page.status_code == 200
        assert PROBE not in page.text
    stage.owner.post("/exports", {"object_id": thing})
    work_jobs()
    (copy, *_) = stage.story.api.get("/v1/me/exports", headers=stage.personal()).json()["exports"]
    file = stage.story.api.get(f"/v1/me/exports/{copy['id']}/file", headers=stage.personal())
    names = zipfile.ZipFile(io.BytesIO(file.content)).namelist()
    assert all("/" not in name and ".." not in name for name in names), names


def test_html_in_a_serial_or_a_code_is_refused_or_shown_as_text(stage: Stage) -> None:
    for text in (PROBE, FORMULA, "../../etc/passwd", "a\r\nSet-Cookie: x=1", "\u202etxt", " "):
        order = {"product_id": stage.product, "serial": text}
        key = {"Idempotency-Key": str(new_id())}
        made = stage.story.api.post("/v1/objects", json=order, headers=stage.maker | key)
        assert made.status_code in (201, 422), text
        looked = stage.owner.post("/claim", {"code": text})
        assert looked.status_code == 422
        assert PROBE not in looked.text
    body = json.dumps({"stream": PROBE, "at": PROBE, "values": {PROBE: PROBE}})
    path = f"/v1/objects/{stage.jeans}/events"
    kind = {"Content-Type": "application/json"}
    sent = stage.story.api.post(path, content=body, headers=stage.maker | kind)
    assert sent.json()["refused"] == 1
    assert sent.headers["content-type"] == "application/json"
