"""How often something may be read: pure rules, held against a list of all the readings."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.consent.asked import wider_terms
from app.consent.errors import OverCount, TooFrequent
from app.consent.limits import (
    PERIODS,
    Frequency,
    Limits,
    Used,
    fault,
    limits_of,
    once_more,
    wider,
    written,
)

HOURLY = Limits(9, Frequency(1, "hour"))
START = datetime(2026, 11, 26, 9, tzinfo=UTC)

frequencies = st.builds(Frequency, st.integers(1, 5), st.sampled_from(sorted(PERIODS)))
limits = st.builds(Limits, st.none() | st.integers(1, 8), st.none() | frequencies).filter(
    lambda one: one != Limits()
)
times = st.lists(st.integers(0, 60 * 24 * 40), max_size=25).map(
    lambda minutes: [START + timedelta(minutes=m) for m in sorted(minutes)]
)


def taken(rule: Limits, asked: list[datetime]) -> list[datetime]:
    """The readings that are let through."""
    used, found = Used(), []
    for now in asked:
        if fault(rule, used, now) is None:
            used = once_more(rule, used, now)
            found.append(now)
    assert used.count == len(found)
    return found


def keeps(rule: Limits, readings: list[datetime]) -> bool:
    """Whether so many readings, and no span of the period with more, by looking at all of them."""
    if rule.count is not None and len(readings) > rule.count:
        return False
    if rule.frequency is None:
        return True
    period, most = rule.frequency.period, rule.frequency.count
    return all(
        sum(start <= other < start + period for other in readings) <= most for start in readings
    )


@given(limits, times)
def test_what_is_let_through_keeps_to_the_limits(rule: Limits, asked: list[datetime]) -> None:
    assert keeps(rule, taken(rule, asked))


@given(limits, times)
def test_nothing_is_refused_that_would_have_kept_to_them(
    rule: Limits, asked: list[datetime]
) -> None:
    used, before = Used(), []
    for now in asked:
        is_fine = fault(rule, used, now) is None
        assert is_fine == keeps(rule, [*before, now])
        if is_fine:
            used = once_more(rule, used, now)
            before.append(now)
            assert rule.frequency is None or len(used.recent) <= rule.frequency.count


@given(limits, times)
def test_refusal_tells_when_it_ends(rule: Limits, asked: list[datetime]) -> None:
    used = Used()
    for now in asked:
        found = fault(rule, used, now)
        if isinstance(found, TooFrequent):
            wait = timedelta(seconds=found.extra["retry_after"])
            assert wait > timedelta(0)
            assert fault(rule, used, now + wait) is None
            assert fault(rule, used, now + wait - timedelta(seconds=1)) is not None
        if found is None:
            used = once_more(rule, used, now)


@given(limits, limits, times)
def test_wider_of_two_counts_lets_through_what_either_does(
    one: Limits, other: Limits, asked: list[datetime]
) -> None:
    both = wider(one, other)
    if both is None:
        return
    assert keeps(both, taken(other, asked)) or _is_a_matter_of_taste(one, other)
    assert keeps(both, taken(one, asked))


def _is_a_matter_of_taste(one: Limits, other: Limits) -> bool:
    """Four a day and ten a week: neither gives what the other does."""
    assert one.frequency is not None
    assert other.frequency is not None
    return one.frequency.per != other.frequency.per


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Limits(3), Limits(5), Limits(5)),
        (Limits(3), Limits(None, Frequency(1, "day")), None),
        (Limits(3), None, None),
        (Limits(9, Frequency(1, "day")), Limits(9, Frequency(1, "hour")), HOURLY),
        (HOURLY, Limits(9, Frequency(24, "day")), Limits(9, Frequency(24, "day"))),
        (Limits(9, Frequency(23, "day")), HOURLY, Limits(9, Frequency(23, "day"))),
        (
            Limits(9, Frequency(5, "week")),
            Limits(9, Frequency(5, "day")),
            Limits(9, Frequency(5, "day")),
        ),
    ],
)
def test_wider_of_two(one: Limits, other: Limits | None, both: Limits | None) -> None:
    assert wider(one, other) == both


@given(limits)
def test_terms_hold_what_was_said(rule: Limits) -> None:
    assert limits_of({"limits": written(rule)}) == rule


def test_count_used_up_is_told_before_how_soon() -> None:
    rule = Limits(1, Frequency(1, "day"))
    used = once_more(rule, Used(), START)
    assert isinstance(fault(rule, used, START), OverCount)


def test_terms_of_both_keep_the_longer_and_the_more() -> None:
    one = {"retention": "P30D", "limits": {"count": 5}}
    other = {"retention": "P100D", "limits": {"single_use": True}}
    assert wider_terms(one, other) == {"retention": "P100D", "limits": {"count": 5}}
    assert wider_terms(one, None) is None
    assert wider_terms(one, {"retention": "P9D"}) == {"retention": "P30D"}
