"""Who calls: an access token becomes one `Principal`, decided here and nowhere else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from sqlalchemy import Connection

from app.accesses.record import EXPORT
from app.consent.asked import precision_of
from app.consent.decide import Slice, live_status
from app.consent.grants import find_own_place
from app.consent.lifecycle import LIVE
from app.disclosure.own import OwnReader as Reading
from app.disclosure.own import refuse_own
from app.disclosure.reader import NotDisclosed
from app.kit.clock import Clock
from app.kit.errors import MalformedRequest, NotFound
from app.kit.http import AppClock, AppDatabase
from app.oauth import queries
from app.oauth.authority import Authority
from app.oauth.details import Entry
from app.oauth.dpop import BadProof, NonceWanted, Proof, check_proof
from app.oauth.errors import InsufficientScope, InvalidToken, ProofInvalid, TokenMissing
from app.oauth.personal import is_use_due, note_use
from app.oauth.scopes import OWNER_SCOPES, VENDOR_SCOPES
from app.objects.device_keys import signer_at

GRANTS = "grants:read"

_DATA = "/v1/data"
_LONGEST = 200

_scheme = HTTPBearer(auto_error=False, description="An access token (RFC 6750), in the header.")


@dataclass(frozen=True)
class Principal:
    """A token's holder. `grant_id` is None where it carries no grant, `objects` where it is not
    limited to some, `details` where it carries all that its grant gives; `dead_reason` says why a
    token that once worked works no longer, or "paused" while its grant rests."""

    client_id: str | None
    org_id: UUID | None
    name: str
    owner_id: UUID | None
    grant_id: UUID | None
    scopes: frozenset[str]
    objects: tuple[UUID, ...] | None
    kind: str
    token_id: UUID
    dead_reason: str | None
    last_used_at: datetime | None = None
    details: tuple[dict[str, Any], ...] | None = None

    @property
    def sender(self) -> UUID | None:
        """The object that speaks for itself (RFC 7523): its maker's, and never for another."""
        is_device = self.kind == "access" and self.client_id is None and self.objects
        return self.objects[0] if is_device and self.objects else None

    @property
    def counted_as(self) -> str:
        """Whose calls these are, for limits and for keys that make a call the same again."""
        return self.client_id or f"object\0{self.sender}"

    @property
    def shown_name(self) -> str:
        """How the owner's history names the holder. A personal token's name is its owner's
        choice, so it never stands there as if it were a vendor's."""
        return f"Your token “{self.name}”"[:200] if self.kind == "personal" else self.name


@dataclass(frozen=True)
class Credential:
    """What a caller shows: the token, for which part of the service it is shown, and with the
    scheme DPoP the proof of its key (RFC 9449 §7)."""

    token: str
    path: str
    proof: Proof | None = None


def credential_of(request: Request) -> Credential:
    """The token in the header Authorization (RFC 6750 §2.1), whose scheme has any case.

    TokenMissing when there is none, or when one stands in the address; ProofInvalid when there is
    not one proof with the scheme DPoP.
    """
    where = request.scope["path"]
    path = _DATA if where.startswith(_DATA) else ""
    if request.scope["query_string"] and "access_token" in request.query_params:
        raise TokenMissing("A token never stands in the address; send it as a header.", path)
    given = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        raise TokenMissing(path=path)
    scheme, _, token = given[0].decode("latin-1").strip().partition(" ")
    kind, text = scheme.lower(), token.strip()
    if kind not in ("bearer", "dpop") or not text:
        raise TokenMissing(path=path)
    return Credential(text, path, _proof_of(request, where) if kind == "dpop" else None)


def _proof_of(request: Request, where: str) -> Proof:
    authority: Authority = request.app.state.authority
    proofs = request.headers.getlist("dpop")
    if len(proofs) != 1:
        raise ProofInvalid("Send one proof, in the header DPoP.")
    return Proof(proofs[0], request.method, authority.issuer + where, authority.nonces)


def principal_of(conn: Connection, clock: Clock, shown: Credential) -> Principal | None:
    """Whose token this is, in two reads: the token, then its grant. A dead one gives a Principal
    with the reason; an unknown one, or one that is no access token, None. A proof is used up in
    this transaction. ProofInvalid, and InvalidToken for a token that is shown in the wrong way."""
    row = queries.find_token(conn, shown.token) if len(shown.token) <= _LONGEST else None
    if row is None or row.kind == "refresh":
        return None
    _check_binding(conn, row.binding or {}, shown)
    return _principal(conn, clock, row)


