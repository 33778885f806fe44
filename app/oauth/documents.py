"""Clients that are the address of a document about themselves (draft-ietf-oauth-client-id-metadata-
document): fetched when it is needed, kept as any other client is, and never beyond a day without
having been seen again."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.kit import jsonio
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.db import Database, take_turn
from app.kit.errors import DomainError
from app.kit.ids import derived_id
from app.kit.limits import Limit, spend
from app.kit.logs import logger
from app.oauth.client_metadata import ClientMetadata, in_protocol, is_address, read_metadata
from app.oauth.http import MAX_BODY
from app.oauth.models import SeenOnce
from app.organizations.clients import create_client, replace_client
from app.organizations.models import Client, Organization
from app.organizations.service import create_organization
from app.settings import LOCAL_HOSTS, Settings

Fetch = Callable[[str], tuple[bytes, int | None]]

DOOR = "document"

_LONGEST_ID = 100
_LONGEST_HOST = 76
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
_FRESH = timedelta(minutes=5)
_LONGEST = timedelta(days=1)
_PAUSE = timedelta(minutes=1)
# Counting those alone that are not known yet: nobody makes us knock at one host for long, or at
# many.
_NEW_OF_A_HOST = Limit("client-documents", 60, 3600)
_NEW_OF_AN_ASKER = Limit("client-documents-asked", 120, 3600)
_TURNS = UUID("8f7c0a8e-4f1b-4a37-9b55-6f2d0f0f7c11")
_PORTS = {"https": 443, "http": 80}


class DocumentRefused(Exception):
    """The document is none, or says what a client may not say."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True)
class _Kept:
    """What is kept of a document: when it was fetched, and how long it may be taken for new."""

    fetched_at: datetime
    max_age: timedelta
    is_lapsed: bool
    is_disabled: bool


def is_document_id(settings: Settings, client_id: str) -> bool:
    """Whether a client_id is the address of a document: https with a name for its host, or, where
    the setting says so, on this very machine; no user, no fragment, no step that goes back."""
    if not settings.client_documents or len(client_id) > _LONGEST_ID:
        return False
    if not is_address(client_id) or "#" in client_id:
        return False
    parts = urlsplit(client_id)
    steps = parts.path.replace("%2e", ".").replace("%2E", ".").split("/")
    if not parts.path or any(step in (".", "..") for step in steps):
        return False
    if settings.fetch_local and _is_local(parts):
        return True
    host = parts.hostname or ""
    is_lower = client_id.startswith(f"https://{host}")
    return bool(is_lower and len(host) <= _LONGEST_HOST and _HOST.fullmatch(host))


def load(
    database: Database,
    clock: Clock,
    settings: Settings,
    fetch: Fetch,
    client_id: str,
    asker: str,
) -> None:
    """See to it that the client of this address is known as its document says. It fetches, so no
    transaction may be open. Any other client_id costs nothing; what cannot be had or taken leaves
    the client as it was, or unknown. `asker` is the network address of whoever names a client."""
    if "://" not in client_id or len(client_id) > _LONGEST_ID or "\x00" in client_id:
        return
    with database.read() as db:
        kept = _find(db, client_id)
        is_paused = _is_paused(db, clock, client_id)
    if not is_document_id(settings, client_id):
        if kept is not None:  # the setting was another once
            with database.session() as db:
                _lapse(db, clock, client_id)
        return
    if kept is not None and (kept.is_disabled or _is_fresh(kept, clock.now())):
        return
    if is_paused:
        return
    try:
        if kept is None:
            host = urlsplit(client_id).netloc
            database.submit(lambda conn: _spend(conn, clock, host, asker)).result()
        body, max_age = fetch(client_id)
        metadata = read_document(settings, client_id, body)
        with database.session() as db:
            _store(db, clock, client_id, metadata, max_age)
    except Exception as error:
        detail = getattr(error, "detail", None)  # DocumentRefused, DomainError, or the fetch's own
        if detail is None:
            raise
        logger.info("client document not taken", client_id=client_id, why=str(detail)[:300])
        with database.session() as db:
            _fail(db, clock, client_id)


def _spend(conn: Connection, clock: Clock, host: str, asker: str) -> None:
    spend(conn, clock, _NEW_OF_A_HOST, host)
    spend(conn, clock, _NEW_OF_AN_ASKER, asker)


