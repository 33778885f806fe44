"""An owner's terms in the database: the first version, changes, differences, what is tried out."""

import threading
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.security_log import list_events
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.terms.ceilings import DEFAULT_CEILINGS, Asked, Ceilings
from app.terms.errors import AgreementNotOffered, TermsChanged
from app.terms.models import TermsVersion
from app.terms.service import (
    DEFAULT_TERMS,
    Difference,
    answer,
    change_terms,
    dry_run,
    list_versions,
    terms_of,
    trial,
)
from tests.factories.accounts import make_owner
from tests.terms.limits import CLOSED, DAY, OPEN, asked, ceiling, ceilings

STRICT = ceilings(usage=ceiling(precision="day", history_days=0))


@pytest.fixture
def owner_id(db: Session, clock: FixedClock) -> UUID:
    return make_owner(db, clock).owner_id


def rows(db: Session, owner_id: UUID) -> list[int]:
    query = select(TermsVersion.version).where(TermsVersion.owner_id == owner_id)
    return sorted(db.scalars(query))


def test_everybody_has_terms_from_the_first_minute(
    db: Session, owner_id: UUID, clock: FixedClock
) -> None:
    found = terms_of(db, owner_id)
    assert (found.version, found.at) == (1, clock.now())
    assert found.agreement.id == "SD-BASE-DP"
    assert found.ceilings == DEFAULT_CEILINGS
    assert not found.refuses_unasked
    assert rows(db, owner_id) == []
    (only,) = list_versions(db, owner_id)
    assert (only.terms, only.differences) == (found, ())


def test_a_change_is_a_new_version_and_the_first_is_kept(
    db: Session, owner_id: UUID, clock: FixedClock
) -> None:
    made = clock.now()
    clock.advance(60)
    changed = change_terms(db, clock, owner_id, 1, ceilings=STRICT)
    assert (changed.version, changed.at, changed.ceilings) == (2, clock.now(), STRICT)
    assert changed.agreement == DEFAULT_TERMS.agreement
    assert terms_of(db, owner_id) == changed
    clock.advance(60)
    again = change_terms(db, clock, owner_id, 2, agreement="SD-BASE", refuses_unasked=True)
    assert (again.agreement.id, again.refuses_unasked, again.ceilings) == ("SD-BASE", True, STRICT)
    assert rows(db, owner_id) == [1, 2, 3]
    versions = list_versions(db, owner_id)
    assert [one.terms.version for one in versions] == [3, 2, 1]
    assert (versions[2].terms.at, versions[2].terms.ceilings) == (made, DEFAULT_CEILINGS)
    kinds = [one.kind for one in list_events(db, owner_id, before=None, limit=9)]
    assert kinds == ["terms-changed"] * 2


def test_what_changes_nothing_is_no_version(db: Session, owner_id: UUID, clock: FixedClock) -> None:
    present = terms_of(db, owner_id)
    same = change_terms(db, clock, owner_id, 1, agreement="SD-BASE-DP", refuses_unasked=False)
    assert same == present
    changed = change_terms(db, clock, owner_id, 1, ceilings=STRICT)
    assert change_terms(db, clock, owner_id, 1, ceilings=STRICT) == changed  # sent once more
    assert rows(db, owner_id) == [1, 2]


@pytest.mark.parametrize("based_on", [0, 1, 3, 10**9])
def test_a_change_of_what_is_no_longer_there_is_refused(
    db: Session, owner_id: UUID, clock: FixedClock, based_on: int
) -> None:
    change_terms(db, clock, owner_id, 1, ceilings=STRICT)
    with pytest.raises(TermsChanged) as refused:
        change_terms(db, clock, owner_id, based_on, refuses_unasked=True)
    assert refused.value.extra["version"] == 2
    assert not terms_of(db, owner_id).refuses_unasked


@pytest.mark.parametrize("agreement", ["PDC-AI", "TPR", "", "SD-BASE-DP "])
def test_only_agreements_about_a_service_stand_in_terms(
    db: Session, owner_id: UUID, clock: FixedClock, agreement: str
) -> None:
    with pytest.raises(AgreementNotOffered) as refused:
        change_terms(db, clock, owner_id, 1, agreement=agreement)
    assert refused.value.field == "/agreement"
    assert rows(db, owner_id) == []


def test_terms_are_each_owners_own(db: Session, owner_id: UUID, clock: FixedClock) -> None:
    other = make_owner(db, clock, "Other").owner_id
    change_terms(db, clock, owner_id, 1, ceilings=STRICT)
    assert terms_of(db, other).version == 1
    assert len(list_versions(db, other)) == 1


