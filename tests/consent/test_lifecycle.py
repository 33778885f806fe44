"""Every act on every status of a grant; and the database does what the table says."""

from datetime import timedelta

import pytest

from app.consent import grants, lifecycle
from app.consent.decide import live_status
from app.consent.errors import GrantNotFound, PermissionOver
from app.consent.lifecycle import ACTS, LIVE, STATUSES, TOLD, is_over, turn
from app.consent.models import Grant
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.ids import new_id
from tests.factories.world import World

# What follows, written out once more and whole: a dash where the act changes nothing.
TABLE = """
            allow   refuse   pause   resume  change  keep    revoke   end    supersede   expire
requested   active  refused  -       -       -       -       -        -      -           expired
active      -       -        paused  -       active  active  revoked  ended  superseded  expired
paused      -       -        -       active  paused  paused  revoked  ended  superseded  expired
refused     -       -        -       -       -       -       -        -      -           -
revoked     -       -        -       -       -       -       -        -      -           -
ended       -       -        -       -       -       -       -        -      -           -
expired     -       -        -       -       -       -       -        -      -           -
superseded  -       -        -       -       -       -       -        -      -           -
"""
HEAD, *LINES = [line.split() for line in TABLE.strip().splitlines()]
CASES = [
    (status, act, None if follows == "-" else follows)
    for status, *rest in LINES
    for act, follows in zip(HEAD, rest, strict=True)
]


def test_the_table_is_whole() -> None:
    assert {(status, act) for status, act, _ in CASES} == {
        (status, act) for status in STATUSES for act in ACTS
    }
    assert [(status, act, turn(status, act)) for status, act, _ in CASES] == CASES
    assert {status for status in STATUSES if is_over(status)} == {
        "refused",
        "revoked",
        "ended",
        "expired",
        "superseded",
    }
    assert set(TOLD) == set(ACTS) - {"refuse"}
    assert {"active"} == lifecycle.READING


ACTIONS = {
    "pause": grants.pause,
    "resume": grants.resume,
    "revoke": grants.revoke,
    "keep": grants.keep,
}


@pytest.mark.parametrize("status", [one for one in STATUSES if one not in ("requested", "refused")])
def test_the_database_follows_it(database: Database, clock: FixedClock, status: str) -> None:
    """From each status a grant can have, each act of its owner."""
    world = World(database, clock)
    owner = world.owner()
    jeans = world.owned(owner)
    for act, do in ACTIONS.items():
        grant_id = world.allow(owner, [jeans]).grant.grant_id
        with database.session() as db:
            grant = db.get_one(Grant, (owner, grant_id))
            grant.status, before = status, grant.version
        follows = turn(status, act)
        try:
            with database.session() as db:
                do(db, clock, owner, grant_id)
        except PermissionOver:
            assert is_over(status)
            assert act in ("pause", "resume")
        with database.read() as db:
            view = grants.get_grant(db, clock, owner, grant_id)
            assert view.grant.status == (follows or status)
            assert view.grant.version == before + (follows is not None)
            assert (view.events[-1].what == TOLD[act]) is (follows is not None)
            assert len(view.details) > 0  # each version shows what it gives
            assert (view.grant.ended_at is not None) is (follows is not None and is_over(follows))


def test_what_time_has_ended_is_neither_paused_nor_resumed(
    database: Database, clock: FixedClock
) -> None:
    world = World(database, clock)
    owner = world.owner()
    jeans = world.owned(owner)
    for act in (grants.pause, grants.resume):
        given = world.allow(owner, [jeans])
        if act is grants.resume:
            with database.session() as db:
                grants.pause(db, clock, owner, given.grant.grant_id)
        clock.set(given.grant.until - timedelta(microseconds=1))
        assert live_status("active", given.grant.until, clock.now()) in LIVE
        clock.set(given.grant.until)
        with pytest.raises(PermissionOver), database.session() as db:
            act(db, clock, owner, given.grant.grant_id)
        with database.read() as db:
            view = grants.get_grant(db, clock, owner, given.grant.grant_id)
            assert view.status == "expired"
            assert view.grant.version == (2 if act is grants.resume else 1)


def test_another_owners_is_not_there(database: Database, clock: FixedClock) -> None:
    world = World(database, clock)
    owner, other = world.owner(), world.owner("Another owner")
    given = world.allow(owner, [world.owned(owner)])
    for whose, which in ((other, given.grant.grant_id), (owner, new_id())):
        for act in ACTIONS.values():
            with pytest.raises(GrantNotFound), database.session() as db:
                act(db, clock, whose, which)
