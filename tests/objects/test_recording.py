"""Pauses and how long records are kept: what an owner may say of a stream, and who that binds."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from app.kit.clock import FixedClock
from app.kit.errors import NotFound
from app.kit.ids import new_id
from app.objects import recording
from app.objects.errors import KeepTooLong, TooManyPauses, UnknownStreamName
from app.objects.models import Tenure
from app.objects.recording import choose_keep_days, pause, pauses_of, resume
from tests.factories import objects as things

HOUR = timedelta(hours=1)
STREAMS = [
    things.stream_body("wash", "care", [things.field_body("temperature", "Cel")]),
    things.stream_body("fit", "body", [things.field_body("tension", "N")]) | {"keep_days": 90},
]


@pytest.fixture
def tenure(db: Session, clock: FixedClock) -> Tenure:
    maker = things.make_maker(db, clock)
    product = things.make_product(db, clock, maker, streams=STREAMS)
    made = things.make_object(db, clock, product)
    return things.make_tenure(db, clock, made.object_id)


def ids(tenure: Tenure) -> tuple[UUID, UUID]:
    return tenure.owner_id, tenure.object_id


def told(tenure: Tenure) -> list[tuple[str | None, bool]]:
    """Each pause, the newest first: of which stream, and whether it lasts."""
    return [(one.stream, one.to is None) for one in pauses_of(tenure.pauses)]


def test_a_pause_lasts_until_it_is_resumed(db: Session, clock: FixedClock, tenure: Tenure) -> None:
    pause(db, clock, *ids(tenure), "wash")
    started = clock.now()
    clock.advance(HOUR)
    pause(db, clock, *ids(tenure), "wash")
    assert told(tenure) == [("wash", True)]
    resume(db, clock, *ids(tenure), "wash")
    clock.advance(HOUR)
    resume(db, clock, *ids(tenure), "wash")
    (one,) = pauses_of(tenure.pauses)
    assert (one.from_, one.to) == (started, started + HOUR)


def test_resuming_a_stream_ends_no_other_pause(
    db: Session, clock: FixedClock, tenure: Tenure
) -> None:
    for stream in ("wash", "fit", None):
        pause(db, clock, *ids(tenure), stream)
        clock.advance(HOUR)
    resume(db, clock, *ids(tenure), "wash")
    assert told(tenure) == [(None, True), ("fit", True), ("wash", False)]
    resume(db, clock, *ids(tenure), None)
    assert told(tenure) == [(None, False), ("fit", False), ("wash", False)]


def test_days_are_shorter_than_the_makers_or_as_the_maker_says(db: Session, tenure: Tenure) -> None:
    choose_keep_days(db, *ids(tenure), "fit", 90)
    choose_keep_days(db, *ids(tenure), "wash", 36_500)
    assert tenure.keep_days == {"fit": 90, "wash": 36_500}
    with pytest.raises(KeepTooLong, match="90 days"):
        choose_keep_days(db, *ids(tenure), "fit", 91)
    choose_keep_days(db, *ids(tenure), "fit", None)
    assert tenure.keep_days == {"wash": 36_500}


def test_nobody_else_and_no_earlier_owner_decides(
    db: Session, clock: FixedClock, tenure: Tenure
) -> None:
    owner_id, object_id = ids(tenure)

    def try_all(owner: UUID, thing: UUID) -> None:
        for act in (pause, resume):
            with pytest.raises(NotFound):
                act(db, clock, owner, thing, "wash")
        with pytest.raises(NotFound):
            choose_keep_days(db, owner, thing, "wash", 3)

    try_all(new_id(), object_id)
    try_all(owner_id, new_id())
    tenure.ended_at = clock.now()
    db.flush()
    try_all(owner_id, object_id)
    assert (tenure.pauses, tenure.keep_days) == (None, None)


def test_a_stream_that_is_none_is_refused(db: Session, clock: FixedClock, tenure: Tenure) -> None:
    for act in (pause, resume):
        with pytest.raises(UnknownStreamName):
            act(db, clock, *ids(tenure), "nothing")
    with pytest.raises(UnknownStreamName):
        choose_keep_days(db, *ids(tenure), "nothing", 3)


def test_pauses_come_to_an_end(
    db: Session, clock: FixedClock, tenure: Tenure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_MOST_PAUSES", 2)
    for _ in range(2):
        pause(db, clock, *ids(tenure), "wash")
        resume(db, clock, *ids(tenure), "wash")
    with pytest.raises(TooManyPauses):
        pause(db, clock, *ids(tenure), "wash")
