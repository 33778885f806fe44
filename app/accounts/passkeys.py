"""Passkeys (WebAuthn Level 3): the device proves that its holder is present and verified.

A passkey is resident and always asks for the person (user verification), so it is enough alone.
The challenge waits on the server, bound to one browser, for five minutes and one answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from sqlalchemy import Connection, delete
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, generate_challenge, options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.accounts import queries
from app.accounts.errors import LastWayIn, PasskeyKnown, PasskeyRefused, PasskeyTryEnded
from app.accounts.models import Ceremony, Passkey, PasskeyLookup
from app.accounts.owners import check_name, get_owner
from app.accounts.security_log import note_event
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.errors import NotFound
from app.kit.ids import new_id, new_secret
from app.settings import Settings

LIFE = timedelta(minutes=5)
CREATE, ADD, SIGN_IN, CONFIRM = "create", "add", "sign-in", "confirm"

_TIMEOUT_MS = int(LIFE.total_seconds() * 1000)
_VERIFIED = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class Question:
    """Options for the browser, and the secret that binds the answer to it."""

    options: dict[str, Any]
    ceremony: str


@dataclass(frozen=True)
class Challenge:
    """A question taken back by the browser that got it; it cannot be taken again."""

    challenge: bytes
    owner_id: UUID | None
    details: dict[str, Any]


def ask_new(
    db: Session,
    clock: Clock,
    settings: Settings,
    kind: str,
    owner_id: UUID,
    name: str,
    details: dict[str, Any],
) -> Question:
    """Ask the browser to make a passkey for an owner who may not exist yet."""
    known = [PublicKeyCredentialDescriptor(id=p.credential_id) for p in list_of(db, owner_id)]
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(settings),
        rp_name="Inseam",
        user_id=owner_id.bytes,
        user_name=name,
        challenge=generate_challenge(),
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=known,
    )
    return _remember(db, clock, kind, options, owner_id, details)


def ask_known(
    db: Session, clock: Clock, settings: Settings, kind: str, owner_id: UUID | None = None
) -> Question:
    """Ask for a passkey: of whoever holds one, or of one owner."""
    own = list_of(db, owner_id) if owner_id else []
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(settings),
        challenge=generate_challenge(),
        timeout=_TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=p.credential_id) for p in own],
        user_verification=_VERIFIED,
    )
    return _remember(db, clock, kind, options, owner_id, {})


def take_challenge(conn: Connection, clock: Clock, ceremony: str, kind: str) -> Challenge | None:
    """The challenge that waits for this browser, removed so that no second answer fits.

    The caller commits this by itself: a refused answer must not bring the challenge back.
    """
    taken = (
        delete(Ceremony)
        .where(Ceremony.ceremony_hash == sha256(ceremony), Ceremony.kind == kind)
        .returning(Ceremony.challenge, Ceremony.owner_id, Ceremony.details, Ceremony.expires_at)
    )
    row = conn.execute(taken).one_or_none()
    if row is None or row.expires_at <= clock.now():
        return None
    return Challenge(row.challenge, row.owner_id, row.details)


def add_passkey(
    db: Session,
    clock: Clock,
    settings: Settings,
    challenge: Challenge | None,
    credential: dict[str, Any],
    name: str,
) -> Passkey:
    """Keep a new passkey for the challenge's owner (WebAuthn §7.1)."""
    if challenge is None or challenge.owner_id is None:
        raise PasskeyTryEnded
    proven = _verify_new(settings, challenge, credential)
    lookup_hash = sha256(proven.credential_id)
    if queries.passkey_lookup(db, lookup_hash) is not None:
        raise PasskeyKnown
    passkey = Passkey(
        owner_id=challenge.owner_id,
        passkey_id=new_id(),
        credential_id=proven.credential_id,
        public_key=proven.credential_public_key,
        sign_count=proven.sign_count,
        name=name,
        is_synced=proven.credential_backed_up,
        created_at=clock.now(),
    )
    lookup = PasskeyLookup(
        credential_hash=lookup_hash, owner_id=passkey.owner_id, passkey_id=passkey.passkey_id
    )
    db.add_all([passkey, lookup])
    db.flush()
    note_event(db, passkey.owner_id, passkey.created_at, "passkey-added", name)
    return passkey


