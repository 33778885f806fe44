"""Permissions: what was given, to whom, until when; and the button that ends one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.responses import Response

from app.accesses.history import reads_of_grant
from app.consent.agreed import MEDIA_TYPE, find_held, held_of
from app.consent.duties import Owed, order
from app.consent.errors import GrantNotFound, ReceiptNotFound
from app.consent.grants import GrantView, get_grant, keep, list_grants, pause, resume, revoke
from app.consent.lifecycle import LIVE
from app.consent.models import GrantDetail
from app.consent.own import has_no_end, is_to_be_asked
from app.consent.precision import EXACT
from app.consent.receipt_text import VALID
from app.consent.receipts import content_hash, list_receipts, read_receipt, signed
from app.consent.request_views import list_answered, list_waiting
from app.consent.unasked import lift, lifted_by, list_unasked, put_back
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.http import AppClock, AppDatabase, ReadDb, Session
from app.kit.ids import parse_id
from app.oauth.tools import AppAuthority, AppNotary
from app.objects.products import streams_of
from app.objects.tenures import Held, all_held
from app.organizations.clients import ClientFace, client_face
from app.organizations.purposes import PURPOSES
from app.terms.roster import find_by_hash
from app.web.consent_parts import agreement_link, window_of
from app.web.format import Formatter
from app.web.pages import SignedIn, SignedInOwner, Text, flash, render, see_other
from app.web.plots.small import tape
from app.web.terms_words import told, why_unasked

router = APIRouter()

_WHAT = {
    "given": "You gave this permission",
    "revoked": "You took it back",
    "ended": "They ended it",
    "expired": "It ran out",
    "superseded": "A newer permission took its place",
    "paused": "You paused it",
    "resumed": "You resumed it",
    "kept": "You said that you still want it",
}
_ANSWERED = {"granted": "allowed", "refused": "refused"}
_ANSWERS_SHOWN = 50


@router.get("/requests")
def show_requests(
    request: Request, owner: SignedIn, database: AppDatabase, clock: AppClock
) -> Response:
    """What waits for an answer, and what was answered."""
    with database.session() as db:
        waiting = [
            {
                "id": asked.ticket,
                "vendor": asked.client_name,
                "domain": asked.verified_domain or "",
                "verified": asked.verified_domain is not None,
                "purpose": asked.purpose_title,
                "at": asked.created_at,
                "closes_at": asked.expires_at,
            }
            for asked in list_waiting(db, clock, owner.owner_id)
        ]
        unasked = _unasked(db, owner.owner_id)
        hashes = {row.request_hash for row in list_unasked(db, owner.owner_id)}
        answered = [
            {
                "vendor": row.asked["client_name"],
                "at": row.answered_at,
                "status": _ANSWERED[row.status],
                "permission_id": row.grant_id and str(row.grant_id),
            }
            for row in list_answered(db, owner.owner_id, _ANSWERS_SHOWN)
            if row.request_hash not in hashes
        ]
    return render(
        request, "owner/requests.html", waiting=waiting, answered=answered, unasked=unasked
    )


@router.post("/requests/limits")
def lift_limits(
    request: Request,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    vendor: Annotated[Text, Form(max_length=100)] = "",
    answer: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Let a vendor ask whatever the terms refuse unasked, or hold it to them again."""
    with database.session() as db:
        if answer == "hold":
            put_back(db, owner.owner_id, vendor)
            said = "Held to your limits again."
        else:
            said = f"{lift(db, clock, owner.owner_id, vendor)} may ask you from now on."
    flash(request, owner, said, "good")
    return see_other("/requests")


@router.get("/permissions")
def show_permissions(request: Request, owner: SignedIn, db: ReadDb, clock: AppClock) -> Response:
    """Every permission, the ones that end soon first."""
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    names = {h.object_id: h.name for h in all_held(db, owner.owner_id)}
    groups: dict[str, list[dict[str, Any]]] = {
        "expiring": [],
        "active": [],
        "paused": [],
        "ended": [],
    }
    views = list_grants(db, clock, owner.owner_id)
    for view in views:
        soon = "expiring" if fmt.is_soon(view.grant.until) else "active"
        group = {"active": soon, "paused": "paused"}.get(view.status, "ended")
        groups[group].append(_row(db, view, names))
    return render(
        request,
        "owner/permissions.html",
        expiring=groups["expiring"],
        active=groups["active"],
        paused=groups["paused"],
        ended=groups["ended"],
        reminders=reminders(db, views, fmt),
    )


