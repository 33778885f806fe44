"""The roster of agreements as JSON, for anyone: owners proffer one of them, vendors accept some."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from app.api.examples import json_example, problem_responses
from app.api.public.passports import ANYWHERE
from app.kit.http import StrictRoute
from app.terms.roster import Agreement, find, load_roster

router = APIRouter(prefix="/v1/agreements", tags=["Public"], route_class=StrictRoute)

_KEPT = ANYWHERE | {"Cache-Control": "public, max-age=3600"}

_LISTED = {
    "id": "SD-BASE-DP",
    "version": 1,
    "kind": "service",
    "title": "The service, and nothing else, with your data on request",
    "hash": "sha256:…",
}


class AgreementListed(BaseModel):
    """One version of one agreement. `hash` is SHA-256 over the canonical form (RFC 8785) of its
    JSON-LD, which is what `/agreements/{id}.jsonld` sends, byte for byte."""

    id: str
    version: int
    kind: Literal["service", "contribution"]
    title: str
    hash: str


class AgreementOut(AgreementListed):
    """An agreement with its words: plain sentences, paragraphs of legal text, and JSON-LD."""

    text: list[str]
    legal: list[str]
    jsonld: dict[str, Any]


class AgreementList(BaseModel):
    """Every version of every agreement, from what allows least to what allows most."""

    agreements: list[AgreementListed]


@router.get(
    "",
    summary="The agreements",
    responses=problem_responses(429)
    | {200: json_example("The roster.", {"agreements": [_LISTED]})},
)
def list_agreements(response: Response) -> AgreementList:
    """Standard agreements that owners may proffer and vendors may accept. No token needed. What is
    published stays as it is; a new text is a new version."""
    response.headers.update(_KEPT)
    return AgreementList(agreements=[AgreementListed(**_listed(one)) for one in load_roster()])


@router.get(
    "/{agreement_id}",
    summary="An agreement",
    responses=problem_responses(404, 422)
    | {
        200: json_example(
            "The agreement.",
            _LISTED | {"text": ["…"], "legal": ["…"], "jsonld": {"dct:identifier": "SD-BASE-DP"}},
        )
    },
)
def show_agreement(
    agreement_id: str,
    response: Response,
    version: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> AgreementOut:
    """One agreement, in its newest version or the one that is asked for. No token needed."""
    found = find(agreement_id, version)
    response.headers.update(_KEPT)
    return AgreementOut(
        **_listed(found), text=list(found.says), legal=list(found.legal), jsonld=found.jsonld
    )


def _listed(one: Agreement) -> dict[str, Any]:
    return {
        "id": one.id,
        "version": one.version,
        "kind": one.kind,
        "title": one.title,
        "hash": hash_text(one),
    }


def hash_text(one: Agreement) -> str:
    """How a hash is written on the wire."""
    return f"sha256:{one.hash.hex()}"
