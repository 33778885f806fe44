"""Believable contexts for the pages: what a handler gives, in one place for the template tests."""

import random
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace as N
from zoneinfo import ZoneInfo

from app.web.format import Formatter
from app.web.plots.bars import Bar, bar_plot
from app.web.plots.dots import Dot, Span, dot_plot
from app.web.plots.heat import HeatDay, heat_map
from app.web.plots.places import count_cells, place_bars
from app.web.plots.small import sparkline

R = random.Random(7)
NOW = datetime(2026, 11, 23, 9, 20, tzinfo=UTC)
F = Formatter(NOW, ZoneInfo("Europe/Berlin"))


def d(days=0, hours=0):
    return NOW + timedelta(days=days, hours=hours)


def frame(path, signed=True, flashes=(), **context):
    """What base.html asks of every page, and the page's own names."""
    return {
        "operator": N(name="The operator", contact="hello@operator.example"),
        "viewer": N(name="Owner", waiting=1) if signed else None,
        "flashes": list(flashes),
        "path": path,
        "fmt": F,
        "demo": False,
    } | context


STREAM_FACTS = [
    ("Type of data", "Intervals of wear, with steps and minutes"),
    ("Format", "JSON, SenML"),
    ("Volume", "About 40 records a day"),
    ("Continuous, in real time", "Continuous; sent every 15 minutes"),
    ("Where it is stored", "On the garment for 7 days, then here"),
    ("How to get it", "In this web client, by API, or as an export"),
    ("How to erase it", "Here, at any time"),
    ("Terms and quality", "No fee; available 99.5 % of the time"),
]
STREAMS = [
    N(
        name="wear",
        title="Wear",
        category="usage",
        fields=[("Steps", "steps"), ("Minutes worn", "minutes")],
        facts=STREAM_FACTS,
        holder_copy="A copy for 30 days, to mend faults of the sensor. Then it is deleted.",
        kept="Until its owner erases it.",
    ),
    N(
        name="wash",
        title="Washes",
        category="care",
        fields=[("Temperature", "°C"), ("Programme", "")],
        facts=STREAM_FACTS[:3],
        holder_copy="Nothing.",
        kept="Until its owner erases it.",
    ),
    N(
        name="fit",
        title="Fit",
        category="body",
        fields=[("Waist tension", "N")],
        facts=[],
        holder_copy="Nothing.",
        kept="Until its owner erases it.",
    ),
    N(
        name="place",
        title="Places",
        category="location",
        fields=[("Latitude", "°"), ("Longitude", "°")],
        facts=[],
        holder_copy="Nothing.",
        kept="90 days, then it is removed for good. Its owner can make that shorter.",
    ),
]
PASSPORT = [
    ("Material", "98 % organic cotton, 2 % elastane"),
    ("Woven in", "Portugal"),
    ("Care", "Wash at 30 °C, line dry"),
    ("Weight of the cloth", "13.5 oz"),
]
OBJ = N(
    id="0b1",
    product_id="p1",
    product_name="Straight Leg, connected",
    product_kind="jeans",
    name="Straight Leg, connected",
    maker="Big Denim",
    serial="SL-2026-004711",
    did="did:web:inseam.example:o:0b1f4c2e",
    links=[("Digital Link", "https://inseam.example/01/09521234543213/21/SL-2026-004711")],
    since=d(-120),
    used_by="me",
    last_heard=d(0, -2),
)


def week():
    return sparkline(
        "The last seven days", [R.random() * 600 if i not in (2,) else None for i in range(7)]
    )


def bars_month():
    b, rows = [], []
    for i in range(30):
        day = date(2026, 10, 25) + timedelta(days=i)
        v = None if 9 <= i <= 12 else (0 if day.weekday() >= 5 else round(200 + R.random() * 450))
        b.append(Bar(v, str(day.day) if i % 2 == 0 else ""))
        rows.append([F.day(day), "not recorded" if v is None else F.duration(v)])
    return bar_plot(
        "wear-p", "Minutes worn each day", "Thirty days, most worn on weekdays.", b
    ), rows