@router.get("/permissions/{grant_id}")
def show_permission(
    request: Request, grant_id: str, owner: SignedIn, db: ReadDb, clock: AppClock
) -> Response:
    """One permission: what it opens, its readings, its history."""
    view = get_grant(db, clock, owner.owner_id, _id(grant_id))
    face = client_face(db, view.grant.client_id)
    fmt = Formatter(clock.now(), ZoneInfo(owner.time_zone))
    held = {h.object_id: h for h in all_held(db, owner.owner_id)}
    reads = reads_of_grant(db, owner.owner_id, view.grant.grant_id)
    return render(
        request,
        "owner/permission.html",
        permission=_permission(view, face),
        reminders=reminders(db, [view], fmt),
        details=_details(db, view, held, fmt),
        tape=_tape(view, fmt),
        reads={"total": reads.total, "records": reads.records, "last_at": reads.last_at},
        owed=_owed(view.owed),
        agreement=_agreement(db, view),
        receipts=list_receipts(db, owner.owner_id, view.grant.grant_id),
        versions=[
            {"number": e.version, "at": e.at, "what": _WHAT.get(e.what, e.what)}
            for e in reversed(view.events)
        ],
    )


@router.get("/permissions/{grant_id}/agreement")
def show_agreement(grant_id: str, owner: SignedIn, db: ReadDb) -> Response:
    """The agreement as a file: the very bytes that the vendor has."""
    held = held_of(db, owner.owner_id, _id(grant_id))
    name = {"Content-Disposition": 'attachment; filename="agreement.json"'}
    return Response(held.copy, headers=name, media_type=MEDIA_TYPE)


@router.get("/permissions/{grant_id}/receipts")
def show_receipt_file(
    grant_id: str, owner: SignedIn, db: ReadDb, notary: AppNotary, authority: AppAuthority
) -> Response:
    """All receipts as a file that proves itself."""
    keys = authority.keyring.public_jwks()
    body = signed(db, notary, keys, owner.owner_id, _id(grant_id))
    name = {"Content-Disposition": 'attachment; filename="receipts.json"'}
    return Response(body, headers=name, media_type="application/json")


@router.get("/permissions/{grant_id}/receipts/{number}")
def show_receipt(
    request: Request, grant_id: str, number: int, owner: SignedIn, db: ReadDb, notary: AppNotary
) -> Response:
    """One receipt, to read and to print."""
    if not 1 <= number < 2**53:
        raise ReceiptNotFound
    told = read_receipt(db, notary.origin, owner.owner_id, _id(grant_id), number)
    return render(request, "owner/receipt.html", receipt=_receipt(told), permission_id=grant_id)


def _title_of(agreement: Mapping[str, str] | None) -> str | None:
    if agreement is None:
        return None
    return find_by_hash(bytes.fromhex(agreement["hash"].removeprefix("sha256:"))).title


def _receipt(told: Mapping[str, Any]) -> dict[str, Any]:
    vendor, notice = told["dpv:hasDataController"], told["dpv:hasNotice"]
    storage = {one["@type"]: one["dct:description"] for one in told["dpv:hasStorageCondition"]}
    return {
        "number": told["inseam:number"],
        "id": told["dct:identifier"],
        "event": told["inseam:event"],
        "valid": told["dpv:hasConsentStatus"] in VALID,
        "at": datetime.fromisoformat(told["dpv:isIndicatedAtTime"]),
        "until": datetime.fromisoformat(told["dpv:hasDuration"]["dct:valid"]),
        "vendor": vendor["dpv:hasName"],
        "client": vendor["dct:identifier"],
        "contact": vendor["dpv:hasContact"],
        "notice": notice["dct:title"],
        "basis": told["dpv:hasLegalBasis"]["@id"].removeprefix("dpv:"),
        "keeps": storage["dpv:StorageDuration"],
        "where": storage["dpv:StorageLocation"],
        "agreement": _title_of(told["inseam:agreement"]),
        "before": told["inseam:predecessorHash"],
        "hash": content_hash(told),
        "kinds": sorted({one["dct:title"] for one in told["dpv:hasPersonalData"]}),
    }


