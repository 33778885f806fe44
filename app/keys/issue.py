"""Making keys and taking uses of them. Each step is committed before the next one begins."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, TypeVar
from uuid import UUID

from app.keys.hierarchy import Hierarchy, WrappedKey, WrappedTenure
from app.keys.provider import CannotUnwrap
from app.keys.store import KeyStore, Place
from app.kit.clock import Clock
from app.kit.ids import new_id

T = TypeVar("T")


class Limits(NamedTuple):
    """`cap` is how many random nonces of 96 bits one key may have (NIST SP 800-38D §8.3), `block`
    how many a process takes at a time, `remembered` how many keys of each kind it holds."""

    cap: int = 2**32
    block: int = 2**16
    remembered: int = 20_000


def twice(work: Callable[[], T]) -> T:
    """Once more where something did not unwrap: a row may have been read just before a rotation
    wrapped it anew, and `work` reads it again."""
    try:
        return work()
    except CannotUnwrap:
        return work()


def tenures_of(
    store: KeyStore, hierarchy: Hierarchy, owners: Mapping[UUID, UUID]
) -> dict[UUID, WrappedTenure]:
    """The keys of tenures, given with their owners, made where there are none. One is left out
    where its owner's key changed meanwhile: try again."""
    found = store.tenures(owners)
    fresh = {tenure: owner for tenure, owner in owners.items() if tenure not in found}
    if fresh:
        _make_tenures(store, hierarchy, fresh)
        found = store.tenures(owners)
    if any(owners[one.tenure_id] != one.owner_id for one in found.values()):
        raise ValueError("a tenure's key belongs to another owner")
    return found


def take(
    store: KeyStore,
    hierarchy: Hierarchy,
    clock: Clock,
    limits: Limits,
    places: Mapping[Place, WrappedTenure],
) -> dict[Place, WrappedKey]:
    """A key for each place with a block of its uses, made where there is none or it is used up.
    A place is left out where its tenure's key changed meanwhile, or others took what was left."""
    latest = store.latest(places)
    spent = [place for place in places if not _has_block(latest.get(place), limits)]
    if spent:
        fresh = [(places[one], _make(hierarchy, places[one], one, latest)) for one in spent]
        store.add_keys(fresh, clock.now())
        latest = store.latest(places)
    taken = store.reserve([key.key_id for key in latest.values()], limits.block, limits.cap)
    return {place: key for place, key in latest.items() if key.key_id in taken}


def _make_tenures(store: KeyStore, hierarchy: Hierarchy, owners: Mapping[UUID, UUID]) -> None:
    held = _owners(store, hierarchy, set(owners.values()))
    store.add_tenures(
        [
            hierarchy.make_tenure(owner, held[owner], tenure)
            for tenure, owner in owners.items()
            if owner in held
        ]
    )


def _owners(store: KeyStore, hierarchy: Hierarchy, ids: Collection[UUID]) -> dict[UUID, bytes]:
    held = store.owners(ids)
    fresh = {one: hierarchy.make_owner(one) for one in ids if one not in held}
    if not fresh:
        return held
    store.add_owners(fresh)
    return store.owners(ids)


def _has_block(key: WrappedKey | None, limits: Limits) -> bool:
    return key is not None and key.used + limits.block <= limits.cap


def _make(
    hierarchy: Hierarchy,
    tenure: WrappedTenure,
    place: Place,
    latest: Mapping[Place, WrappedKey],
) -> WrappedKey:
    last = latest.get(place)
    part = last.part + 1 if last else 0
    return hierarchy.make_key(tenure, WrappedKey(new_id(), *place, part, b"", 0))