def heat(pid):
    days = [
        HeatDay(
            date(2025, 11, 24) + timedelta(days=i),
            None
            if 100 < i < 120 or i < 20
            else (0 if (i % 7) >= 5 and R.random() < 0.8 else R.random() * 600),
        )
        for i in range(364)
    ]
    return heat_map(pid, "Minutes worn, by day", "A year of squares.", days, F.month, F.weekday)


def dots():
    ds = [Dot(d(-29 + 7 * i), R.choice([30, 30, 40, 60])) for i in range(5)]
    return dot_plot(
        "wash-p",
        "Temperature of each wash",
        "Five washes.",
        ds,
        Span(d(-30), NOW, [(d(-30 + 5 * i), F.on(d(-30 + 5 * i))[:6]) for i in range(7)]),
    )


def line():
    ds = [
        Dot(d(-30) + timedelta(hours=6 * i), 12 + 3 * R.random() + (i % 20) / 10)
        for i in range(120)
        if not 40 < i < 60
    ]
    return dot_plot(
        "fit-p",
        "Waist tension",
        "Newtons.",
        ds,
        Span(d(-30), NOW, [(d(-30 + 5 * i), F.on(d(-30 + 5 * i))[:6]) for i in range(7)]),
        join_within=timedelta(hours=12),
    )


def plots(period):
    svg, rows = bars_month()
    return [
        N(
            id="wear",
            title="Minutes worn",
            category="usage",
            said="Worn on 18 of 26 recorded days, 7 h 40 min on the longest.",
            svg=heat("wear-y") if period == "year" else svg,
            gaps=True,
            legend=period == "year",
            even=period != "year",
            columns=["Day", "Worn"],
            rows=rows,
            csv="/objects/0b1/records.csv?stream=wear",
        ),
        N(
            id="wash",
            title="Washes",
            category="care",
            said="Washed five times, mostly at 30 °C.",
            svg=dots(),
            gaps=False,
            legend=False,
            even=False,
            columns=["Time", "Temperature", "Programme"],
            rows=[["22 Nov 2026, 18:04", "30 °C", "delicate"]] * 5,
            csv="",
        ),
        N(
            id="fit",
            title="Waist tension",
            category="body",
            said="Between 12 N and 16.9 N.",
            svg=line(),
            gaps=True,
            legend=False,
            even=False,
            columns=["Time", "Tension"],
            rows=[["22 Nov 2026, 18:04", "12.4 N"]] * 9,
            csv="",
        ),
        N(
            id="place",
            title="Places",
            category="location",
            said="Seen in 5 squares of a kilometre, most often near 52.50° N, 13.41° E.",
            svg=place_bars(
                "Most visited squares",
                count_cells(
                    [(52.5, 13.405)] * 30
                    + [(52.52, 13.43)] * 12
                    + [(52.61, 13.2)] * 4
                    + [(48.1, 11.5)] * 3
                ),
            ),
            gaps=False,
            legend=False,
            even=False,
            columns=["Square", "Records"],
            rows=[["52.50° N, 13.41° E", "30"]],
            csv="",
        ),
        N(
            id="none",
            title="Surroundings",
            category="environment",
            said="",
            svg="",
            gaps=False,
            legend=False,
            even=False,
            columns=[],
            rows=[],
            csv="",
        ),
    ]


RECORDING = N(
    paused_since=None,
    streams=[
        N(name="wear", title="Wear", paused_since=None, kept="Kept until you erase it"),
        N(
            name="place",
            title="Places",
            paused_since=d(0, -5),
            kept="Kept for 30 days, as you chose; the maker would keep it for 90",
        ),
    ],
    removals=[
        [
            F.at(d(-1)),
            "Places",
            "1 Nov 2026 to 3 Nov 2026",
            "1,204",
            "You erased it",
            "Being finished",
        ],
        [F.at(d(-9)), "Everything it records", "Up to 1 Oct 2026", "3", "Its time was over", "Yes"],
    ],
    more_removals=4,
    gaps=[
        N(
            title="Wear",
            said="12 records between number 1 and 9203",
            numbers="17, 40 to 50",
        )
    ],
)
RESTING = N(
    paused_since=d(-2),
    streams=[N(name="wear", title="Wear", paused_since=None, kept="Kept until you erase it")],
    removals=[],
    more_removals=0,
    gaps=[],
)
