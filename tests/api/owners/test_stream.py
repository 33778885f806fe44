"""The log as one stream of lines: whole, in order, recorded before it leaves; dead with its
token."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.owners import stream
from app.kit import jsonio
from app.kit.errors import DomainError
from app.usage.entry import Entry
from app.usage.rows import Row
from app.usage.wire import flags_of, record_lines, records_body, rfc3339
from tests.api.owners.conftest import DAY, HOUR, Home

_TIMES = st.one_of(st.integers(0, 2**52), st.integers(0, 2**32).map(lambda s: s * 1_000_000))
_VALUES = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    st.one_of(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
    ),
)


@given(
    at=_TIMES,
    until=st.none() | _TIMES,
    placed=_TIMES,
    flags=st.sampled_from(["", "clock", "backfill", "clock backfill"]),
    corrects=st.none() | st.just("a-1"),
    is_corrected=st.booleans(),
    values=_VALUES,
)
def test_a_line_says_what_a_record_says(
    at: int,
    until: int | None,
    placed: int,
    flags: str,
    corrects: str | None,
    is_corrected: bool,
    values: dict[str, Any],
) -> None:
    body = jsonio.canonical(values).decode()
    entry = Entry(7, at, until, placed, at, flags, "id-1", None, None, corrects, body, b"")
    row = Row(entry.placed, "wash_2", entry.seq, entry, is_corrected)
    line = record_lines([row])
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == told(row)
    assert record_lines([row, row]) == 2 * line
    page = json.loads(records_body([row, row], next="n", grant={"version": 1}))
    assert page == {"records": [told(row)] * 2, "next": "n", "grant": {"version": 1}}
    assert json.loads(records_body([], next=None)) == {"records": [], "next": None}


def told(row: Row) -> dict[str, Any]:
    """What a reader is to see of a record."""
    out: dict[str, Any] = {"stream": row.stream, "at": rfc3339(row.at)}
    if row.until is not None:
        out["until"] = rfc3339(row.until)
    out["values"] = json.loads(row.body)
    if "clock" in row.flags:
        out["placed_at"] = rfc3339(row.placed_at)
    return out | {"flags": flags_of(row)}


def lines(home: Home, **query: Any) -> list[dict[str, Any]]:
    answer = home.call("GET", "records.ndjson", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    return [json.loads(line) for line in answer.text.splitlines()]


def accesses(home: Home) -> list[dict[str, Any]]:
    get = home.story.api.get("/v1/me/accesses", headers=home.token())
    found: list[dict[str, Any]] = get.json()["accesses"]
    return [one for one in found if one["action"] == "stream"]


@pytest.mark.parametrize("size", [1, 3, 7, 2000])
def test_chunks_join_to_the_log(home: Home, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(stream, "_SIZE", size)
    assert lines(home) == []
    home.send(*[home.wash(n * HOUR) for n in range(4)], home.story.wear(HOUR), home.story.wear())
    home.send(home.wash(id="a"), home.wash(id="b", corrects="a"))
    whole = home.call("GET", "records", params={"history": "whole"}).json()["records"]
    assert len(whole) == 8
    assert lines(home) == whole
    assert lines(home, history="corrected") == [r for r in whole if "corrected" not in r["flags"]]
    assert lines(home, stream="wear") == [r for r in whole if r["stream"] == "wear"]
    start, end = (home.clock.now() - n * HOUR for n in (2, 1))
    window = lines(home, **{"from": start.isoformat(), "to": end.isoformat(), "stream": "wash"})
    assert [datetime.fromisoformat(one["at"]) for one in window] == [start]
    seen = sorted(accesses(home), key=lambda one: one["count"])
    assert [one["count"] for one in seen] == [0, 1, 2, 7, 8]
    seen = [one for one in seen if one["count"] == 1]
    assert (seen[0]["result"], seen[0]["streams"]) == ("given", ["wash"])
    assert datetime.fromisoformat(seen[0]["window_from"]) == start
    assert "wash" in home.owner.get("/history").text.lower()


def test_who_may_not_gets_nothing_and_leaves_a_trace(home: Home) -> None:
    home.send(home.wash())
    reader = home.token(scopes=("own:read",))
    assert home.call("GET", "records.ndjson", reader).status_code == 403
    for path, query in ((home.theirs, {}), (home.jeans, {"stream": "nothing"}), ("x", {})):
        where = f"/v1/me/objects/{path}/records.ndjson"
        answer = home.story.api.get(where, headers=home.token(), params=query)
        assert answer.status_code == 404
    refused = accesses(home)
    assert {one["result"] for one in refused} == {"refused"}
    rules = [one["rule"] for one in refused for _ in range(one["times"])]
    assert sorted(rules) == ["insufficient-scope", *["not-granted"] * 3]


def end_token(home: Home) -> None:
    home.clock.advance(60 * DAY)


def give_away(home: Home) -> None:
    from sqlalchemy import update

    from app.objects.models import Holding, Tenure

    with home.story.app.state.db.connection() as conn:
        now = home.clock.now()
        for table in (Tenure, Holding):
            mine = table.object_id == UUID(home.jeans)
            conn.execute(update(table).where(mine).values(ended_at=now))


@pytest.mark.parametrize("happens", [end_token, give_away])
def test_it_stops_within_a_chunk(
    home: Home, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Home], None]
) -> None:
    """When the token ends, or the object is no longer its owner's."""
    monkeypatch.setattr(stream, "_SIZE", 2)
    home.send(*[home.wash(n * HOUR) for n in range(9)])
    token = home.token()
    fetched = []
    fetch = stream.fetch_chunk

    def fetch_and_see(*given: Any) -> Any:
        fetched.append(given)
        if len(fetched) == 3:
            happens(home)
        return fetch(*given)

    monkeypatch.setattr(stream, "fetch_chunk", fetch_and_see)
    with pytest.raises((DomainError, RuntimeError)):
        home.call("GET", "records.ndjson", token)
    assert len(fetched) == 3
    from app.accesses.models import Access

    with home.story.app.state.db.read() as db:
        given = (Access.action == "stream") & (Access.result == "given")
        (row,) = db.query(Access).filter(given)
    assert row.count == 4, "what was fetched last never left"
    assert row.send_by - row.at <= timedelta(minutes=2)
