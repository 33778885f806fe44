"""The owner decides what is recorded and how long it is kept: paused means refused, and what is
removed is gone from the pages, the API, the copies and the files, while the log still verifies."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import select

from app.keys.eager import EagerKeys
from app.keys.log_keys import KeyDestroyed, open_log_keys
from app.kit.clock import SystemClock
from app.usage.models import Segment
from tests.api.owners.conftest import EMAIL, HOUR, Home, home  # noqa: F401  # a fixture
from tests.support.source import ROOT

DAY = timedelta(days=1)
Work = Callable[[], None]


class Sealed(NamedTuple):
    """What lies on disk of a run of records."""

    tenure_id: UUID
    key_id: UUID
    first_seq: int
    sealed: bytes


def sealed(home: Home, stream: str) -> list[Sealed]:  # noqa: F811
    query = select(Segment.tenure_id, Segment.key_id, Segment.first_seq, Segment.sealed).where(
        Segment.object_id == UUID(home.jeans), Segment.stream == stream
    )
    with home.story.app.state.db.read() as db:
        return [Sealed(*row) for row in db.execute(query.order_by(Segment.first_seq))]


def is_in_files(home: Home, part: bytes) -> bool:  # noqa: F811
    folder = home.story.app.state.settings.data_dir
    return any(part in file.read_bytes() for file in folder.glob("*.db*"))


def verify(home: Home) -> str:  # noqa: F811
    """`inseam log verify`, as an operator types it."""
    settings = home.story.app.state.settings
    given = {
        f"INSEAM_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set
    }
    words = [sys.executable, "-m", "app.cli", "log", "verify", "--object", home.jeans]
    told = subprocess.run(words, cwd=ROOT, env=os.environ | given, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def everywhere(home: Home, work_jobs: Work) -> dict[str, list[str]]:  # noqa: F811
    """The temperatures of the washes wherever their owner can look."""
    page = home.owner.get(f"/objects/{home.jeans}?period=month").text
    rows = home.call("GET", "records", home.token()).json()["records"]
    lines = home.call("GET", "records.ndjson", home.token()).text.splitlines()
    asked = home.owner.post("/exports", {"object_id": home.jeans}).headers["location"]
    work_jobs()
    with zipfile.ZipFile(io.BytesIO(home.owner.get(f"{asked}/file").content)) as archive:
        copied = archive.read("records.ndjson").splitlines()
        (entry, *_) = json.loads(archive.read("removals.json")) or [{}]
    found = {
        "api": [str(row["values"]["temperature"]) for row in rows],
        "stream": [str(json.loads(line)["values"]["temperature"]) for line in lines],
        "copy": [str(json.loads(line)["values"]["temperature"]) for line in copied],
        "page": [t for t in ("31", "32", "33", "34") if f"{t}\u00a0°C" in page],
    }
    return found | {"removed": [str(entry.get("removed", 0))]}


def fill(home: Home) -> None:  # noqa: F811
    """Four washes, each warmer and later than the one before; each call is one run on disk."""
    for days, temperature in ((8, 31), (6, 32), (4, 33), (1, 34)):
        record = home.wash(days * DAY) | {"values": {"temperature": temperature}}
        assert home.send(record) == ["stored"]


def test_a_pause_on_the_page_stops_the_gateway(home: Home) -> None:  # noqa: F811
    assert home.send(home.wash()) == ["stored"]
    home.owner.post(f"/objects/{home.jeans}/pause")
    before = sealed(home, "wash")
    late = home.wash(HOUR)  # it happened before, and comes while nothing is wanted
    assert home.send(home.wash(), home.story.wear(), late) == ["recording-paused"] * 3
    assert sealed(home, "wash") == before
    assert sealed(home, "wear") == []
    home.later(HOUR)
    home.owner.post(f"/objects/{home.jeans}/resume")
    meanwhile = home.wash(HOUR / 2)
    assert home.send(home.wash(), meanwhile) == ["stored", "recording-paused"]
    rows = home.call("GET", "records").json()["records"]
    assert len(rows) == 2
    assert "The log is whole." in verify(home)


def keep_five_days(home: Home) -> None:  # noqa: F811
    home.owner.post(f"/objects/{home.jeans}/keep/wash", {"days": "5"})


def erase_a_part(home: Home) -> None:  # noqa: F811
    last = (home.clock.now() - 6 * DAY).date().isoformat()
    home.owner.post(f"/objects/{home.jeans}/erase", {"stream": "wash", "to_on": last})


@pytest.mark.parametrize("act", [keep_five_days, erase_a_part])
def test_what_is_removed_is_gone_and_the_log_is_whole(
    home: Home,  # noqa: F811
    work_jobs: Work,
    engine_kind: str,
    act: Callable[[Home], None],
) -> None:
    """By the end of its time, and by the owner's hand."""
    fill(home)
    whole = ["31", "32", "33", "34"]
    assert everywhere(home, work_jobs) == dict.fromkeys(
        ("api", "stream", "copy", "page"), whole
    ) | {"removed": ["0"]}
    old = sealed(home, "wash")
    first, *_ = old
    if engine_kind == "sqlite":
        assert all(is_in_files(home, one.sealed) for one in old)
    home.story.confirm(home.owner, EMAIL)
    act(home)
    work_jobs()
    left = ["33", "34"]
    assert everywhere(home, work_jobs) == dict.fromkeys(("api", "stream", "copy", "page"), left) | {
        "removed": ["2"]
    }
    (entry,) = home.call("GET", "erasures").json()["erasures"]
    assert entry["removed"] == 2
    assert entry["final_at"] is not None
    now = {one.sealed for one in sealed(home, "wash")}
    for one in old[:2]:
        assert one.sealed not in now
        assert engine_kind != "sqlite" or not is_in_files(home, one.sealed)
    if entry["by"] == "owner":
        settings = home.story.app.state.settings
        with closing(open_log_keys(settings, SystemClock())) as keys, pytest.raises(KeyDestroyed):
            EagerKeys(keys).opening(first.tenure_id, first.key_id)
        assert not {one.key_id for one in old} & {one.key_id for one in sealed(home, "wash")}
    said = verify(home)
    assert "2 removed" in said
    assert "The log is whole." in said
    page = home.owner.get(f"/objects/{home.jeans}").text
    assert "Gone for good" in page
