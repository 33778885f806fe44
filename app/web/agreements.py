"""Pages of the roster: an agreement in plain sentences, its legal text, its form for machines."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.terms.roster import Agreement, find, find_by_hash
from app.web.pages import render

router = APIRouter()

_MACHINES = "application/ld+json"
_SUFFIX = ".jsonld"
_HASH = re.compile(r"[0-9a-f]{64}")

Version = Annotated[int | None, Query(ge=1, le=10_000)]


@router.get("/agreements/{agreement_id}")
def show_agreement(request: Request, agreement_id: str, version: Version = None) -> Response:
    """An agreement on one screen; as JSON-LD where that is asked for, by name or by Accept."""
    accepted = request.headers.get("accept", "")
    is_asked = _MACHINES in accepted and "text/html" not in accepted
    found = _find(agreement_id.removesuffix(_SUFFIX), version)
    if is_asked or agreement_id.endswith(_SUFFIX):
        return _for_machines(found)
    page = render(request, "public/agreement.html", agreement=_shown(found))
    page.headers["vary"] = "Accept"
    return page


@router.get("/agreements/{agreement_id}/legal")
def show_legal_text(request: Request, agreement_id: str, version: Version = None) -> Response:
    """What lawyers read."""
    found = _find(agreement_id, version)
    return render(request, "public/agreement_legal.html", agreement=_shown(found))


def _find(text: str, version: int | None) -> Agreement:
    """By its id and version, or by its hash, which stands for one version and no other."""
    return find_by_hash(bytes.fromhex(text)) if _HASH.fullmatch(text) else find(text, version)


def _for_machines(found: Agreement) -> Response:
    """The very bytes that the hash is of."""
    headers = {"Access-Control-Allow-Origin": "*", "Vary": "Accept"}
    return Response(found.body, headers=headers, media_type=_MACHINES)


def _shown(found: Agreement) -> dict[str, object]:
    version = f"?version={found.version}"
    address = f"/agreements/{found.id}"
    return {
        "title": found.title,
        "says": found.says,
        "legal": found.legal,
        "version": found.version,
        "hash": found.hash.hex(),
        "page": f"{address}{version}",
        "legal_page": f"{address}/legal{version}",
        "machine_page": f"{address}{_SUFFIX}{version}",
    }