def test_differences_are_told_part_by_part(db: Session, owner_id: UUID, clock: FixedClock) -> None:
    excepted = ceilings({"marketing": {"usage": CLOSED, "care": CLOSED}}, usage=ceiling())
    change_terms(db, clock, owner_id, 1, ceilings=excepted, refuses_unasked=True)
    other = ceilings(
        {"marketing": {"usage": ceiling(onward=True)}}, usage=ceiling(duration_days=30)
    )
    change_terms(db, clock, owner_id, 2, ceilings=other, agreement="SD-BASE")
    third, second, _ = list_versions(db, owner_id)
    assert Difference("refuses_unasked", False, True) in second.differences
    assert Difference("exception", None, CLOSED, "usage", "marketing") in second.differences
    assert Difference("precision", "day", "exact", "location") in second.differences
    told = {(one.attribute, one.category, one.group) for one in third.differences}
    assert told == {
        ("agreement", None, None),
        ("duration_days", "usage", None),
        ("precision", "usage", "marketing"),
        ("place", "usage", "marketing"),
        ("history_days", "usage", "marketing"),
        ("duration_days", "usage", "marketing"),
        ("onward", "usage", "marketing"),
        ("exception", "care", "marketing"),
    }


def test_requests_are_answered_by_terms() -> None:
    fits = [asked(), asked(category="care")]
    above = [asked(), asked(category="body")]
    kind = trial(DEFAULT_TERMS)
    assert [one.outcome for one in dry_run(kind, [fits, above, []])] == ["fits", "marked", "fits"]
    found = answer(kind, above)
    assert {one.category for one in found.excesses} == {"body"}
    strict = trial(DEFAULT_TERMS, refuses_unasked=True)
    assert [one.outcome for one in dry_run(strict, [fits, above])] == ["fits", "refused"]
    assert strict.at is None
    open_terms = trial(DEFAULT_TERMS, ceilings=ceilings(body=OPEN, location=OPEN))
    assert answer(open_terms, above).outcome == "fits"
    with pytest.raises(AgreementNotOffered):
        trial(DEFAULT_TERMS, agreement="PDC-GOOD")


def test_a_request_without_an_end_is_above_any_duration() -> None:
    bare = Asked("usage", "RepairImpairments", FixedClock().now())
    assert [one.attribute for one in answer(DEFAULT_TERMS, [bare]).excesses] == ["duration_days"]


def test_of_changes_at_once_none_is_lost_unseen(database: Database, clock: FixedClock) -> None:
    """All have seen version 1: one is kept, and the others are told."""
    with database.session() as db:
        owner_id = make_owner(db, clock).owner_id
    start, outcomes = threading.Barrier(6), list[object]()

    def change(days: int) -> None:
        limits = ceilings(usage=ceiling(duration_days=days))
        start.wait()
        try:
            with database.session() as db:
                outcomes.append(change_terms(db, clock, owner_id, 1, ceilings=limits).version)
        except TermsChanged as error:
            outcomes.append(error.extra["version"])

    threads = [threading.Thread(target=change, args=(days,)) for days in range(1, 7)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert outcomes == [2] * 6
    with database.read() as db:
        assert rows(db, owner_id) == [1, 2]


def test_changes_at_once_that_follow_each_other_are_all_kept(
    database: Database, clock: FixedClock
) -> None:
    with database.session() as db:
        owner_id = make_owner(db, clock).owner_id
    start = threading.Barrier(4)

    def change(days: int) -> None:
        limits: Ceilings = ceilings(usage=ceiling(duration_days=days))
        seen = 1
        start.wait()
        while True:
            try:
                with database.session() as db:
                    change_terms(db, clock, owner_id, seen, ceilings=limits)
                return
            except TermsChanged as error:
                seen = error.extra["version"]

    threads = [threading.Thread(target=change, args=(days,)) for days in range(1, 5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    with database.read() as db:
        assert rows(db, owner_id) == [1, 2, 3, 4, 5]
        usages = [one.terms.ceilings.categories["usage"] for one in list_versions(db, owner_id)]
        kept = {one.duration_days for one in usages}
    assert kept == {365, 1, 2, 3, 4}


def test_a_version_says_when(db: Session, owner_id: UUID, clock: FixedClock) -> None:
    for number in range(1, 4):
        clock.advance(timedelta(days=1))
        change_terms(
            db, clock, owner_id, number, ceilings=ceilings(usage=ceiling(history_days=number))
        )
    times = [at for one in list_versions(db, owner_id) if (at := one.terms.at) is not None]
    assert [a - b for a, b in pairwise(times)] == [DAY] * 3