@router.post("/permissions/{grant_id}/revoke")
def revoke_permission(
    request: Request,
    grant_id: str,
    owner: SignedIn,
    database: AppDatabase,
    clock: AppClock,
    erase: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """End a permission, and order what was read erased where that is ticked; the answer comes when
    nothing more of it can leave (promise P5)."""
    act = partial(revoke, is_ordered=erase == "yes")
    name = _act(act, grant_id, owner, database, clock)
    flash(request, owner, f"Ended. {name} can read nothing any more.", "good")
    return see_other(f"/permissions/{grant_id}")


@router.post("/permissions/{grant_id}/erasure")
def order_erasure(
    request: Request, grant_id: str, owner: SignedIn, database: AppDatabase, clock: AppClock
) -> Response:
    """Tell the vendor of a permission that has ended to erase soon what it read."""
    name = _act(order, grant_id, owner, database, clock)
    flash(request, owner, f"Ordered. {name} has a week to erase what it read.", "good")
    return see_other(f"/permissions/{grant_id}")


@router.post("/permissions/{grant_id}/pause")
def pause_permission(
    request: Request, grant_id: str, owner: SignedIn, database: AppDatabase, clock: AppClock
) -> Response:
    """Let nothing be read for now; the answer comes when nothing more of it can leave."""
    name = _act(pause, grant_id, owner, database, clock)
    flash(request, owner, f"Paused. {name} can read nothing until you resume it.", "good")
    return see_other(f"/permissions/{grant_id}")


@router.post("/permissions/{grant_id}/resume")
def resume_permission(
    request: Request, grant_id: str, owner: SignedIn, database: AppDatabase, clock: AppClock
) -> Response:
    """Let it be read again, as it was given."""
    name = _act(resume, grant_id, owner, database, clock)
    flash(request, owner, f"Resumed. {name} can read again what you gave.", "good")
    return see_other(f"/permissions/{grant_id}")


@router.post("/permissions/{grant_id}/keep")
def keep_permission(
    request: Request, grant_id: str, owner: SignedIn, database: AppDatabase, clock: AppClock
) -> Response:
    """Still wanted: the question comes again in 90 days."""
    name = _act(keep, grant_id, owner, database, clock)
    flash(request, owner, f"{name} keeps your permission.", "good")
    return see_other("/permissions")


def reminders(db: Session, views: Sequence[GrantView], fmt: Formatter) -> list[dict[str, Any]]:
    """Permissions without an end that the owner is asked about, as the pages show them."""
    return [
        {
            "id": str(view.grant.grant_id),
            "vendor": client_face(db, view.grant.client_id).name,
            "days": (fmt.now - view.grant.created_at).days,
        }
        for view in views
        if is_to_be_asked(view, fmt.now)
    ]


def _act(
    act: Callable[[Session, Clock, UUID, UUID], datetime],
    grant_id: str,
    owner: SignedInOwner,
    database: Database,
    clock: Clock,
) -> str:
    """Do it, and wait until nothing that it takes away can leave; what the vendor is called."""
    found = _id(grant_id)
    with database.session() as db:
        quiet_at = act(db, clock, owner.owner_id, found)
        name = client_face(db, get_grant(db, clock, owner.owner_id, found).grant.client_id).name
    clock.wait_until(quiet_at)
    return name


def _unasked(db: Session, owner_id: UUID) -> list[dict[str, Any]]:
    """What was refused without asking the owner, newest first."""
    lifted = lifted_by(db, owner_id)
    return [
        {
            "vendor": row.client_name,
            "client_id": row.client_id,
            "at": row.at,
            "said": [why_unasked(**one) for one in row.excesses],
            "is_lifted": row.client_id in lifted,
            "is_barred": any(one["attribute"] == "gatekeeper" for one in row.excesses),
        }
        for row in list_unasked(db, owner_id)
    ]


def _agreement(db: Session, view: GrantView) -> dict[str, Any] | None:
    """The agreement that holds; None where none does."""
    held = find_held(db, view.grant.owner_id, view.grant.grant_id)
    if held is None:
        return None
    found = agreement_link(find_by_hash(view.grant.agreement_hash or b""))
    return {**found, "signed_at": held.signed_at}


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise GrantNotFound
    return found


def _row(db: Session, view: GrantView, names: Mapping[UUID, str]) -> dict[str, Any]:
    grant = view.grant
    face = client_face(db, grant.client_id)
    return {
        "id": str(grant.grant_id),
        "vendor": face.name,
        "purpose": face.purpose_title(grant.purpose),
        "objects": list(dict.fromkeys(names.get(d.object_id, "An object") for d in view.details)),
        "categories": sorted({d.category for d in view.details}),
        "status": view.status,
        "until": None if has_no_end(grant) else grant.until,
        "ended_at": grant.ended_at,
        "read_at": reads_of_grant(db, grant.owner_id, grant.grant_id).last_at,
    }


def _permission(view: GrantView, face: ClientFace) -> dict[str, Any]:
    grant = view.grant
    return {
        "id": str(grant.grant_id),
        "vendor": face.name,
        "domain": face.verified_domain or "",
        "verified": face.verified_domain is not None,
        "own": face.is_own,
        "status": view.status,
        "is_live": view.status in LIVE,
        "purpose": face.purpose_title(grant.purpose),
        "purpose_kind": PURPOSES.get(grant.purpose, grant.purpose),
        "legal_basis": grant.legal_basis,
        "legal_text": "",
        "since": grant.created_at,
        "until": None if has_no_end(grant) else grant.until,
        "ended_at": grant.ended_at,
    }


def _borders(view: GrantView, detail: GrantDetail, fmt: Formatter) -> list[str]:
    """What of one kind of data ends before the rest does."""
    said = [f"Told {told(detail.precision)}."] if detail.precision != EXACT else []
    said += [] if detail.window_to is None else window_of(detail, fmt)
    if detail.until < view.grant.until:
        said.append(f"Until {fmt.last_day(detail.until)}.")
    return said


def _owed(owed: Owed | None) -> dict[str, Any] | None:
    if owed is None:
        return None
    return {
        "state": owed.state,
        "due": owed.due_at,
        "ordered": owed.is_ordered,
        "statement": owed.statement,
        "at": owed.answered_at,
    }


def _details(
    db: Session, view: GrantView, held: Mapping[UUID, Held], fmt: Formatter
) -> list[dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = {}
    for detail in view.details:
        mine = held.get(detail.object_id)
        one = found.setdefault(
            detail.object_id,
            {
                "object_id": str(detail.object_id),
                "object_name": mine.name if mine else "An object",
                "kinds": [],
                "history_from": detail.window_from or (mine and mine.starts_at),
            },
        )
        streams = streams_of(db, mine.product_id) if mine else []
        titles = [s.title for s in streams if s.category == detail.category]
        one["kinds"].append(
            {
                "category": detail.category,
                "streams": titles,
                "borders": _borders(view, detail, fmt),
                "limits": view.limits_of(detail),
                "keeps": (detail.terms or {}).get("retention"),
            }
        )
    return list(found.values())


def _tape(view: GrantView, fmt: Formatter) -> Markup:
    """The permission as a length of measuring tape, from its beginning to its end, or to now."""
    grant = view.grant
    if grant.ended_at is None and has_no_end(grant):
        label = f"Given {fmt.on(grant.created_at)}, until you end it"
        return tape(label, grant.created_at, fmt.now, fmt.now)
    end = grant.ended_at or grant.until
    now = min(fmt.now, end)
    verb = "ended" if now == end else "ends"
    label = f"Given {fmt.on(grant.created_at)}, {verb} {fmt.last_day(end)}"
    return tape(label, grant.created_at, end, now)