def read_document(settings: Settings, client_id: str, body: bytes) -> ClientMetadata:
    """The metadata in a document. DocumentRefused."""
    if len(body) > MAX_BODY:
        raise DocumentRefused(f"The document is larger than {MAX_BODY} bytes.")
    try:
        told = jsonio.loads(body)
    except DomainError as error:
        raise DocumentRefused(error.detail) from error
    if not isinstance(told, dict) or told.get("client_id") != client_id:
        raise DocumentRefused("The document's client_id is not its own address.")
    if {"client_secret", "client_secret_expires_at"} & told.keys():
        raise DocumentRefused("A document that everybody may read has no secret.")
    told = {"token_endpoint_auth_method": "none"} | told
    try:
        metadata = read_metadata(told, allow_local=settings.fetch_local)
    except OAuth2Error as error:
        raise DocumentRefused(error.description) from error
    if metadata.auth_method == "client_secret_basic":
        raise DocumentRefused("A client with a document authenticates by its keys, or not at all.")
    strange = [uri for uri in metadata.redirect_uris if not _is_its_own(client_id, uri)]
    if strange:
        raise DocumentRefused(
            "A redirect URI is neither of the document's own origin nor on the owner's machine."
        )
    return metadata


def _is_its_own(client_id: str, redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    return _is_local(parts) or _origin(parts) == _origin(urlsplit(client_id))


def _is_local(parts: SplitResult) -> bool:
    return parts.hostname in LOCAL_HOSTS


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _find(db: Session, client_id: str) -> _Kept | None:
    row = db.get(Client, client_id)
    told = row.registered if row is not None else None
    if row is None or told is None or told.get("door") != DOOR:
        return None
    is_lapsed = bool(told.get("lapsed"))
    return _Kept(
        fetched_at=datetime.fromisoformat(told["fetched_at"]),
        max_age=timedelta(seconds=told["max_age"]),
        is_lapsed=is_lapsed,
        is_disabled=row.disabled_at is not None and not is_lapsed,
    )


def _is_fresh(kept: _Kept, now: datetime) -> bool:
    return not kept.is_lapsed and now < kept.fetched_at + kept.max_age


def _store(
    db: Session, clock: Clock, client_id: str, metadata: ClientMetadata, max_age: int | None
) -> None:
    """Keep the client as its document says; two that fetched at once store after each other."""
    host = urlsplit(client_id).hostname or ""
    take_turn(db.connection(), derived_id(_TURNS, host), is_shared=False)
    age = timedelta(seconds=min(max(max_age or 0, 0), int(_LONGEST.total_seconds())))
    registered = metadata.registered(
        DOOR,
        fetched_at=clock.now().isoformat(),
        max_age=int(max(age, _FRESH).total_seconds()),
    )
    values: dict[str, Any] = metadata.values() | {"name": metadata.client_name or host}
    client = db.get(Client, client_id)
    try:
        if client is None:
            create_client(
                db,
                clock,
                _organization(db, clock, host),
                is_public=metadata.is_public,
                registered=registered,
                client_id=client_id,
                **values,
            )
        elif client.disabled_at is None or (client.registered or {}).get("lapsed"):
            replace_client(client, registered=registered, **values)
            client.disabled_at = None
    except DomainError as error:
        raise DocumentRefused(in_protocol(error).description) from error


def _organization(db: Session, clock: Clock, host: str) -> Organization:
    """The host's own, which serves what it says, so its name is proven. No name that an operator
    enters makes such a slug, so it is never a company that is known otherwise."""
    slug = f"web:{host}"
    found = db.scalars(select(Organization).where(Organization.slug == slug)).first()
    if found is not None:
        return found
    domain = None if host in LOCAL_HOSTS else host
    return create_organization(db, clock, host, verified_domain=domain, slug=slug)


def _fail(db: Session, clock: Clock, client_id: str) -> None:
    """Leave the address alone for a while, and the client in force while its copy is young."""
    until = clock.now() + _PAUSE
    dialect = postgresql if db.connection().dialect.name == "postgresql" else sqlite
    row = dialect.insert(SeenOnce).values(seen_hash=_pause_of(client_id), expires_at=until)
    db.execute(
        row.on_conflict_do_update(
            index_elements=["seen_hash"], set_={"expires_at": row.excluded.expires_at}
        )
    )
    kept = _find(db, client_id)
    if kept is not None and kept.fetched_at + _LONGEST <= clock.now():
        _lapse(db, clock, client_id)


def _lapse(db: Session, clock: Clock, client_id: str) -> None:
    """Out of force, with its tokens, until its document is there again."""
    client = db.get_one(Client, client_id)
    if client.disabled_at is None:
        client.disabled_at = clock.now()
        client.registered = (client.registered or {}) | {"lapsed": True}


def _is_paused(db: Session, clock: Clock, client_id: str) -> bool:
    row = db.get(SeenOnce, _pause_of(client_id))
    return row is not None and row.expires_at > clock.now()


def _pause_of(client_id: str) -> bytes:
    return sha256(f"client-document\0{client_id}")
