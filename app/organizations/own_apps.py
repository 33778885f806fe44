"""Apps that owners register for themselves: a script at home, home automation, a client they run.

Such an app is an OAuth client like any other, of an organization that stands for its one owner, and
nobody else can allow it anything.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.clock import Clock
from app.kit.db import take_turn
from app.kit.ids import new_id
from app.organizations import clients
from app.organizations.client_rules import DEVICE_CODE, check_redirect_uri, own_name
from app.organizations.errors import OwnAppInvalid, OwnAppNotFound, RedirectInvalid
from app.organizations.models import Client, Organization

MAX_LIVE = 20
MAX_REDIRECTS = 10
LONGEST_NAME = 60

KINDS = ("confidential", "public")
PURPOSE = "RequestedServiceProvision"

_GRANT_TYPES = ("authorization_code", "refresh_token", DEVICE_CODE)


def create(
    db: Session,
    clock: Clock,
    owner_id: UUID,
    name: str,
    *,
    redirect_uris: Sequence[str],
    kind: str,
    scopes: Sequence[str],
    known_scopes: Sequence[str],
) -> tuple[Client, str | None]:
    """Register an app; the row, and the secret of a confidential one in its only clear copy.

    `known_scopes` are those that read. OwnAppInvalid names the field that is wrong.
    """
    name = name.strip()
    redirects = list(dict.fromkeys(uri.strip() for uri in redirect_uris if uri.strip()))
    _check(name, redirects, kind, scopes, known_scopes)
    take_turn(db.connection(), owner_id, is_shared=False)  # the count holds for two at once
    organization = _organization(db, clock, owner_id)
    if len(list_live(db, owner_id)) >= MAX_LIVE:
        raise OwnAppInvalid(f"You have {MAX_LIVE} apps; end one of them first.")
    chosen = list(dict.fromkeys(scopes))
    purpose = {
        "purpose": PURPOSE,
        "title": "Your own use",
        "legal_basis": "Consent",
        "scopes": {scope: {"needed": False} for scope in chosen},
    }
    return clients.create_client(
        db,
        clock,
        organization,
        own_name(name),
        is_public=kind == "public",
        redirect_uris=redirects,
        grant_types=_GRANT_TYPES,
        scopes=chosen,
        purposes=[purpose],
        known_scopes=known_scopes,
        registered={"door": clients.OWNER_DOOR},
    )


def list_live(db: Session, owner_id: UUID) -> Sequence[Client]:
    """The owner's apps that have not ended, newest first."""
    query = (
        select(Client)
        .join(Organization, Organization.org_id == Client.org_id)
        .where(Organization.slug == _slug(owner_id), Organization.owner_id == owner_id)
        .where(Client.disabled_at.is_(None))
    )
    return db.scalars(query.order_by(Client.created_at.desc(), Client.client_id)).all()


def get(db: Session, owner_id: UUID, client_id: str) -> Client:
    """An app of this owner that has not ended, or OwnAppNotFound."""
    found = [one for one in list_live(db, owner_id) if one.client_id == client_id]
    if not found:
        raise OwnAppNotFound
    return found[0]


def rotate_secret(db: Session, owner_id: UUID, client_id: str) -> str:
    """A new secret; the old one stops at once. OwnAppNotFound, ClientInvalid for a public app."""
    return clients.rotate_secret(db, get(db, owner_id, client_id).client_id)


def end(db: Session, clock: Clock, owner_id: UUID, client_id: str) -> None:
    """Shut the app out for good: it cannot authenticate, and its tokens are dead at once.
    OwnAppNotFound."""
    clients.disable_client(db, clock, get(db, owner_id, client_id).client_id)


def _organization(db: Session, clock: Clock, owner_id: UUID) -> Organization:
    """What stands for this owner among organizations, made at the first app."""
    slug = _slug(owner_id)
    found = db.scalars(select(Organization).where(Organization.slug == slug)).first()
    if found is not None:
        return found
    made = Organization(
        org_id=new_id(),
        slug=slug,
        name="Yourself",
        gs1_prefixes=[],
        owner_id=owner_id,
        created_at=clock.now(),
    )
    db.add(made)
    db.flush()
    return made


def _slug(owner_id: UUID) -> str:
    """One for each owner, and found by its index; no name of a company makes one like it, for a
    slug of a name has no such sign."""
    return f"owner:{owner_id.hex}"


def _check(
    name: str,
    redirects: Sequence[str],
    kind: str,
    scopes: Sequence[str],
    known_scopes: Sequence[str],
) -> None:
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise OwnAppInvalid(f"Give it a name of 1 to {LONGEST_NAME} characters.", field="name")
    if not 1 <= len(redirects) <= MAX_REDIRECTS:
        told = f"Give one to {MAX_REDIRECTS} addresses, one a line."
        raise OwnAppInvalid(told, field="redirects")
    for uri in redirects:
        _check_redirect(uri)
    if not scopes or not set(scopes) <= set(known_scopes):
        raise OwnAppInvalid("Choose at least one kind of data.", field="scopes")
    if kind not in KINDS:
        raise OwnAppInvalid("Choose whether it can keep a secret.", field="kind")


def _check_redirect(uri: str) -> None:
    try:
        check_redirect_uri(uri)
    except RedirectInvalid as error:
        told = f"“{uri[:80]}” cannot be taken: use https, or http://localhost, and nothing after #."
        raise OwnAppInvalid(told, field="redirects") from error
