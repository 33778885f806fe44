"""The owner's answer on its way back to the vendor (RFC 6749 §4.1.2, RFC 9207)."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.consent.errors import AboveLimits
from app.consent.models import AccessRequest, Grant
from app.consent.unasked import Unasked
from app.kit.clock import Clock
from app.kit.ids import new_id
from app.oauth.client_metadata import say
from app.oauth.device import note_answer
from app.oauth.granted import load_granted
from app.oauth.http import with_parameters
from app.oauth.tokens import mint_code
from app.settings import Settings


def redirect_allowed(
    db: Session, clock: Clock, settings: Settings, request: AccessRequest, grant: Grant
) -> str:
    """Issue the code for what was granted; the address to send the browser to. A device gets its
    tokens when it asks again, and the browser stays here."""
    db.flush()
    now, protocol = clock.now(), request.protocol
    if "device" in protocol:
        return note_answer(db, request, grant)
    granted = load_granted(db.connection(), now, grant.owner_id, grant.grant_id)
    assert granted is not None  # made in this transaction
    code = mint_code(
        db,
        {
            "family_id": new_id(),
            "client_id": request.client_id,
            "owner_id": grant.owner_id,
            "grant_id": grant.grant_id,
            "redirect_uri": protocol["redirect_uri"],
            "scopes": granted.scopes(protocol["scopes"]),
            "challenge": protocol["code_challenge"],
            "binding": _binding(protocol),
            "created_at": now,
            "expires_at": now + timedelta(seconds=settings.code_seconds),
        },
    )
    return _back(settings, request, [("code", code)])


def _binding(protocol: dict[str, Any]) -> dict[str, Any] | None:
    """What the code is bound to: the key that the request named (RFC 9449 §10), the resources."""
    names = ("jkt", "resources")
    return {name: protocol[name] for name in names if protocol.get(name)} or None


def redirect_refused(
    db: Session, settings: Settings, request: AccessRequest, why: Unasked | None = None
) -> str:
    """The address that tells the vendor that the owner said no, or `why` nobody was asked; a device
    is told when it asks."""
    if "device" in request.protocol:
        return note_answer(db, request, None)
    denied = refused_members(settings.origin, why) if why else {"error": "access_denied"}
    return _back(settings, request, list(denied.items()))


def refused_members(origin: str, why: Unasked) -> dict[str, str]:
    """What a vendor is told whose request is above what its owner allows (RFC 6749 §4.1.2.1)."""
    return {
        "error": "access_denied",
        "error_description": say(f"Above what the owner allows. {why.said}"),
        "error_uri": f"{origin}/problems/{AboveLimits.slug}",
    }


def _back(settings: Settings, request: AccessRequest, answer: list[tuple[str, str]]) -> str:
    protocol = request.protocol
    state = [("state", protocol["state"])] if protocol["state"] else []
    said = [*answer, *state, ("iss", settings.origin)]
    return with_parameters(protocol["redirect_uri"], said)
