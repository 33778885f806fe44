"""The table of cases: where a record stands in time, or why it has no place."""

from datetime import UTC, datetime, timedelta

import pytest

from app.kit.ids import new_id
from app.usage.entry import to_micros
from app.usage.errors import ClockUntrusted, OutsideTenure, RecordingPaused
from app.usage.place import Frame, Place, check_pauses, place

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
REGISTERED, STARTS, CLAIMED = NOW - 20 * DAY, NOW - 10 * DAY, NOW - 2 * DAY
FRAME = Frame(NOW, NOW + 5 * MINUTE, REGISTERED, new_id(), STARTS, CLAIMED)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "until", "expected"),
    [
        (NOW - DAY, None, Place(NOW - DAY, "")),
        (NOW + 5 * MINUTE, None, Place(NOW + 5 * MINUTE, "")),
        (CLAIMED, None, Place(CLAIMED, "")),
        (CLAIMED - MINUTE, None, Place(CLAIMED - MINUTE, "backfill")),
        (CLAIMED - MINUTE, CLAIMED + MINUTE, Place(CLAIMED - MINUTE, "backfill")),
        (STARTS, None, Place(STARTS, "backfill")),
        (NOW + 6 * MINUTE, None, Place(NOW, "clock")),
        (NOW, NOW + 6 * MINUTE, Place(NOW, "clock")),
        (NOW + 3650 * DAY, None, Place(NOW, "clock")),
        (EPOCH, None, Place(NOW, "clock")),
        (EPOCH, NOW, Place(NOW, "clock")),
        (REGISTERED - MINUTE, None, Place(NOW, "clock")),
    ],
)
def test_record_is_placed(at: datetime, until: datetime | None, expected: Place) -> None:
    assert place(at, until, FRAME, is_unheard=False) == expected


@pytest.mark.parametrize("at", [REGISTERED, STARTS - timedelta(microseconds=1)])
def test_record_from_before_the_tenure_has_no_place(at: datetime) -> None:
    with pytest.raises(OutsideTenure):
        place(at, NOW, FRAME, is_unheard=False)


@pytest.mark.parametrize("until", [NOW + 6 * MINUTE, NOW + 3650 * DAY])
@pytest.mark.parametrize("is_unheard", [False, True])
def test_a_wrong_end_brings_no_earlier_owners_record_in(until: datetime, is_unheard: bool) -> None:
    for at in (REGISTERED, STARTS - timedelta(microseconds=1)):
        with pytest.raises(OutsideTenure):
            place(at, until, FRAME, is_unheard=is_unheard)


def test_registration_counts_also_where_the_tenure_starts_earlier() -> None:
    late = Frame(NOW, NOW, NOW - DAY, FRAME.tenure_id, STARTS, CLAIMED)
    assert place(NOW - DAY, None, late, is_unheard=False) == Place(NOW - DAY, "")
    assert place(NOW - DAY - MINUTE, None, late, is_unheard=False) == Place(NOW, "clock")


@pytest.mark.parametrize("at", [EPOCH, NOW + DAY])
def test_wrong_clock_is_refused_when_the_object_changed_hands_unheard(at: datetime) -> None:
    with pytest.raises(ClockUntrusted):
        place(at, None, FRAME, is_unheard=True)


def test_right_time_is_placed_also_after_a_change_of_hands() -> None:
    assert place(NOW, None, FRAME, is_unheard=True) == Place(NOW, "")


@pytest.mark.parametrize(
    ("begin", "end", "is_refused"),
    [
        (-1, None, False),
        (0, None, True),
        (9, None, True),
        (10, None, False),
        (-2, -1, False),
        (-2, 0, False),  # it ends as the pause begins
        (-2, 1, True),
        (-2, 12, True),  # it covers the pause
        (0, 0, True),
        (3, 5, True),
        (9, 20, True),
        (10, 20, False),
    ],
)
def test_what_reaches_into_a_pause_is_refused(
    begin: int, end: int | None, is_refused: bool
) -> None:
    start = NOW - DAY
    pauses = [["wear", to_micros(start), to_micros(start + 10 * MINUTE)]]
    at, until = start + begin * MINUTE, None if end is None else start + end * MINUTE
    check_pauses("wash", at, until, pauses)
    if is_refused:
        for name in ("wear", "*"):
            with pytest.raises(RecordingPaused):
                check_pauses("wear", at, until, [[name, *pauses[0][1:]]])
    else:
        check_pauses("wear", at, until, pauses)


def test_a_pause_that_lasts_refuses_everything() -> None:
    for at in (NOW - 9 * DAY, NOW):
        with pytest.raises(RecordingPaused):
            check_pauses("wear", at, None, [["*", to_micros(NOW), None]])
