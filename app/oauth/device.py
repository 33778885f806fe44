"""Asking from a device that has no browser (RFC 8628): it shows a code, and its owner answers on
another screen."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from app.consent.requests import open_request, take, ticket_of
from app.kit.clock import Clock
from app.kit.crypto import sha256
from app.kit.ids import new_secret
from app.oauth.asking import Asked, read_asked
from app.oauth.authority import Authority
from app.oauth.clientauth import Caller
from app.oauth.errors import Undone
from app.oauth.http import NOT_ASKED, Answer, Ask, refusal
from app.oauth.models import DeviceCode
from app.organizations.clients import DEVICE_CODE, find_client
from app.organizations.models import Client

PATH = "/oauth/device_authorization"
PAGE = "/device"
INTERVAL = 5  # seconds between two questions, to begin with

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, no words (RFC 8628 §6.1): 34 bits in eight of them
_LENGTH, _HALF = 8, 4
_ADD = insert(DeviceCode)


def start_device(conn: Connection, authority: Authority, ask: Ask, caller: Caller) -> Answer:
    """Keep what a device asks for; the code that it shows and the one that it keeps (§3.2)."""
    try:
        if caller.client is None or not caller.client.check_grant_type(DEVICE_CODE):
            raise UnauthorizedClientError("The client may not use the device flow.")
        known = caller.client.known
        values = {name: one for name, one in ask.form.items() if name not in NOT_ASKED}
        # A proof is wanted with the token alone (RFC 9449 §5); one that comes here binds the code.
        jkt = caller.jkt or values.get("dpop_jkt")
        if values.get("dpop_jkt", jkt) != jkt:
            raise InvalidRequestError("dpop_jkt is not the key of the proof.")
        asked = read_asked(conn, authority, known, values, None)
    except OAuth2Error as error:
        raise Undone(refusal(error)) from error
    device_code, user_code = new_secret("inseam_dc_"), _new_user_code()
    now, life = authority.clock.now(), timedelta(minutes=authority.settings.device_minutes)
    row = {
        "device_hash": sha256(device_code),
        "user_hash": _user_hash(user_code),
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


def plain_code(text: str) -> str:
    """A code as it is shown, however it was typed (§6.1); "" where it can be none."""
    letters = "".join(sign for sign in text.upper() if sign.isalnum())
    if len(letters) != _LENGTH or not set(letters) <= set(_LETTERS):
        return ""
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def open_code(db: Session, authority: Authority, owner_id: UUID, text: str) -> str | None:
    """The secret of the page where this owner answers what the code stands for; None where it is
    unknown, ran out, was answered, or is another owner's already. RequestNotFound where an app asks
    that is another owner's own."""
    code, now = plain_code(text), authority.clock.now()
    found = select(DeviceCode).where(
        DeviceCode.user_hash == _user_hash(code),
        DeviceCode.status == "waiting",
        DeviceCode.expires_at > now,
    )
    row = db.scalars(found.with_for_update()).first() if code else None
    if row is None:
        return None
    if row.request_hash is not None:
        return ticket_of(db, owner_id, row.request_hash)
    known = find_client(db, row.client_id)
    if known is None:
        return None
    try:
        asked = read_asked(db.connection(), authority, known, row.parameters["values"], None)
    except OAuth2Error:
        return None  # what the client may ask has changed since
    ticket = _open(db, authority, row, asked)
    take(db, authority.clock, owner_id, ticket)  # nobody else's from here on
    return ticket


def _open(db: Session, authority: Authority, row: DeviceCode, asked: Asked) -> str:
    client = db.get_one(Client, row.client_id)
    ticket = open_request(
        db,
        authority.clock,
        client=client,
        purpose=asked.purpose,
        scopes=asked.scopes,
        open_scopes=asked.open_scopes,
        entries=[entry.written() for entry in asked.entries],
        changes=(asked.action, asked.grant_id) if asked.grant_id is not None else None,
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
    return ticket


def note_answer(
    db: Session,
    device: str,
    status: str,
    owner_id: UUID | None = None,
    grant_id: UUID | None = None,
) -> None:
    """Write down what the owner answered, for when the device asks again."""
    answered = (
        update(DeviceCode)
        .where(DeviceCode.device_hash == bytes.fromhex(device), DeviceCode.status == "waiting")
        .values(status=status, owner_id=owner_id, grant_id=grant_id)
    )
    db.execute(answered)


def find_device(conn: Connection, device_code: str) -> Any | None:
    """The row of a device's code."""
    table = DeviceCode.__table__
    return conn.execute(select(table).where(table.c.device_hash == sha256(device_code))).first()


def note_poll(conn: Connection, clock: Clock, row: Any) -> bool:
    """Note that the device asked; whether it was too soon, and then it has to wait longer from now
    on (§3.5)."""
    now = clock.now()
    wait = timedelta(seconds=row.interval_seconds)
    is_early = row.polled_at is not None and now < row.polled_at + wait
    seconds = row.interval_seconds + (INTERVAL if is_early else 0)
    noted = (
        update(DeviceCode)
        .where(DeviceCode.device_hash == row.device_hash)
        .values(polled_at=now, interval_seconds=min(seconds, 300))
    )
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


def _new_user_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def _user_hash(code: str) -> bytes:
    return sha256(f"user code\0{code}")
