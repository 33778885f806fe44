"""What minting answers with. Labels are drawn when an answer is read; they are never stored."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.kit import jsonio
from app.objects.bulk import Row
from app.objects.labels import label_svg
from app.objects.links import claim_link, did, digital_link
from app.objects.mint import Minted, NotMinted
from app.objects.models import Product


class MintedOut(BaseModel):
    """One serial: a new object with the only copy of its claim code, or why there is none."""

    line: int = Field(description="Its place in the call, from 1 on.")
    serial: str
    status: Literal["minted", "refused"]
    type: str | None = Field(None, description="The problem's page, where refused.")
    detail: str | None = None
    object_id: UUID | None = None
    did: str | None = None
    digital_link: str | None = Field(None, description="GS1 Digital Link, or the page by id.")
    claim_code: str | None = Field(None, description="Makes its holder the owner, once.")
    claim_link: str | None = Field(None, description="For the label; the code is in its fragment.")
    label_svg: str | None = None


class MintAnswer(BaseModel):
    """The objects of one call, in order."""

    objects: list[MintedOut]


def minted_rows(
    origin: str, product: Product, outcome: list[Minted | NotMinted]
) -> list[dict[str, Any]]:
    """The outcome of a minting as JSON, without labels."""
    return [
        _minted(origin, product, line, one.serial, one.object_id, one.code)
        if isinstance(one, Minted)
        else _refused(origin, line, one.serial, one.error.slug, one.error.detail)
        for line, one in enumerate(outcome, 1)
    ]


def report_row(origin: str, product: Product, row: Row) -> dict[str, Any]:
    """A line of a bulk minting's report, without label."""
    if row.object_id is None or row.code is None:
        return _refused(origin, row.line, row.serial, row.refusal or "", row.detail or "")
    return _minted(origin, product, row.line, row.serial, row.object_id, row.code)


def with_label(row: dict[str, Any], product_name: str) -> dict[str, Any]:
    """The row with its label, where something was minted."""
    if row["claim_code"] is None:
        return row
    return row | {"label_svg": label_svg(row["claim_link"], row["claim_code"], product_name)}


def with_labels(body: bytes) -> bytes:
    """A kept answer with its labels: the same bytes each time."""
    kept = jsonio.loads(body)
    rows = [with_label(row, kept["product_name"]) for row in kept["objects"]]
    return jsonio.dumps({"objects": rows})


def _minted(
    origin: str, product: Product, line: int, serial: str, object_id: UUID, code: str
) -> dict[str, Any]:
    link = digital_link(origin, product.gtin, serial, object_id)
    minted = MintedOut(
        line=line,
        serial=serial,
        status="minted",
        object_id=object_id,
        did=did(origin, object_id),
        digital_link=link,
        claim_code=code,
        claim_link=claim_link(link, code),
    )
    return minted.model_dump(mode="json")


def _refused(origin: str, line: int, serial: str, slug: str, detail: str) -> dict[str, Any]:
    refused = MintedOut(
        line=line,
        serial=serial,
        status="refused",
        type=f"{origin}/problems/{slug}",
        detail=detail,
    )
    return refused.model_dump(mode="json")
