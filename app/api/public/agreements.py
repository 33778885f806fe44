"""The roster of agreements as JSON, for anyone: owners proffer one of them, vendors accept some."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from app.api.examples import json_example, problem_responses
from app.api.public.passports import ANYWHERE
from app.kit.errors import NotFound
from app.kit.http import ReadDb, StrictRoute
from app.organizations.clients import client_face, find_client
from app.terms.roster import Agreement, find, load_roster, newest

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


class AcceptedList(BaseModel):
    """What a client accepts, in its newest version; nothing where it says nothing."""

    client_id: str
    client_name: str
    verified_domain: str | None
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
    "/accepted",
    summary="What a vendor accepts",
    responses=problem_responses(404, 422, 429)
    | {
        200: json_example(
            "What it accepts.",
            {
                "client_id": "mend-and-co-4f1c",
                "client_name": "Mend & Co",
                "verified_domain": "mendandco.example",
                "agreements": [_LISTED],
            },
        )
    },
)
def list_accepted(
    db: ReadDb,
    response: Response,
    client_id: Annotated[str, Query(max_length=100, description="Of which client.")],
) -> AcceptedList:
    """The agreements of the roster that a client says it accepts, in its metadata
    `inseam_agreements`: one of them, or none, holds for what an owner gives it. No token
    needed."""
    client = find_client(db, client_id)
    face = client_face(db, client_id) if client is not None else None
    if client is None or face is None or face.is_own:
        raise NotFound("There is no such client.")
    response.headers.update(ANYWHERE | {"Cache-Control": "public, max-age=60"})
    return AcceptedList(
        client_id=client.client_id,
        client_name=client.name,
        verified_domain=face.verified_domain,
        agreements=[
            AgreementListed(**_listed(one)) for one in newest() if one.id in client.accepts
        ],
    )


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
