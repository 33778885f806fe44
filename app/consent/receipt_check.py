"""Receipts checked without the service that gave them: their seals, bytes and chain. Pure.

A file is what `receipts.signed` makes: `receipts`, each a JWS (RFC 7515 §7.2) over canonical JSON
(RFC 8785), and `keys`, the public keys that were in use (RFC 7517).
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.consent.receipts import content_hash
from app.kit import jsonio
from app.kit.errors import InvalidJson

MOST = 16 * 1024 * 1024  # bytes of a file

_ALGORITHMS = ["Ed25519"]


class ReceiptWrong(ValueError):
    """What is wrong with a file, in a sentence."""


@dataclass(frozen=True)
class Checked:
    """A receipt whose seal and bytes are right; `key_id` is of the key that sealed it."""

    receipt: Mapping[str, Any]
    key_id: str

    @property
    def place(self) -> tuple[str, int]:
        """Of which permission it is, and its number there."""
        record = self.receipt["dpv:hasRecordOfActivity"]["dct:identifier"]
        return str(record), int(self.receipt["inseam:number"])


def check_file(body: bytes, keys: Mapping[str, Any] | None = None) -> list[Checked]:
    """The receipts of a file, all of them right, in the order of their numbers; by these public
    keys, or by those in the file. ReceiptWrong."""
    told = _read(body)
    known = _keys(keys if keys is not None else told.get("keys"))
    sealed = told.get("receipts")
    if not isinstance(sealed, list) or not sealed:
        raise ReceiptWrong("There are no receipts in it.")
    found = [_check(one, known, number) for number, one in enumerate(sealed, 1)]
    found.sort(key=lambda one: one.place)
    _check_chain(found)
    return found


def _read(body: bytes) -> Mapping[str, Any]:
    if len(body) > MOST:
        raise ReceiptWrong(f"The file is larger than {MOST} bytes.")
    try:
        told = jsonio.loads(body)
    except InvalidJson as error:
        raise ReceiptWrong(f"It is no JSON. {error.detail}") from error
    if not isinstance(told, dict):
        raise ReceiptWrong("It is no file of receipts.")
    return told


def _keys(told: Any) -> KeySet:
    try:
        return KeySet.import_key_set(told)
    except (JoseError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ReceiptWrong("The public keys cannot be read (RFC 7517).") from error


def _check(sealed: Any, keys: KeySet, number: int) -> Checked:
    try:
        (seal,) = sealed["signatures"]
        text = f"{seal['protected']}.{sealed['payload']}.{seal['signature']}"
        opened = jws.deserialize_compact(text, keys, algorithms=_ALGORITHMS)
        document = urlsafe_b64decode(sealed["payload"] + "=" * (-len(sealed["payload"]) % 4))
        receipt = jsonio.loads(document)
        checked = Checked(receipt, str(opened.headers()["kid"]))
        is_canonical = rfc8785.dumps(receipt) == document and checked.place[1] > 0
    except (JoseError, InvalidJson, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ReceiptWrong(f"Receipt {number} of the file is not as it was sealed.") from error
    if not is_canonical:
        raise ReceiptWrong(f"Receipt {number} of the file is not in its canonical form.")
    return checked


def _check_chain(found: Sequence[Checked]) -> None:
    """Each one after another of the same permission names its hash, and the first names none."""
    before: Checked | None = None
    for one in found:
        record, number = one.place
        told = one.receipt.get("inseam:predecessorHash")
        follows = before is not None and before.place == (record, number - 1)
        if before is not None and before.place == one.place:
            raise ReceiptWrong(f"Receipt {number} of {record} stands twice.")
        if follows and before is not None and told != content_hash(before.receipt):
            raise ReceiptWrong(f"Receipt {number} of {record} does not follow the one before it.")
        if (number == 1) != (told is None):
            raise ReceiptWrong(f"Receipt {number} of {record} does not say what it follows.")
        before = one
