"""Registering products over HTTP."""

from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from tests.api.makers.conftest import Caller, Makers
from tests.factories.objects import GTIN, product_body


def test_product_is_registered_and_read_again(maker: Caller) -> None:
    answer = maker.post("/v1/products", product_body())
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/v1/products/{made['product_id']}"
    assert (made["gtin"], made["name"]) == (GTIN, "Straight Leg, connected")
    assert made["streams"][0]["facts"] == product_body()["streams"][0]["facts"]
    assert maker.get(answer.headers["location"]).json() == made
    assert maker.get("/v1/products").json() == {"products": [made], "next": None}


def test_product_stands_on_its_public_page(maker: Caller, client: TestClient) -> None:
    product_id = maker.product()
    answer = client.get(f"/v1/public/products/{product_id}")
    assert answer.headers["access-control-allow-origin"] == "*"
    shown = answer.json()
    assert shown["maker"]["name"] == "Big Denim"
    assert shown["streams"][0]["holder_copy"] == "Nothing."
    assert shown["streams"][0]["facts"]["retention"].startswith("A week")
    page = client.get(f"/p/{product_id}").text
    for fact in shown["streams"][0]["facts"].values():
        assert not isinstance(fact, str) or fact in page or fact in ("both", "device", "server")


@pytest.mark.parametrize("name", ["retention", "how_to_erase", "is_continuous", "terms_of_use"])
def test_missing_fact_is_named_by_pointer(maker: Caller, name: str) -> None:
    body = product_body()
    del body["streams"][0]["facts"][name]
    answer = maker.post("/v1/products", body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [e["pointer"] for e in answer.json()["errors"]] == [f"/streams/0/facts/{name}"]


def test_unknown_unit_is_named(maker: Caller) -> None:
    body = product_body()
    body["streams"][0]["fields"][0]["unit"] = "furlong"
    problem = maker.post("/v1/products", body).json()
    assert problem["errors"][0]["pointer"] == "/streams/0/fields/0/unit"
    assert "furlong" in problem["detail"]


def test_a_rule_about_several_members_points_at_the_one_that_mends_it(maker: Caller) -> None:
    lacking = product_body()
    del lacking["streams"][0]["fields"][0]["unit"]
    twice = product_body()
    twice["streams"] *= 2
    for body, pointer in (
        (lacking, "/streams/0/fields/0/unit"),
        (twice, "/streams"),
        (product_body(gtin=None, article_number=None), "/gtin"),
    ):
        answer = maker.post("/v1/products", body)
        assert answer.status_code == 422
        problem = answer.json()
        assert [e["pointer"] for e in problem["errors"]] == [pointer]
        assert "alue error" not in answer.text
        assert problem["detail"] == f"{pointer}: {problem['errors'][0]['detail']}."


def test_choice_of_serials_points_at_a_member(maker: Caller) -> None:
    body = {"product_id": maker.product()}
    for path in ("/v1/objects", "/v1/objects/bulk"):
        problem = maker.post(path, body, "k" * 30).json()
        assert [e["pointer"] for e in problem["errors"]] == ["/serials"]
        assert "alue error" not in problem["detail"]


def test_a_page_cursor_of_any_length_is_refused_as_a_cursor(maker: Caller) -> None:
    for path in ("/v1/products", "/v1/objects"):
        for after in ("x", "x" * 2001, "x" * 5000):
            answer = maker.get(path, after=after)
            assert answer.status_code == 400
            assert answer.json()["type"].endswith("/problems/invalid-cursor")


def test_gtin_of_others_is_refused(maker: Caller) -> None:
    answer = maker.post("/v1/products", product_body(gtin="4012345678901"))
    assert answer.status_code == 403
    problem = answer.json()
    assert problem["type"].endswith("/problems/gtin-outside-prefix")
    assert problem["errors"][0]["pointer"] == "/gtin"


def test_gtin_of_a_registered_product_is_refused(maker: Caller, other: Caller) -> None:
    maker.product()
    for caller in (maker, other):
        answer = caller.post("/v1/products", product_body())
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("/problems/product-exists")


def test_another_makers_product_is_not_there(maker: Caller, other: Caller) -> None:
    product_id = maker.product()
    theirs = other.get(f"/v1/products/{product_id}")
    nobodys = other.get(f"/v1/products/{uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["type"] == nobodys.json()["type"]
    assert other.get("/v1/products").json()["products"] == []


def test_retry_with_the_same_key_registers_once(maker: Caller) -> None:
    first = maker.post("/v1/products", product_body(), key="k1")
    again = maker.post("/v1/products", product_body(), key="k1")
    assert again.status_code == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    reused = maker.post("/v1/products", product_body(name="Another"), key="k1")
    assert reused.status_code == 409


def test_products_are_paged_by_cursor(maker: Caller, other: Caller) -> None:
    ids = {maker.product(gtin=None, article_number=f"A{n}") for n in range(5)}
    seen, after = [], None
    while True:
        page = maker.get("/v1/products", limit=2, **({"after": after} if after else {})).json()
        seen += [p["product_id"] for p in page["products"]]
        after = page["next"]
        if after is None:
            break
        assert other.get("/v1/products", after=after).status_code == 400
    assert sorted(seen) == sorted(ids)


def test_scope_and_token_are_needed(makers: Makers, client: TestClient) -> None:
    gateway = makers.add("Gateway", scopes="log:write")
    answer = gateway.post("/v1/products", product_body())
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("/problems/insufficient-scope")
    assert client.post("/v1/products", json=product_body()).status_code == 401
    assert client.get("/v1/products", params={"access_token": "x"}).status_code == 401


TEXTS: dict[str, Any] = {
    "name": "'; DROP TABLE products; --",
    "kind": "<script>alert(1)</script>",
    "passport": {
        "material": '"><img src=x onerror=alert(1)>',
        "origin": "{{ 7*7 }} ${7*7}",
        "care": "\\' OR 1=1",
        "more": {"<b>key</b>": "</script><svg onload=alert(1)>"},
    },
}


def test_sql_and_html_are_inert(maker: Caller, client: TestClient) -> None:
    product_id = maker.product(**TEXTS)
    made = maker.get(f"/v1/products/{product_id}").json()
    assert made["name"] == TEXTS["name"]
    assert made["passport"]["more"] == TEXTS["passport"]["more"]
    page = client.get(f"/p/{product_id}").text
    for markup in ("<script>alert", "<img src=x", "<svg onload", "<b>key"):
        assert markup not in page
    assert "49" not in page.replace(product_id, "").split("<main", 1)[-1] or "{{ 7*7 }}" in page


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": NaN}',
        b'{"name": 1e400}',
        b'{"name": 1, "name": 2}',
        b'{"name": 9007199254740993}',
        b"[" * 40 + b"]" * 40,
        b'{"name": ',
    ],
)
def test_json_that_no_database_can_keep_is_refused(maker: Caller, body: bytes) -> None:
    answer = maker.http.post(
        "/v1/products",
        content=body,
        headers={"Authorization": f"Bearer {maker.token}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/problems/invalid-json")
