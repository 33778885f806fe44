"""The keys above each other: the provider wraps owner keys, these wrap tenure keys, these wrap the
keys of the log. A wrapped key is bound to what it is for, so in another row it does not open."""

from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.keys.provider import CannotUnwrap, KeyProvider
from app.keys.recent import Recent
from app.kit.crypto import CannotOpen, seal, unseal

_KEY_BITS = 256
_CHECK = b"inseam key check 1"
_OWNER = b"inseam owner key 1\0"
_TENURE = b"inseam tenure key 1\0"
_LOG = b"inseam log key 1\0"


class WrappedTenure(NamedTuple):
    """A tenure's key as it is stored, with its owner's."""

    tenure_id: UUID
    owner_id: UUID
    wrapped: bytes
    owner_wrapped: bytes


class WrappedKey(NamedTuple):
    """A key of the log as it is stored; its members but the last two are bound by the wrapping."""

    key_id: UUID
    tenure_id: UUID
    stream: str
    month: int
    turn: int
    part: int
    wrapped: bytes
    used: int


class Hierarchy:
    """Makes and opens keys. Opened owner and tenure keys are remembered by their wrapped form,
    so one that was made anew or wrapped anew is never taken for the old one."""

    def __init__(self, provider: KeyProvider, size: int) -> None:
        self._provider = provider
        self._opened: Recent[tuple[bytes, bytes], bytes] = Recent(size)

    def make_check(self) -> bytes:
        """What `check` will know again."""
        return self._provider.wrap(_CHECK, _CHECK)

    def check(self, wrapped: bytes) -> None:
        """CannotUnwrap where the provider has not the key of this store, or binds no context, as
        a Vault before 1.13 does not."""
        if self._provider.unwrap(wrapped, _CHECK) != _CHECK:
            raise CannotUnwrap("another check value")
        try:
            self._provider.unwrap(wrapped, _OWNER)
        except CannotUnwrap:
            return
        raise CannotUnwrap("the provider binds no context")

    def make_owner(self, owner_id: UUID) -> bytes:
        """A new owner key, wrapped."""
        return self._provider.wrap(_new_key(), _OWNER + owner_id.bytes)

    def make_tenure(self, owner_id: UUID, owner_wrapped: bytes, tenure_id: UUID) -> WrappedTenure:
        """A new tenure key."""
        owner = self._owner_key(owner_id, owner_wrapped)
        wrapped = seal(owner, _new_key(), _tenure_context(owner_id, tenure_id))
        return WrappedTenure(tenure_id, owner_id, wrapped, owner_wrapped)

    def make_key(self, tenure: WrappedTenure, key: WrappedKey) -> WrappedKey:
        """A new key of the log, in the place of `key`'s wrapped bytes."""
        sealed = seal(self._tenure_key(tenure), _new_key(), _log_context(key))
        return key._replace(wrapped=sealed)

    def open_key(self, tenure: WrappedTenure, key: WrappedKey) -> AESGCM:
        """The cipher of a stored key of the log; CannotUnwrap."""
        return AESGCM(_unseal(self._tenure_key(tenure), key.wrapped, _log_context(key)))

    def wrap_check_anew(self, wrapped: bytes) -> bytes:
        """The check value under the provider's newest version."""
        return self._provider.wrap(self._provider.unwrap(wrapped, _CHECK), _CHECK)

    def wrap_owner_anew(self, owner_id: UUID, wrapped: bytes) -> bytes:
        """The same owner key under the provider's newest version."""
        context = _OWNER + owner_id.bytes
        return self._provider.wrap(self._provider.unwrap(wrapped, context), context)

    def forget(self, one: UUID | None = None) -> None:
        """Forget what was opened of an owner or a tenure, or everything."""
        self._opened.forget(lambda place, _: one is None or one.bytes in place[0])

    def _owner_key(self, owner_id: UUID, wrapped: bytes) -> bytes:
        place = (_OWNER + owner_id.bytes, wrapped)
        key = self._opened.get(place)
        if key is None:
            key = self._provider.unwrap(wrapped, place[0])
            self._opened.put(place, key)
        return key

    def _tenure_key(self, tenure: WrappedTenure) -> bytes:
        context = _tenure_context(tenure.owner_id, tenure.tenure_id)
        key = self._opened.get((context, tenure.wrapped))
        if key is None:
            owner = self._owner_key(tenure.owner_id, tenure.owner_wrapped)
            key = _unseal(owner, tenure.wrapped, context)
            self._opened.put((context, tenure.wrapped), key)
        return key


def _new_key() -> bytes:
    return AESGCM.generate_key(_KEY_BITS)


def _tenure_context(owner_id: UUID, tenure_id: UUID) -> bytes:
    return _TENURE + owner_id.bytes + tenure_id.bytes


def _log_context(key: WrappedKey) -> bytes:
    numbers = b"".join(n.to_bytes(8, "big", signed=True) for n in (key.month, key.turn, key.part))
    return _LOG + key.tenure_id.bytes + key.key_id.bytes + numbers + key.stream.encode()


def _unseal(key: bytes, wrapped: bytes, context: bytes) -> bytes:
    try:
        return unseal(key, wrapped, context)
    except CannotOpen as error:
        raise CannotUnwrap("wrong key or context") from error