def principal_again(conn: Connection, clock: Clock, shown: Credential) -> Principal:
    """The same once more within one call, for its proof works once. InvalidToken."""
    row = queries.find_token(conn, shown.token)
    return require_known(_principal(conn, clock, row) if row is not None else None)


def _principal(conn: Connection, clock: Clock, row: Any) -> Principal:
    binding = row.binding or {}
    return Principal(
        client_id=row.client_id,
        org_id=UUID(binding["maker"]) if "maker" in binding else row.org_id,
        name=(row.client_name or "device") if row.kind == "access" else row.name,
        owner_id=row.owner_id,
        grant_id=row.grant_id,
        scopes=frozenset(row.scopes),
        objects=None if row.objects is None else tuple(UUID(one) for one in row.objects),
        kind=row.kind,
        token_id=row.token_id,
        dead_reason=dead_reason(conn, clock.now(), row),
        last_used_at=row.last_used_at,
        details=tuple(binding["details"]) if "details" in binding else None,
    )


def _check_binding(conn: Connection, binding: Mapping[str, Any], shown: Credential) -> None:
    """A bound token comes with its key's proof, another one as Bearer (RFC 9449 §7.1, §7.2), and
    both where they are good for (RFC 8707)."""
    if ("jkt" in binding) != (shown.proof is not None):
        raise InvalidToken("other-scheme", "DPoP" if "jkt" in binding else "Bearer")
    if shown.proof is not None:
        try:
            thumbprint = check_proof(conn, shown.proof, token=shown.token)
        except NonceWanted as error:
            raise ProofInvalid(error.detail, shown.proof.nonces.current()) from error
        except BadProof as error:
            raise ProofInvalid(error.detail) from error
        if thumbprint != binding["jkt"]:
            raise ProofInvalid("The proof is not of the key that the token is bound to.")
    resources = binding.get("resources")
    if resources is not None and shown.path != _DATA and all(r.endswith(_DATA) for r in resources):
        raise InvalidToken("other-resource")


def slices_of(principal: Principal) -> tuple[Slice, ...] | None:
    """The part of its grant that a token is for, as the services below take it."""
    if principal.details is None:
        return None
    entries = [Entry.model_validate(one) for one in principal.details]
    return tuple(
        Slice(
            one.identifier,
            frozenset(one.datatypes),
            one.window.from_ if one.window else None,
            one.window.to if one.window else None,
            precision_of(one.written()),
        )
        for one in entries
    )


def with_grant(conn: Connection, clock: Clock, principal: Principal, text: str) -> Principal:
    """The client as holder of the grant that its header `Inseam-Grant` names: a token of its own
    with grants:read reads under each of them, and what became of the grant is asked each time.

    InvalidToken, InsufficientScope; MalformedRequest where the token is of another grant; NotFound
    for a grant that is not this client's.
    """
    if principal.grant_id is not None:
        if text != str(principal.grant_id):
            raise MalformedRequest("The token is of another permission than Inseam-Grant names.")
        return principal
    fault = _fault(principal, GRANTS)
    if fault is not None:
        raise fault
    place = find_own_place(conn, principal.client_id, text)
    if place is None:
        raise NotFound("This client has no such permission.")
    grant = queries.find_grant(conn, place.owner_id, place.grant_id)
    status = live_status(grant.status, grant.until, clock.now()) if grant else "revoked"
    return replace(
        principal,
        owner_id=place.owner_id,
        grant_id=place.grant_id,
        scopes=frozenset(VENDOR_SCOPES),
        dead_reason=None if status == "active" else status,
    )


def require_known(principal: Principal | None) -> Principal:
    """The principal, dead or alive, or InvalidToken for an unknown token."""
    if principal is None:
        raise InvalidToken
    return principal


def require_scope(principal: Principal | None, scope: str) -> Principal:
    """The principal of a live token that has the scope; InvalidToken or InsufficientScope."""
    known = require_known(principal)
    fault = _fault(known, scope)
    if fault is not None:
        raise fault
    return known


