"""The API's description of what makers and the public call: complete, with examples that fit."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from app.api.makers import bulk, dead_letters, device_keys, examples, minted, objects
from app.api.public import examples as public_examples
from app.api.public.passports import PublicObject, PublicProduct
from app.api.views import ProductOut
from app.objects.device_keys import KeySpec
from app.objects.spec import ProductSpec

OURS = (
    "/v1/products",
    "/v1/objects",
    "/v1/dead-letters",
    "/v1/jobs",
    "/v1/answers",
    "/v1/public",
    "/v1/agreements",
    "/v1/me/terms",
    "/o/",
)


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (ProductSpec, examples.PRODUCT_SPEC_EXAMPLE),
        (ProductOut, examples.PRODUCT_OUT_EXAMPLE),
        (objects.MintOrder, examples.MINT_EXAMPLE),
        (objects.MintOrder, examples.MINT_ONE_EXAMPLE),
        (minted.MintedOut, examples.MINTED_EXAMPLE),
        (minted.MintedOut, examples.REFUSED_EXAMPLE),
        (objects.ObjectOut, examples.OBJECT_EXAMPLE),
        (KeySpec, examples.KEY_ORDER_EXAMPLE),
        (device_keys.KeyOut, examples.KEY_EXAMPLE),
        (bulk.BulkOrder, examples.BULK_EXAMPLE),
        (bulk.BulkOrder, examples.BULK_LIST_EXAMPLE),
        (bulk.JobOut, examples.JOB_EXAMPLE),
        (bulk.ReportPage, examples.REPORT_EXAMPLE),
        (dead_letters.DeadLetterOut, examples.DEAD_LETTER_EXAMPLE),
        (PublicProduct, public_examples.PUBLIC_PRODUCT_EXAMPLE),
        (PublicObject, public_examples.PUBLIC_OBJECT_EXAMPLE),
    ],
)
def test_example_is_valid(model: type[BaseModel], example: dict[str, Any]) -> None:
    assert model.model_validate(example)


def test_each_operation_is_explained_with_an_example(app: FastAPI) -> None:
    seen = 0
    for path, operations in app.openapi()["paths"].items():
        if not path.startswith(OURS) or path.endswith("/events"):
            continue
        for method, operation in operations.items():
            where = f"{method} {path}"
            seen += 1
            assert operation["summary"], where
            assert len(operation["description"]) > 20, where
            assert any(status.startswith("4") for status in operation["responses"]), where
            body = operation.get("requestBody", {}).get("content", {})
            assert all("example" in str(content) for content in body.values()), where
            for status in {"200", "201", "202"} & set(operation["responses"]):
                content = operation["responses"][status]["content"]
                assert all("example" in shown for shown in content.values()), where
    assert seen >= 18