def check_passkey(
    db: Session,
    clock: Clock,
    settings: Settings,
    challenge: Challenge | None,
    credential: dict[str, Any],
) -> UUID:
    """Whose passkey answered the challenge (WebAuthn §7.2); its signature count moves on."""
    if challenge is None:
        raise PasskeyTryEnded
    passkey = _find(db, credential)
    if passkey is None or challenge.owner_id not in (None, passkey.owner_id):
        raise PasskeyRefused
    proven = _verify_known(settings, challenge, credential, passkey)
    passkey.sign_count = proven.new_sign_count
    passkey.is_synced = proven.credential_backed_up
    passkey.last_used_at = clock.now()
    return passkey.owner_id


def list_of(db: Session, owner_id: UUID) -> Sequence[Passkey]:
    """The owner's passkeys, the oldest first."""
    return queries.passkeys_of(db, owner_id)


def count_ways_in(db: Session, owner_id: UUID) -> int:
    """How many ways lead back in: each passkey, the e-mail address, the recovery codes."""
    codes, _ = queries.codes_left(db, owner_id)
    has_email = get_owner(db, owner_id).email is not None
    return len(list_of(db, owner_id)) + has_email + bool(codes)


def rename_passkey(db: Session, owner_id: UUID, passkey_id: UUID, name: str) -> None:
    passkey = _own(db, owner_id, passkey_id)
    passkey.name = check_name(name) or passkey.name


def remove_passkey(db: Session, clock: Clock, owner_id: UUID, passkey_id: UUID) -> None:
    """Forget a passkey; LastWayIn where neither another one nor an address would be left."""
    owner = get_owner(db, owner_id)
    passkey = _own(db, owner_id, passkey_id)
    if owner.email is None and len(list_of(db, owner_id)) < 2:
        raise LastWayIn
    db.delete(passkey)
    note_event(db, owner_id, clock.now(), "passkey-removed", passkey.name)
    lookup = queries.passkey_lookup(db, sha256(passkey.credential_id))
    if lookup is not None:
        db.delete(lookup)


def _rp_id(settings: Settings) -> str:
    return urlsplit(settings.origin).hostname or ""


def _remember(
    db: Session,
    clock: Clock,
    kind: str,
    options: Any,
    owner_id: UUID | None,
    details: dict[str, Any],
) -> Question:
    ceremony = new_secret()
    db.add(
        Ceremony(
            ceremony_hash=sha256(ceremony),
            challenge=options.challenge,
            kind=kind,
            owner_id=owner_id,
            details=details,
            expires_at=clock.now() + LIFE,
        )
    )
    return Question(options_to_json_dict(options), ceremony)


# A hostile answer makes the library raise whatever its decoding stumbles over, so both
# verifications take any exception as a refusal.
def _verify_new(settings: Settings, challenge: Challenge, credential: dict[str, Any]) -> Any:
    try:
        return webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge.challenge,
            expected_rp_id=_rp_id(settings),
            expected_origin=settings.origin,
            require_user_verification=True,
        )
    except Exception as error:
        raise PasskeyRefused from error


def _verify_known(
    settings: Settings, challenge: Challenge, credential: dict[str, Any], passkey: Passkey
) -> Any:
    try:
        return webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge.challenge,
            expected_rp_id=_rp_id(settings),
            expected_origin=settings.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as error:
        raise PasskeyRefused from error


def _find(db: Session, credential: dict[str, Any]) -> Passkey | None:
    try:
        lookup = queries.passkey_lookup(db, sha256(base64url_to_bytes(credential["id"])))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return db.get(Passkey, (lookup.owner_id, lookup.passkey_id)) if lookup else None


def _own(db: Session, owner_id: UUID, passkey_id: UUID) -> Passkey:
    passkey = db.get(Passkey, (owner_id, passkey_id))
    if passkey is None:
        raise NotFound
    return passkey
