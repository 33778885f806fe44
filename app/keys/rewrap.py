"""Wrapping every owner key anew after a rotation, in small steps, while others read and write."""

from uuid import UUID

from app.keys.hierarchy import Hierarchy
from app.keys.provider import CannotUnwrap, KeyProvider, version_of
from app.keys.store import KeyStore
from app.kit.logs import logger


def rewrap(store: KeyStore, hierarchy: Hierarchy, provider: KeyProvider) -> int:
    """Wrap under the newest version what is not; how many owner keys were not."""
    check_value = store.check_value()
    if check_value is not None and not provider.is_current(check_value):
        store.replace_check(check_value, hierarchy.wrap_check_anew(check_value))
    done = 0
    for page in store.owner_pages():
        stale = [row for row in page if not provider.is_current(row.wrapped)]
        fresh = [
            (owner_id, old, new)
            for owner_id, old in stale
            if (new := _wrap_anew(hierarchy, owner_id, old)) is not None
        ]
        done += store.replace_owners(fresh)
    store.purge_owners()
    return done


def versions_in_use(store: KeyStore, name: str) -> set[str]:
    """The versions of the key-encryption key that something is wrapped under."""
    check_value = store.check_value()
    used = {version_of(check_value, name)} if check_value else set()
    for page in store.owner_pages():
        used |= {version_of(row.wrapped, name) for row in page}
    return used


def _wrap_anew(hierarchy: Hierarchy, owner_id: UUID, wrapped: bytes) -> bytes | None:
    """None where it does not open: the others are not kept waiting for a damaged row."""
    try:
        return hierarchy.wrap_owner_anew(owner_id, wrapped)
    except CannotUnwrap as error:
        logger.error("an owner key does not open", owner=str(owner_id), reason=str(error))
        return None
