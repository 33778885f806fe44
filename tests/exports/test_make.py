"""Exports: everything of one object, resumable, summed and signed."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy import update

from app.consent.models import GrantDetail
from app.exports import make
from app.exports.errors import ExportGone, ExportNotFound, ExportNotReady
from app.exports.make import forget_old, make_work
from app.exports.service import (
    JOB,
    file_of,
    get_export,
    list_exports,
    list_files,
    request_export,
)
from app.keys.ring import Keyring
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import NotFound
from app.kit.ids import new_id
from app.kit.jobs import claim, run_step
from app.usage.own import erase
from app.usage.remove import Range
from app.usage.wire import csv_cell, rfc3339
from tests.factories.world import World

ORIGIN = "https://x.example"


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


@pytest.fixture
def keyring(tmp_path: Path, clock: FixedClock) -> Keyring:
    return Keyring(tmp_path / "keyring.json", clock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "exports"


def ask(world: World, owner_id: UUID, object_id: UUID) -> UUID:
    with world.database.session() as db:
        return request_export(db, world.clock, owner_id, object_id, 7, "You").export.export_id


def work(world: World, keyring: Keyring, folder: Path, most: int = 1000) -> bool:
    me = new_id()
    registry = {JOB: make_work(folder, keyring, world.taker.keys, ORIGIN)}
    with world.database.session() as db:
        job_id = claim(db, world.clock, [JOB], me)
    assert job_id is not None
    for _ in range(most):
        with world.database.session() as db:
            if run_step(db, world.clock, job_id, me, registry):
                return True
    return False


def filled(world: World, count: int = 7) -> tuple[UUID, UUID]:
    owner = world.owner()
    jeans = world.owned(owner)
    start = world.clock.now()
    world.clock.advance(timedelta(days=2))
    world.wear(jeans, *[start + timedelta(hours=n) for n in range(count)])
    world.wear(jeans, start, stream="wash")
    given = world.allow(owner, [jeans])
    world.records(world.reader(given), world.pseudonym(given, jeans))
    return owner, jeans


def fetch(world: World, owner: UUID, export_id: UUID, folder: Path) -> zipfile.ZipFile:
    with world.database.read() as db:
        return zipfile.ZipFile(file_of(db, world.clock, owner, export_id, folder))


def without_export(lines: bytes) -> dict[str, Any]:
    """The one reading that came before this copy was asked for, which stands there too."""
    rows = [json.loads(line) for line in lines.splitlines()]
    asked = [row for row in rows if row["action"] == "export"]
    assert [(row["reader"], row["result"], row["count"]) for row in asked] == [("You", "given", 0)]
    (access,) = [row for row in rows if row not in asked]
    found: dict[str, Any] = access
    return found


def test_an_export_holds_everything_of_its_object(
    world: World, keyring: Keyring, folder: Path
) -> None:
    owner, jeans = filled(world)
    export_id = ask(world, owner, jeans)
    assert work(world, keyring, folder)
    with fetch(world, owner, export_id, folder) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    records = [json.loads(line) for line in files["records.ndjson"].splitlines()]
    assert len(records) == 8
    assert [r["at"] for r in records] == sorted(r["at"] for r in records)
    rows = list(csv.DictReader(io.StringIO(files["records-wear.csv"].decode())))
    assert [row["steps"] for row in rows] == ["100"] * 7
    told = json.loads(files["object.json"])
    assert told["object"]["serial"] == "SL-1"
    assert [s["name"] for s in told["product"]["streams"]] == ["wear", "wash", "fit", "place"]
    assert json.loads(files["removals.json"]) == []
    (grant,) = json.loads(files["grants.json"])
    assert grant["categories"] == ["care", "usage"]
    exact = {"time": "exact", "place": "exact"}
    window = {"from": None, "to": None}
    told = {"action": "read", "precision": exact, "window": window, "until": grant["until"]}
    told |= {"limits": None, "retention": None}
    assert grant["details"] == [told | {"category": "care"}, told | {"category": "usage"}]
    access = without_export(files["accesses.ndjson"])
    assert (access["reader"], access["count"]) == ("Mend & Co", 8)
    assert (access["grant_version"], access["precision"]) == (1, "exact")
    assert (access["window_from"], access["window_to"]) == (None, None)
    manifest = json.loads(files["manifest.json"])
    listed = set(files) - {"manifest.json", "manifest.jws"}
    assert set(manifest["files"]) == listed
    for name in listed:
        assert manifest["files"][name] == hashlib.sha256(files[name]).hexdigest()
    keys = KeySet.import_key_set(keyring.public_jwks())  # type: ignore[arg-type]
    signed = jws.deserialize_compact(files["manifest.jws"].decode(), keys, algorithms=["Ed25519"])
    assert signed.payload == files["manifest.json"]
    with world.database.read() as db:
        view = get_export(db, world.clock, owner, export_id)
        path = file_of(db, world.clock, owner, export_id, folder)
    assert (view.state, view.done, view.total) == ("done", 8, 8)
    assert view.export.sha256 == hashlib.sha256(path.read_bytes()).digest()
    assert {f["name"] for f in list_files(path)} == listed


def test_a_copy_has_the_whole_history_and_says_what_was_removed(
    world: World, keyring: Keyring, folder: Path
) -> None:
    owner, jeans = filled(world)
    at = world.clock.now().isoformat()
    old, new = (
        {"stream": "wash", "at": at, "values": {"temperature": t}, "id": name}
        for t, name in ((30, "a"), (40, "b"))
    )
    world.send(jeans, [old, new | {"corrects": "a"}])
    with world.database.connection() as conn:
        wanted = Range("wear", None, None)
        assert erase(conn, world.clock, world.taker.keys, owner, jeans, wanted) == 7
    export_id = ask(world, owner, jeans)
    assert work(world, keyring, folder)
    with fetch(world, owner, export_id, folder) as archive:
        records = [json.loads(line) for line in archive.read("records.ndjson").splitlines()]
        removals = json.loads(archive.read("removals.json"))
    assert [(r["stream"], r["flags"]) for r in records] == [
        ("wash", []),
        ("wash", ["corrected"]),
        ("wash", ["correction"]),
    ]
    (removal,) = removals
    assert (removal["by"], removal["stream"], removal["removed"]) == ("owner", "wear", 7)


def test_each_kind_and_each_reading_keeps_its_own_window(
    world: World, keyring: Keyring, folder: Path
) -> None:
    owner = world.owner()
    jeans = world.owned(owner)
    since = world.clock.now()
    world.clock.advance(timedelta(days=2))
    given = world.allow(owner, [jeans], history_from=since)
    later = since + timedelta(days=1)
    with world.database.session() as db:
        usage = GrantDetail.category == "usage"
        db.execute(update(GrantDetail).where(usage).values(window_from=later, until=later))
        db.execute(update(GrantDetail).where(~usage).values(window_to=later))
    world.records(world.reader(given), world.pseudonym(given, jeans))
    export_id = ask(world, owner, jeans)
    assert work(world, keyring, folder)
    with fetch(world, owner, export_id, folder) as archive:
        (grant,) = json.loads(archive.read("grants.json"))
        access = without_export(archive.read("accesses.ndjson"))
    of = {one["category"]: one for one in grant["details"]}
    assert of["care"]["window"] == {"from": rfc3339(since), "to": rfc3339(later)}
    assert of["usage"]["window"] == {"from": rfc3339(later), "to": None}
    assert (of["usage"]["until"], of["care"]["until"]) == (rfc3339(later), grant["until"])
    assert (access["window_from"], access["window_to"]) == (rfc3339(since), rfc3339(later))


@pytest.mark.parametrize("died_after", [0, 1, 2, 3])
def test_an_export_goes_on_where_its_worker_died(
    world: World,
    keyring: Keyring,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    died_after: int,
) -> None:
    monkeypatch.setattr(make, "_STEP_RECORDS", 3)
    owner, jeans = filled(world)
    export_id = ask(world, owner, jeans)
    assert not work(world, keyring, folder, most=died_after)
    part = folder / f"{export_id}.part" / "records.ndjson"
    if part.exists():
        with part.open("ab") as file:
            file.write(b"half a line that was never committed")
    world.clock.advance(timedelta(minutes=2))
    assert work(world, keyring, folder)
    with fetch(world, owner, export_id, folder) as archive:
        lines = archive.read("records.ndjson").splitlines()
    assert len(lines) == len(set(lines)) == 8


def test_lost_files_are_made_anew(
    world: World, keyring: Keyring, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "_STEP_RECORDS", 3)
    owner, jeans = filled(world)
    export_id = ask(world, owner, jeans)
    work(world, keyring, folder, most=2)
    (folder / f"{export_id}.part" / "records.ndjson").unlink()
    world.clock.advance(timedelta(minutes=2))
    assert work(world, keyring, folder)
    with fetch(world, owner, export_id, folder) as archive:
        assert len(archive.read("records.ndjson").splitlines()) == 8


def test_an_export_is_its_owners_and_goes_after_its_days(
    world: World, keyring: Keyring, folder: Path
) -> None:
    owner, jeans = filled(world)
    other = world.owner("Another owner")
    with pytest.raises(NotFound):
        ask(world, other, jeans)
    export_id = ask(world, owner, jeans)
    with world.database.read() as db:
        with pytest.raises(ExportNotReady):
            file_of(db, world.clock, owner, export_id, folder)
        with pytest.raises(ExportNotFound):
            get_export(db, world.clock, other, export_id)
        assert list_exports(db, world.clock, other) == []
    work(world, keyring, folder)
    world.clock.advance(timedelta(days=7))
    with world.database.read() as db, pytest.raises(ExportGone):
        file_of(db, world.clock, owner, export_id, folder)
    with world.database.connection() as conn:
        assert forget_old(conn, world.clock, folder) == 1
    assert list(folder.iterdir()) == []


def test_a_text_that_a_spreadsheet_would_run_is_quoted() -> None:
    assert csv_cell("=1+1") == "'=1+1"
    assert csv_cell(-1) == -1
    assert csv_cell(True) == "true"