def own_principal(
    conn: Connection, clock: Clock, shown: Credential, scope: str, action: str
) -> Principal | NotDisclosed:
    """The owner behind a personal token with the scope, its use noted (for hot works).

    A dead token, or one without the scope, is an attempt at what is its owner's: the refusal is
    recorded and returned, so that the caller commits it before it answers.
    """
    principal = require_known(principal_of(conn, clock, shown))
    fault = _fault(principal, scope)
    if fault is not None and principal.owner_id is None:
        raise fault
    if fault is not None:
        refused = NotDisclosed(fault.extra.get("reason", fault.slug), fault)
        return refuse_own(conn, clock, own_reader(principal), action, refused)
    assert principal.owner_id is not None  # a personal token has an owner
    if is_use_due(principal.last_used_at, clock.now()):
        note_use(conn, clock, principal.token_id, principal.owner_id)
    return principal


def own_reader(principal: Principal) -> Reading:
    """The token as plain values, for the services below."""
    assert principal.owner_id is not None  # asked before
    objects = None if principal.objects is None else frozenset(principal.objects)
    return Reading(
        principal.owner_id,
        principal.shown_name,
        objects,
        principal.client_id,
        principal.grant_id,
    )


def _fault(principal: Principal, scope: str) -> InvalidToken | InsufficientScope | None:
    if principal.dead_reason not in (None, "paused"):
        return InvalidToken(principal.dead_reason or "unknown")
    is_personal = principal.kind == "personal"
    if scope not in principal.scopes or is_personal != (scope in OWNER_SCOPES):
        return InsufficientScope(scope)
    return None


def dead_reason(conn: Connection, now: datetime, row: Any) -> str | None:
    """Why the token does not work now; what happened to the grant tells the vendor most."""
    status, binding = "active", row.binding or {}
    if row.grant_id is not None:
        grant = queries.find_grant(conn, row.owner_id, row.grant_id)
        status = live_status(grant.status, grant.until, now) if grant else "revoked"
    if status not in LIVE:
        return status
    if "device_key" in binding:
        _, keys = signer_at(conn, UUID(row.objects[0]), now) or (None, [])
        if binding["device_key"] not in {key.key_id for key in keys}:
            return "key-ended"
    elif row.kind == "access" and (row.org_id is None or row.disabled_at is not None):
        return "client-disabled"
    if row.dead_at is not None:
        return str(row.dead_reason)
    if row.expires_at <= now:
        return "token-expired"
    return None if status == "active" else status


def _needs(scope: str) -> Callable[..., Principal]:
    """A dependency that lets in who has the scope. It never touches the request's own session."""

    def authorise(
        request: Request,
        database: AppDatabase,
        clock: AppClock,
        _described: Annotated[object, Depends(_scheme)],
    ) -> Principal:
        shown = credential_of(request)
        if shown.proof is not None:  # it is used up, which is written
            return database.submit(
                lambda conn: require_scope(principal_of(conn, clock, shown), scope)
            ).result()
        with database.read() as db:
            return require_scope(principal_of(db.connection(), clock, shown), scope)

    return authorise


def _needs_own(scope: str, action: str) -> Callable[..., Principal]:
    """The same for an owner's scope; what is to be written waits for its commit here."""

    def authorise(
        request: Request,
        database: AppDatabase,
        clock: AppClock,
        _described: Annotated[object, Depends(_scheme)],
    ) -> Principal:
        shown = credential_of(request)
        with database.read() as db:
            principal = require_known(principal_of(db.connection(), clock, shown))
        is_fine = _fault(principal, scope) is None
        if is_fine and not is_use_due(principal.last_used_at, clock.now()):
            return principal
        outcome = database.submit(
            lambda conn: own_principal(conn, clock, shown, scope, action)
        ).result()
        if isinstance(outcome, NotDisclosed):
            raise outcome.error or InvalidToken()
        return outcome

    return authorise


ProductWriter = Annotated[Principal, Depends(_needs("products:write"))]
ObjectWriter = Annotated[Principal, Depends(_needs("objects:write"))]
LogWriter = Annotated[Principal, Depends(_needs("log:write"))]
GrantsReader = Annotated[Principal, Depends(_needs(GRANTS))]
GrantViewer = Annotated[Principal, Depends(_needs("grant_management_query"))]
GrantEnder = Annotated[Principal, Depends(_needs("grant_management_revoke"))]
OwnerReader = Annotated[Principal, Depends(_needs_own("own:read", "history"))]
OwnerManager = Annotated[Principal, Depends(_needs_own("own:manage", "manage"))]
OwnerGranter = Annotated[Principal, Depends(_needs_own("own:grants", "manage"))]
OwnerExporter = Annotated[Principal, Depends(_needs_own("own:export", EXPORT))]
TermsChanger = Annotated[Principal, Depends(_needs_own("own:terms", "terms"))]
