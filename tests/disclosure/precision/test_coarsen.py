"""What stretches of time come to: a table of cases for each kind of stream and of field."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.disclosure.precision.buckets import Size, Window
from app.disclosure.precision.coarsen import coarsen, coarser
from app.disclosure.precision.summaries import summary_told
from app.kit import jsonio
from app.objects.products import StreamInfo
from tests.disclosure.precision.logs import (
    AFTER,
    ALWAYS,
    DAY,
    HOUR,
    LATENESS,
    MINUTE,
    PARIS,
    Made,
    field,
    log_of,
    stream,
    utc,
)

WASH = stream("instant", field("t", unit="Cel"), field("mode", "string", enum=["eco", "fast"]))
WEAR = stream("interval", field("steps", "integer"))
METER = stream("counter", field("kwh", unit="kWh"))
NOON = utc("2026-11-02T11:00")
MIDNIGHT = utc("2026-11-02T23:00")  # of Paris, where the 3rd begins


def told(
    of: StreamInfo,
    *made: Made,
    size: Size = "day",
    window: Window = ALWAYS,
    now: datetime = AFTER,
    **more: Any,
) -> list[dict[str, Any]]:
    """Each stretch as it is told, under the day or hour of Paris on which it begins."""
    found = coarsen(log_of(made, now), of, size, PARIS, window, LATENESS, now, **more)
    answers = [jsonio.loads(jsonio.dumps(summary_told(one))) for one in found]
    for one, summary in zip(answers, found, strict=True):
        local = summary.bucket.start.astimezone(PARIS)
        one["start"] = local.strftime("%m-%d" if size != "hour" else "%m-%dT%H%z")
        del one["end"]
    return answers


def test_numbers_are_summed_as_they_are_written() -> None:
    made = [Made(NOON, values={"t": t}) for t in (0.1, 0.2, 30)]
    assert told(WASH, *made) == [
        {
            "start": "11-02",
            "count": 3,
            "values": {"t": {"sum": 30.3, "min": 0.1, "max": 30, "mean": 10.1}},
        }
    ]


def test_value_that_some_records_lack_has_its_own_count() -> None:
    made = [Made(NOON, values={"t": 30, "mode": "eco"}), Made(NOON, values={"mode": "eco"})]
    values = told(WASH, *made)[0]["values"]
    assert values == {
        "t": {"sum": 30, "min": 30, "max": 30, "mean": 30, "count": 1},
        "mode": {"counts": {"eco": 2}},
    }


def test_texts_leave_only_where_their_field_lists_them() -> None:
    of = stream("instant", field("note", "string"), field("mode", "string", enum=["eco"]))
    made = Made(NOON, values={"note": "at Ann's", "mode": "unlisted", "more": 3})
    assert told(of, made) == [{"start": "11-02", "count": 1}]


def test_truths_are_counted() -> None:
    of = stream("instant", field("spun", "boolean"), field("t"))
    made = [Made(NOON, values={"spun": spun}) for spun in (True, False, True)]
    assert told(of, *made)[0]["values"] == {"spun": {"true": 2}}
    assert told(of, *made, Made(NOON, values={"t": 1}))[0]["values"]["spun"] == {
        "true": 2,
        "count": 3,
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([90], {"increase": 0, "min": 90, "max": 90, "first": 90, "last": 90}),
        ([90, 95, 95, 100], {"increase": 10, "min": 90, "max": 100, "first": 90, "last": 100}),
        ([90, 100, 6, 8], {"increase": 18, "min": 6, "max": 100, "first": 90, "last": 8}),
        ([0.1, 0.3], {"increase": 0.2, "min": 0.1, "max": 0.3, "first": 0.1, "last": 0.3}),
        ([5, -3, -1], {"increase": 2, "min": -3, "max": 5, "first": 5, "last": -1}),
    ],
)
def test_counter_tells_how_far_it_went_up(values: list[float], expected: dict[str, Any]) -> None:
    made = [Made(NOON + n * MINUTE, values={"kwh": value}) for n, value in enumerate(values)]
    assert told(METER, *made)[0]["values"] == {"kwh": expected}


def test_counter_steps_within_a_stretch_only_and_weeks_of_days_bridge_them() -> None:
    made = [
        Made(MIDNIGHT - HOUR, values={"kwh": 10}),
        Made(MIDNIGHT + HOUR, values={"kwh": 14}),
        Made(MIDNIGHT + 2 * HOUR, values={"kwh": 15}),
    ]
    days = coarsen(log_of(made), METER, "day", PARIS, ALWAYS, LATENESS, AFTER)
    increases = [summary_told(one)["values"]["kwh"]["increase"] for one in days]
    assert increases == [0, 1]
    week = coarser(days, "day", "week", PARIS, ALWAYS, LATENESS, AFTER)
    assert [summary_told(one)["values"]["kwh"]["increase"] for one in week] == [5]


def test_interval_over_midnight_shares_its_minutes_and_counts_where_it_began() -> None:
    made = Made(MIDNIGHT - 2 * HOUR, MIDNIGHT + 30 * MINUTE, {"steps": 40})
    values = {"steps": {"sum": 40, "min": 40, "max": 40, "mean": 40}}
    assert told(WEAR, made) == [
        {"start": "11-02", "count": 1, "minutes": 120, "values": values},
        {"start": "11-03", "count": 0, "minutes": 30},
    ]


@pytest.mark.parametrize(
    ("noon", "hours"), [("2026-03-29T10:00", [12, 23, 12]), ("2026-10-25T11:00", [12, 25, 12])]
)
def test_days_on_which_clocks_change_hold_what_they_last(noon: str, hours: list[int]) -> None:
    middle = utc(noon)
    start = middle.astimezone(PARIS).replace(day=middle.day - 1)
    end = middle.astimezone(PARIS).replace(day=middle.day + 1)
    made = Made(start, end, {"steps": 1}, received=start)
    assert [one["minutes"] / 60 for one in told(WEAR, made)] == hours


def test_hours_that_come_twice_are_two() -> None:
    made = [Made(utc(at), values={"t": 1}) for at in ("2026-10-25T00:30", "2026-10-25T01:30")]
    starts = [one["start"] for one in told(WASH, *made, size="hour")]
    assert starts == ["10-25T02+0200", "10-25T02+0100"]


def test_part_of_a_minute_is_told_exactly() -> None:
    made = Made(MIDNIGHT - timedelta(seconds=45), MIDNIGHT + timedelta(seconds=20), {"steps": 1})
    assert [one["minutes"] for one in told(WEAR, made)] == [0.75, 1 / 3]


def test_interval_that_began_outside_the_window_counts_nowhere() -> None:
    made = [
        Made(MIDNIGHT - HOUR, MIDNIGHT + HOUR, {"steps": 40}),
        Made(MIDNIGHT + DAY - HOUR, MIDNIGHT + DAY + HOUR, {"steps": 2}),
    ]
    starts = [(one["start"], one["minutes"]) for one in told(WEAR, *made, window=(MIDNIGHT, None))]
    assert starts == [("11-03", 60), ("11-04", 60)]


def test_interval_that_began_in_a_cut_stretch_of_the_window_counts_in_the_next() -> None:
    made = Made(MIDNIGHT - HOUR, MIDNIGHT + HOUR, {"steps": 40})
    window = (MIDNIGHT - 2 * HOUR, MIDNIGHT + DAY)
    assert told(WEAR, made, window=window) == [{"start": "11-03", "count": 0, "minutes": 60}]


def test_stretches_cut_by_the_window_are_not_told() -> None:
    made = [Made(MIDNIGHT + n * DAY + HOUR, values={"t": n}) for n in range(4)]
    window = (MIDNIGHT + MINUTE, MIDNIGHT + 3 * DAY + 20 * HOUR)
    assert [one["start"] for one in told(WASH, *made, window=window)] == ["11-04", "11-05"]


def test_running_stretch_is_not_told_until_its_lateness_is_over() -> None:
    made = Made(MIDNIGHT - HOUR, values={"t": 1})
    release = MIDNIGHT + LATENESS
    assert told(WASH, made, now=release - MINUTE) == []
    assert len(told(WASH, made, now=release)) == 1


@pytest.mark.parametrize(("late", "count"), [(-MINUTE, 2), (0 * MINUTE, 1), (DAY, 1)])
def test_late_record_does_not_reopen_a_stretch(late: timedelta, count: int) -> None:
    late_at = MIDNIGHT + LATENESS + late
    made = [Made(NOON, values={"t": 1}), Made(NOON, values={"t": 2}, received=late_at)]
    assert [one["count"] for one in told(WASH, *made)] == [count]


def test_interval_too_late_for_the_day_it_began_on_counts_on_the_next() -> None:
    late = MIDNIGHT + LATENESS
    made = Made(MIDNIGHT - HOUR, MIDNIGHT + HOUR, {"steps": 40}, late)
    assert told(WEAR, made) == [{"start": "11-03", "count": 0, "minutes": 60}]


@pytest.mark.parametrize(
    ("received", "total"),
    [(NOON, 2), (MIDNIGHT + LATENESS - MINUTE, 2), (MIDNIGHT + LATENESS, 1), (AFTER - DAY, 1)],
)
def test_correction_in_time_takes_the_originals_place(received: datetime, total: int) -> None:
    made = [
        Made(NOON, values={"t": 1}, name="a"),
        Made(NOON, values={"t": 2}, corrects="a", received=received),
    ]
    assert [one["values"]["t"]["sum"] for one in told(WASH, *made)] == [total]


def test_of_two_corrections_the_first_decides_and_all_in_time_stand() -> None:
    late = MIDNIGHT + LATENESS
    made = [
        Made(NOON, values={"t": 1}, name="a"),
        Made(NOON, values={"t": 8}, name="c", corrects="a", received=late),
        Made(NOON, values={"t": 2}, name="b", corrects="a"),
        Made(NOON, values={"t": 4}, corrects="b", received=late),
    ]
    assert [one["values"]["t"]["sum"] for one in told(WASH, *made)] == [2]


def test_correction_that_moves_a_record_takes_it_out_of_its_day() -> None:
    made = [
        Made(NOON, values={"t": 1}, name="a"),
        Made(NOON + DAY, values={"t": 2}, corrects="a", received=NOON + HOUR),
    ]
    assert [one["start"] for one in told(WASH, *made)] == ["11-03"]


def test_correction_outside_the_window_still_takes_the_original_out() -> None:
    made = [
        Made(NOON, values={"t": 1}, name="a"),
        Made(NOON - 9 * DAY, values={"t": 2}, corrects="a", received=NOON),
    ]
    assert told(WASH, *made, window=(MIDNIGHT - DAY, None)) == []


def test_corrected_record_whose_correction_is_gone_is_left_out() -> None:
    row = Made(NOON, values={"t": 1}, name="a").as_row(0, is_corrected=True)
    assert coarsen([row], WASH, "day", PARIS, ALWAYS, LATENESS, AFTER) == []


def test_record_with_a_wrong_clock_counts_where_it_is_placed_without_length() -> None:
    wrong = Made(utc("1970-01-01T00:00"), NOON, {"steps": 7}, NOON, NOON, flags="clock backfill")
    assert told(WEAR, wrong) == [
        {
            "start": "11-02",
            "count": 1,
            "minutes": 0,
            "values": {"steps": {"sum": 7, "min": 7, "max": 7, "mean": 7}},
        }
    ]


def test_records_of_another_stream_are_passed_over() -> None:
    other = Made(NOON, values={"t": 1}, name="a").as_row(0, name="other")
    fix = Made(NOON, values={"t": 1}, corrects="b").as_row(1, name="other")
    one = Made(NOON, values={"t": 1}, name="b").as_row(2)
    found = coarsen([other, fix, one], WASH, "day", PARIS, ALWAYS, LATENESS, AFTER)
    assert [summary.count for summary in found] == [1]


PLACES = stream(
    "instant",
    field("lat", unit="lat"),
    field("lon", unit="lon"),
    field("alt", unit="m"),
    field("speed", unit="m/s"),
)


def test_places_are_counted_in_squares_and_never_summed() -> None:
    here = {"lat": 48.8584, "lon": 2.2945, "alt": 35, "speed": 1}
    made = [
        Made(NOON, values=here),
        Made(NOON, values=here | {"lat": 48.8585}),
        Made(NOON, values=here | {"lat": 45.7}),
        Made(NOON, values={"lat": 45.7, "speed": 5}),
    ]
    day = told(PLACES, *made, place="10 km")[0]
    assert [one["count"] for one in day["cells"]] == [1, 2]
    assert day["values"] == {"speed": {"sum": 8, "min": 1, "max": 5, "mean": 2}}


def test_exact_places_are_told_no_finer_than_a_kilometre() -> None:
    made = Made(NOON, values={"lat": 48.8584, "lon": 2.2945})
    exact = told(PLACES, made, place="exact")
    assert exact == told(PLACES, made, place="1 km") == told(PLACES, made)
    assert exact != told(PLACES, made, place="10 km")


def test_sums_beyond_what_readers_of_json_keep_are_the_nearest_they_do() -> None:
    of = stream("instant", field("t", "integer"))
    most = jsonio.MAX_INTEGER
    made = [Made(NOON, values={"t": most}), Made(NOON, values={"t": most})]
    found = coarsen(log_of(made), of, "day", PARIS, ALWAYS, LATENESS, AFTER)
    total = summary_told(found[0])["values"]["t"]
    assert total == {"sum": float(2 * most), "min": most, "max": most, "mean": most}
    assert json.loads(json.dumps(total["sum"], allow_nan=False)) == 2 * most
    small = [Made(NOON, values={"t": t}) for t in (1e100, 1, -1e100, 5e-324)]
    found = coarsen(log_of(small), of, "day", PARIS, ALWAYS, LATENESS, AFTER)
    assert summary_told(found[0])["values"]["t"]["sum"] == 1.0


@pytest.mark.parametrize(
    ("granted", "asked"),
    [("day", "hour"), ("week", "day"), ("week", "month"), ("month", "week"), ("month", "hour")],
)
def test_sizes_that_do_not_fit_are_refused(granted: Size, asked: Size) -> None:
    with pytest.raises(ValueError, match=asked):
        coarser([], granted, asked, PARIS, ALWAYS, LATENESS, AFTER)
