"""Plots: scales that read well, gaps that show, markup that is safe."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup

from app.web import words
from app.web.format import Formatter, unit_words
from app.web.object_plots import Amount, Period, _amount_axis, _span, _tick
from app.web.plots.bars import Bar, bar_plot
from app.web.plots.dots import Dot, Span, dot_plot
from app.web.plots.heat import HeatDay, heat_map
from app.web.plots.places import count_cells, place_bars
from app.web.plots.scales import NARROW, WIDE, Axis, nice_ticks, short_number, thin
from app.web.plots.small import sparkline, tape

START = datetime(2026, 11, 1, tzinfo=UTC)
SPAN = Span(START, START + timedelta(days=10), [(START, "1 Nov")])
BERLIN = Formatter(datetime(2026, 11, 23, 9, 0, tzinfo=UTC), ZoneInfo("Europe/Berlin"))


def read(drawn: Markup) -> ET.Element:
    return ET.fromstring(f"<div>{drawn}</div>")


def of_class(drawn: Markup, name: str) -> list[ET.Element]:
    return [e for e in read(drawn).iter() if name in e.get("class", "").split()]


@given(
    st.floats(-1e9, 1e9, allow_nan=False),
    st.floats(0, 1e9, allow_nan=False),
    st.integers(2, 8),
)
def test_nice_ticks_enclose_the_values(low: float, span: float, count: int) -> None:
    ticks = nice_ticks(low, low + span, count)
    slack = 1e-6 * max(1.0, abs(low), abs(span))
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack
    assert 2 <= len(set(ticks)) == len(ticks) <= 2 * count + 2
    assert ticks == sorted(ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 100, [0, 25, 50, 75, 100]),
        (0, 7, [0, 2, 4, 6, 8]),
        (4, 4, [4, 5, 6, 7, 8]),
        (0, 2e-10, [0, 5e-11, 1e-10, 1.5e-10, 2e-10]),
    ],
)
def test_nice_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == ticks


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (1, [0, 1]),
        (2, [0, 1, 2]),
        (3, [0, 1, 2, 3]),
        (10, [0, 5, 10]),
        (90, [0, 25, 50, 75, 100]),
        (1.5, [0, 1, 2]),
    ],
)
def test_counts_have_whole_steps(high: float, ticks: list[float]) -> None:
    assert nice_ticks(0, high, is_whole=True) == ticks


@example(-6.103515625e-05, 1e6, 4)
@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(2, 8))
def test_whole_steps_enclose_the_values(low: float, span: float, count: int) -> None:
    ticks = nice_ticks(low, low + span, count, is_whole=True)
    assert all(tick == round(tick) for tick in ticks)
    assert ticks[0] <= low + 1e-6
    assert ticks[-1] >= low + span - 1e-6


def numbers(drawn: Markup) -> list[str]:
    """The value axis of the drawing for desks, from the bottom up."""
    texts = [str(e.text) for e in of_class(drawn, "plot-num")]
    return texts[: len(texts) // 2]


@pytest.mark.parametrize(
    ("values", "axis", "shown"),
    [
        ([30.0], Axis("°C"), ["0", "10", "20", "30"]),
        ([195.0], Axis("minutes", from_zero=True), ["0", "50", "100", "150", "200"]),
        ([1.0], Axis("faults", is_whole=True), ["0", "1"]),
        ([0.0], Axis("faults", is_whole=True), ["0", "1"]),
        ([-5.0], Axis("°C"), ["-6", "-4", "-2", "0"]),
        ([-5.0, 10.0], Axis("°C"), ["-10", "-5", "0", "5", "10", "15"]),
        ([227.0, 229.0], Axis("runs", is_whole=True), ["226", "227", "228", "229", "230"]),
        ([90.0, 100.0], Axis("minutes", from_zero=True), ["0", "25", "50", "75", "100"]),
    ],
)
def test_dots_have_a_sensible_axis(values: list[float], axis: Axis, shown: list[str]) -> None:
    dots = [Dot(START + timedelta(days=n), value) for n, value in enumerate(values)]
    drawn = dot_plot("p", "t", "d", dots, SPAN, axis)
    assert numbers(drawn) == shown
    assert [e.text for e in of_class(drawn, "plot-unit")] == [axis.unit, axis.unit]
    has_zero = "0" in shown
    assert bool(of_class(drawn, "plot-stem")) == has_zero  # a stem is as long as its value


def test_bars_name_their_unit_and_count_in_whole_numbers() -> None:
    drawn = bar_plot("p", "t", "d", [Bar(2.0)], Axis("runs", is_whole=True))
    assert numbers(drawn) == ["0", "1", "2"]
    assert [e.text for e in of_class(drawn, "plot-unit")] == ["runs", "runs"]
    top = min(float(e.get("y", "")) for e in of_class(drawn, "plot-num"))
    assert float(of_class(drawn, "plot-unit")[0].get("y", "")) < top - 12  # a line of its own


@pytest.mark.parametrize(
    ("unit", "longest", "factor", "named"),
    [
        ("min", 195.0, 1 / 60, "hours"),
        ("min", 25.0, 1.0, "minutes"),
        ("h", 0.5, 60.0, "minutes"),
        ("s", 7200.0, 1 / 3600, "hours"),
        ("s", 40.0, 1.0, "seconds"),
        ("min", 0.0, 1.0, "minutes"),
        ("Wh", 800.0, 1.0, "Wh"),
        ("count", 9.0, 1.0, "steps"),
    ],
)
def test_amounts_have_an_axis_in_a_fitting_unit(
    unit: str, longest: float, factor: float, named: str
) -> None:
    found, axis = _amount_axis(Amount("f", "Steps", unit), [None, longest])
    assert (found, axis.unit, axis.from_zero) == (pytest.approx(factor), named, True)


def test_labels_keep_their_distance() -> None:
    assert thin([0, 10, 20, 50, 55], 20) == [0, 2, 3]
    assert thin([], 20) == []


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.5, "0.5"), (1200.0, "1.2k"), (2e6, "2M"), (12.25, "12.25")]
)
def test_short_numbers(value: float, text: str) -> None:
    assert short_number(value) == text


def test_bars_are_drawn_for_desk_and_phone() -> None:
    drawn = read(bar_plot("p", "Worn", "Minutes", [Bar(1.0, "a"), Bar(2.0, "b")]))
    assert [svg.get("viewBox") for svg in drawn] == [
        f"0 0 {WIDE.width} {WIDE.height}",
        f"0 0 {NARROW.width} {NARROW.height}",
    ]
    ids = [e.get("id") for e in drawn.iter() if e.get("id")]
    assert len(ids) == len(set(ids)) == 4


def test_a_gap_is_not_zero() -> None:
    zero = bar_plot("p", "t", "d", [Bar(5.0), Bar(0.0), Bar(5.0)])
    gap = bar_plot("p", "t", "d", [Bar(5.0), Bar(None), Bar(5.0)])
    assert of_class(zero, "plot-gap") == []
    assert len(of_class(gap, "plot-gap")) == 2
    bars = [e.get("d", "").count("M") for e in of_class(zero, "plot-bar")]
    assert bars == [3, 3]
    assert [e.get("d", "").count("M") for e in of_class(gap, "plot-bar")] == [2, 2]


def test_neighbouring_gaps_are_one_stitch() -> None:
    drawn = bar_plot("p", "t", "d", [Bar(None), Bar(None), Bar(1.0), Bar(None)])
    assert of_class(drawn, "plot-gap")[0].get("d", "").count("M") == 2


@pytest.mark.parametrize("bars", [[], [Bar(None)], [Bar(0.0)]])
def test_bars_of_little(bars: list[Bar]) -> None:
    assert len(list(read(bar_plot("p", "t", "d", bars)))) == 2


def test_a_line_breaks_at_a_pause() -> None:
    dots = [Dot(START + timedelta(hours=h), 1.0 + h) for h in (0, 1, 2, 20, 21)]
    drawn = dot_plot("p", "t", "d", dots, SPAN, join_within=timedelta(hours=2))
    assert of_class(drawn, "plot-line")[0].get("d", "").count("M") == 2


def xs(path: str) -> list[float]:
    return [float(x) for x in re.findall(r"M([0-9.]+)", path)]


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Europe/Paris", date(2026, 11, 17)),
        ("Europe/Paris", date(2026, 10, 22)),  # clocks change on the 25th
        ("Europe/Paris", date(2026, 3, 26)),  # and on the 29th
        ("America/St_Johns", date(2026, 11, 17)),
    ],
)
def test_a_dot_stands_in_its_own_day(zone: str, first: date) -> None:
    """Every hour of a week, held against the borders of its day and the label between them."""
    owner_zone = ZoneInfo(zone)
    week = Period("week", first, first + timedelta(days=6))
    span = _span(week, owner_zone)
    start = datetime.combine(first, time.min, owner_zone).astimezone(UTC)
    hours = [start + timedelta(hours=n) for n in range(7 * 24 - 1)]
    drawn = dot_plot("p", "t", "d", [Dot(at, 1.0) for at in hours], span)
    half = len(of_class(drawn, "plot-dot")) // 2
    borders = xs(of_class(drawn, "plot-border")[0].get("d", ""))
    assert len(borders) == 6
    edges = [WIDE.left, *borders, WIDE.width - WIDE.right]
    labels = of_class(drawn, "plot-lab")[:7]
    for number, label in enumerate(labels):
        middle = (edges[number] + edges[number + 1]) / 2
        assert float(label.get("x", "")) == pytest.approx(middle, abs=0.2)
        assert str(label.text) == f"{first + timedelta(days=number):%a %-d}"
    for at, dot in zip(hours, of_class(drawn, "plot-dot")[:half], strict=True):
        day = (at.astimezone(owner_zone).date() - first).days
        x = float(dot.get("cx", ""))
        assert edges[day] - 0.1 <= x <= edges[day + 1] + 0.1


def test_a_month_of_dots_reads_like_a_month_of_bars() -> None:
    month = Period("month", date(2026, 11, 1), date(2026, 11, 30))
    at = datetime(2026, 11, 22, 14, 54, tzinfo=UTC)
    dots = dot_plot("p", "t", "d", [Dot(at, 1.0)], _span(month, BERLIN.zone))
    days = [month.first + timedelta(days=n) for n in range(30)]
    bars = bar_plot("p", "t", "d", [Bar(1.0, _tick(day, month)) for day in days])
    places = [
        [(e.text, float(e.get("x", ""))) for e in of_class(drawn, "plot-lab")]
        for drawn in (dots, bars)
    ]
    for (name, x), (other, y) in zip(*places, strict=True):
        assert name == other
        assert x == pytest.approx(y, abs=0.1)


def test_a_dot_of_a_wrong_clock_is_hollow() -> None:
    drawn = dot_plot("p", "t", "d", [Dot(START, 1.0), Dot(START, 2.0, is_placed=True)], SPAN)
    assert len(of_class(drawn, "plot-placed")) == 2
    assert len(of_class(drawn, "plot-dot")) == 4


def test_dots_stay_inside() -> None:
    dots = [Dot(START - timedelta(days=9), 3.0), Dot(START + timedelta(days=99), 4.0)]
    places = [
        float(e.get("cx", "")) for e in of_class(dot_plot("p", "t", "d", dots, SPAN), "plot-dot")
    ]
    assert min(places) >= NARROW.left
    assert max(places) <= WIDE.width


def test_a_year_tells_gaps_from_quiet_days() -> None:
    days = [
        HeatDay(date(2026, 1, 1) + timedelta(days=i), v) for i, v in enumerate([None, 0.0, 9.0])
    ]
    drawn = heat_map("p", "t", "d", days, BERLIN.month, BERLIN.weekday)
    assert len(of_class(drawn, "heat-gap")) == len(of_class(drawn, "heat-0")) == 2
    assert len(of_class(drawn, "heat-4")) == 2
    assert heat_map("p", "t", "d", [], BERLIN.month, BERLIN.weekday) == ""


@pytest.mark.parametrize("count", [10, 120, 366])
def test_a_year_has_its_size_whatever_part_of_it_is_drawn(count: int) -> None:
    """A drawing of a few weeks that filled the page would have names as large as headings."""
    days = [HeatDay(date(2026, 1, 1) + timedelta(days=i), 1.0) for i in range(count)]
    drawn = heat_map("p", "t", "d", days, BERLIN.month, BERLIN.weekday)
    widths = [float(e.get("viewBox", "").split()[2]) for e in of_class(drawn, "plot")]
    assert widths[0] == pytest.approx(WIDE.width, rel=0.05)
    assert widths[1] == pytest.approx(NARROW.width, rel=0.05)
    names = [str(e.text) for e in of_class(drawn, "plot-num")]
    rows = -(-(count + 3) // 7 // 27)
    assert names == ["Mon", "Wed", "Fri", "Sun"] * (1 + rows)
    squares = [x for e in of_class(drawn, "heat") for x in xs(e.get("d", ""))]
    assert min(squares) >= max(float(e.get("x", "")) for e in of_class(drawn, "plot-num"))


def test_a_year_is_small() -> None:
    days = [HeatDay(date(2026, 1, 1) + timedelta(days=i), float(i % 9)) for i in range(365)]
    assert len(heat_map("p", "t", "d", days, BERLIN.month, BERLIN.weekday)) < 30_000


def test_places_are_counted_by_kilometre() -> None:
    cells = count_cells([(52.5001, 13.4001), (52.5002, 13.4002), (-33.9, -70.6)])
    assert [cell.count for cell in cells] == [2, 1]
    assert cells[0].share == pytest.approx(2 / 3)
    assert cells[1].name.endswith("W")
    assert count_cells([]) == []


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_any_place_has_a_cell(latitude: float, longitude: float) -> None:
    (cell,) = count_cells([(latitude, longitude)])
    assert abs(cell.latitude - latitude) < 0.01


def test_small_drawings() -> None:
    assert len(of_class(sparkline("week", [1.0, None, 0.0]), "spark")) == 1
    measure = tape("half", START, START + timedelta(days=10), START + timedelta(days=5))
    assert of_class(measure, "tape-gone")[0].get("width") == "160"
    read(tape("none", START, START, START))


def test_text_in_plots_is_inert() -> None:
    evil = '"><script>alert(1)</script>&'
    for drawn in (
        bar_plot("p", evil, evil, [Bar(1.0, evil)]),
        sparkline(evil, [1.0]),
        place_bars(evil, count_cells([(1.0, 1.0)])),
        dot_plot("p", evil, evil, [], Span(START, START, [(START, evil)])),
    ):
        assert "<script>" not in drawn
        read(drawn)


def test_plots_carry_no_colour_and_no_style() -> None:
    drawn = bar_plot("p", "t", "d", [Bar(1.0)]) + sparkline("s", [1.0])
    assert all(not {"style", "fill", "stroke"} & set(e.keys()) for e in read(drawn).iter())


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (BERLIN.at(BERLIN.now), "23 Nov 2026, 10:00"),
        (BERLIN.on(datetime(2026, 11, 22, 23, 30, tzinfo=UTC)), "23 Nov 2026"),
        (BERLIN.relative(BERLIN.now - timedelta(hours=3)), "3 hours ago"),
        (BERLIN.relative(BERLIN.now + timedelta(seconds=5)), "just now"),
        (BERLIN.duration(380), "6 h 20 min"),
        (BERLIN.duration(timedelta(seconds=30)), "30 s"),
        (BERLIN.quantity(40, "Cel"), "40\u00a0°C"),
        (BERLIN.quantity(6120, "{steps}"), "6,120\u00a0steps"),
        (BERLIN.quantity(55, "%"), "55%"),
        (BERLIN.size(1_234_567), "1.2\u00a0MB"),
        (BERLIN.count(1, "record"), "1 record"),
        (BERLIN.count(2310, "record"), "2,310 records"),
        (unit_words("{wears}"), "wears"),
    ],
)
def test_numbers_and_times_in_words(said: str, text: str) -> None:
    assert said == text


def test_soon_is_two_weeks() -> None:
    assert BERLIN.is_soon(BERLIN.now + timedelta(days=14))
    assert not BERLIN.is_soon(BERLIN.now + timedelta(days=15))
    assert not BERLIN.is_soon(None)


def test_words_speak_for_unknown_values() -> None:
    assert words.kind("sound").label == "Sound"
    assert words.status("odd") == ("Odd", "off")
    assert "odd" in words.refusal("odd")
    assert words.legal_basis("https://w3id.org/dpv/legal/eu/gdpr#LegalObligation").startswith(
        "a duty"
    )
    assert words.glyph("Front Loader 7") == "washer"
    assert words.join(["a", "b", "c"]) == "a, b and c"
    assert words.readers_sentence(0, []) != words.readers_sentence(1, ["V"])
