"""Asking from a device that has no browser (RFC 8628): it shows a code, and its owner answers on
another screen."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from app.consent.models import AccessRequest, Grant
from app.consent.requests import find_opened, take, ticket_of
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_secret
from app.kit.limits import Limit, spend
from app.oauth.asking import keep_asked, read_asked
from app.oauth.authority import Authority
from app.oauth.clientauth import Caller
from app.oauth.errors import Undone
from app.oauth.http import NOT_ASKED, Answer, Ask, refusal
from app.oauth.models import DeviceCode
from app.organizations.client_rules import DEVICE_CODE
from app.organizations.clients import find_client

PATH = "/oauth/device_authorization"
PAGE = "/device"
INTERVAL = 5  # seconds between two questions, to begin with

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, no words (RFC 8628 §6.1): 34 bits in eight of them
_LENGTH, _HALF = 8, 4
_LONGEST = 300  # seconds that a device is made to wait
_ADD = insert(DeviceCode)


@dataclass(frozen=True)
class Typed:
    """What a code that a person typed leads to: the page of a question (its `ticket`), or the
    answer that this person gave before (its request's hash, in hexadecimal), or a question that ran
    out (`is_over`); nothing of these where there is no such code for this person."""

    ticket: str | None = None
    answer: str | None = None
    is_over: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the person did not guess."""
        return self != Typed()


def start_device(conn: Connection, authority: Authority, ask: Ask, caller: Caller) -> Answer:
    """Keep what a device asks for; the code that it shows and the one that it keeps (§3.2).
    TooManyRequests, because each is kept until it runs out."""
    try:
        if caller.client is None or not caller.client.check_grant_type(DEVICE_CODE):
            raise UnauthorizedClientError("The client may not use the device flow.")
        known = caller.client.known
        values = {name: one for name, one in ask.form.items() if name not in NOT_ASKED}
        if {"request", "request_uri"} & values.keys():
            raise InvalidRequestError("A device asks with plain parameters.")
        asked = read_asked(conn, authority, known, values, None)
        jkt = _key_of(values, caller)
    except OAuth2Error as error:
        raise Undone(refusal(error)) from error
    limit = Limit("device codes of a client", authority.settings.rate_device_per_minute, 60)
    spend(conn, authority.clock, limit, known.client_id)
    device_code, user_code = new_secret("inseam_dc_"), _new_user_code(conn, authority)
    now, life = authority.clock.now(), timedelta(minutes=authority.settings.device_minutes)
    row = {
        "device_hash": sha256(device_code),
        "user_hash": _user_hashes(authority, user_code)[0],
        "client_id": known.client_id,
        "parameters": {
            "values": values,
            "jkt": jkt,
            "resources": asked.resources,
            "scopes": asked.scopes,
        },
        "status": "waiting",
        "interval_seconds": INTERVAL,
        "created_at": now,
        "expires_at": now + life,
    }
    conn.execute(_ADD, [row])
    page = f"{authority.issuer}{PAGE}"
    told = {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={user_code}",
        "expires_in": int(life.total_seconds()),
        "interval": INTERVAL,
    }
    return Answer(200, told)


def _key_of(values: dict[str, str], caller: Caller) -> str | None:
    """The key that the code is bound to: that of a proof, or one that the request names (RFC 9449
    §10). Without either it is bound to none: a proof is wanted with the token alone (§5)."""
    told = values.get("dpop_jkt")
    if caller.jkt is not None and told not in (None, caller.jkt):
        raise InvalidRequestError("dpop_jkt is not the key of the proof.")
    return caller.jkt or told


def plain_code(text: str) -> str:
    """A code as it is shown, however it was typed (§6.1); "" where it can be none."""
    letters = "".join(sign for sign in text.upper() if sign.isalnum())
    if len(letters) != _LENGTH or not set(letters) <= set(_LETTERS):
        return ""
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def look_up(db: Session, authority: Authority, owner_id: UUID, text: str) -> Typed:
    """What this owner finds behind a code; the first to find a question keeps it. RequestNotFound
    where an app asks that is another owner's own."""
    row = _row_of(db, authority, plain_code(text))
    if row is None:
        return Typed()
    is_over = row.expires_at <= authority.clock.now()
    if row.request_hash is None:
        ticket = None if is_over else _ask(db, authority, row, owner_id)
        return Typed(ticket, is_over=ticket is None)
    asked = find_opened(db, owner_id, row.request_hash)
    if asked is None:
        return Typed()  # another owner's
    if asked.status != "waiting":
        return Typed(answer=row.request_hash.hex())
    ticket = None if is_over else ticket_of(db, owner_id, row.request_hash)
    return Typed(ticket, is_over=ticket is None)


def _row_of(db: Session, authority: Authority, code: str) -> DeviceCode | None:
    """The row of a code, locked. Of two that were alike, the later: the other has run out."""
    if not code:
        return None
    is_meant = DeviceCode.user_hash.in_(_user_hashes(authority, code))
    query = select(DeviceCode).where(is_meant).order_by(DeviceCode.expires_at.desc())
    return db.scalars(query.limit(1).with_for_update()).first()


def _ask(db: Session, authority: Authority, row: DeviceCode, owner_id: UUID) -> str | None:
    """Put the device's question to this owner; None where the client may not ask it any more."""
    known = find_client(db, row.client_id)
    if known is None:
        return None
    try:
        asked = read_asked(db.connection(), authority, known, row.parameters["values"], None)
    except OAuth2Error:
        return None
    ticket = keep_asked(
        db,
        authority,
        row.client_id,
        asked,
        protocol={
            "redirect_uri": None,
            "state": None,
            "scopes": asked.scopes,
            "device": row.device_hash.hex(),
        },
        redirect_host="",
        life=row.expires_at - authority.clock.now(),
    )
    row.request_hash = sha256(ticket)
    take(db, authority.clock, owner_id, ticket)  # nobody else's from here on
    return ticket


def note_answer(db: Session, request: AccessRequest, grant: Grant | None) -> str:
    """Write down what the owner answered, for when the device asks again; the path of the page
    where the owner's browser stays."""
    device = bytes.fromhex(request.protocol["device"])
    answered = (
        update(DeviceCode)
        .where(DeviceCode.device_hash == device, DeviceCode.status == "waiting")
        .values(
            status="refused" if grant is None else "granted",
            owner_id=request.owner_id,
            grant_id=grant and grant.grant_id,
        )
    )
    db.execute(answered)
    return f"{PAGE}/{request.request_hash.hex()}"


@dataclass(frozen=True)
class DeviceAnswer:
    """What an owner answered to a device; `grant_id` where that was yes."""

    client_name: str
    grant_id: UUID | None


def find_answer(db: Session, owner_id: UUID, text: str) -> DeviceAnswer | None:
    """The answer that a page is about; None where this owner gave none such."""
    try:
        row = find_opened(db, owner_id, bytes.fromhex(text))
    except ValueError:
        return None
    if row is None or row.status == "waiting" or "device" not in row.protocol:
        return None
    return DeviceAnswer(row.asked["client_name"], row.grant_id)


def find_device(conn: Connection, device_code: str) -> Any | None:
    """The row of a device's code."""
    table = DeviceCode.__table__
    return conn.execute(select(table).where(table.c.device_hash == sha256(device_code))).first()


def note_poll(conn: Connection, clock: Clock, device_hash: bytes) -> bool:
    """Note that the device asked; whether it was too soon, and then it has to wait longer from now
    on (§3.5)."""
    now, is_meant = clock.now(), DeviceCode.device_hash == device_hash
    read = select(DeviceCode.polled_at, DeviceCode.interval_seconds).where(is_meant)
    polled_at, seconds = conn.execute(read.with_for_update()).one()
    is_early = polled_at is not None and now < polled_at + timedelta(seconds=seconds)
    longer = min(seconds + INTERVAL, _LONGEST) if is_early else seconds
    noted = update(DeviceCode).where(is_meant).values(polled_at=now, interval_seconds=longer)
    conn.execute(noted)
    return is_early


def use_device(conn: Connection, device_hash: bytes) -> bool:
    """Claim what was granted; False when somebody was faster."""
    claimed = (
        update(DeviceCode)
        .where(DeviceCode.device_hash == device_hash, DeviceCode.status == "granted")
        .values(status="used")
        .returning(DeviceCode.device_hash)
    )
    return conn.execute(claimed).first() is not None


def _new_user_code(conn: Connection, authority: Authority) -> str:
    """A code that no device shows now."""
    while True:
        letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        code = f"{letters[:_HALF]}-{letters[_HALF:]}"
        is_shown = select(DeviceCode.device_hash).where(
            DeviceCode.user_hash.in_(_user_hashes(authority, code)),
            DeviceCode.expires_at > authority.clock.now(),
        )
        if conn.execute(is_shown).first() is None:
            return code


def _user_hashes(authority: Authority, code: str) -> list[bytes]:
    """Keyed hashes by each key, the one in use first: whoever has the database alone could try
    all codes within minutes."""
    keys = authority.keyring.cursor_keys().values()
    return [hmac.digest(key, b"user code\0" + code.encode(), "sha256") for key in keys]
