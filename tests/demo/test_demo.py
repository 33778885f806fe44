"""The demo: the seeded story, and the command that runs it with its vendor beside it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from app.accesses.history import Filter, list_accesses
from app.accounts.demo import list_demo_owners
from app.consent.grants import list_grants
from app.demo.run import DemoCannotStart, check_ports, clear
from app.demo.seed import DAYS, seed
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.paging import Cursors
from app.objects.tenures import held_objects
from app.organizations.clients import client_face
from app.organizations.models import Client
from app.usage.read import Log, count_records, page, summary
from tests.factories.usage import make_taker

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)


def test_the_seed_tells_the_whole_story(database: Database) -> None:
    clock = FixedClock(NOW)
    cursors = Cursors(lambda: {"k": b"k" * 32}, clock, timedelta(hours=1))
    seeded = seed(database, cursors, make_taker(), NOW, "http://127.0.0.1:8001")
    assert seeded.client_secret.startswith("inseam_cs_")
    with database.read() as db:
        first, second = list_demo_owners(db)
        held = held_objects(db, first.owner_id)
        assert [h.product_kind for h in held].count("jeans") == 1
        assert {h.maker for h in held} == {"Big Denim", "Drum Works"}
        assert len(held) == 3
        assert len(held_objects(db, second.owner_id)) == 1
        for one in held:
            conn = db.connection()
            assert count_records(conn, one.object_id, one.tenure_id) > 100
            told = summary(conn, one.object_id, one.tenure_id)
            assert max(s.last_at for s in told.values()) > NOW - timedelta(days=3)
            assert min(s.first_at for s in told.values()) < NOW - timedelta(days=DAYS - 5)
        statuses = [v.status for v in list_grants(db, clock, first.owner_id)]
        assert sorted(statuses) == ["active", "revoked"]
        rows = list_accesses(db, first.owner_id, Filter(), before=None, limit=100)
        assert {row.result for row in rows} == {"given", "refused"}


def test_a_reading_gave_what_was_there_then(database: Database) -> None:
    """The story is told in order of time, so no reading gives what came later."""
    cursors = Cursors(lambda: {"k": b"k" * 32}, FixedClock(NOW), timedelta(hours=1))
    taker = make_taker()
    seed(database, cursors, taker, NOW, "http://127.0.0.1:8001")
    with database.read() as db:
        (owner, _) = list_demo_owners(db)
        rows = list_accesses(db, owner.owner_id, Filter(result="given"), before=None, limit=100)
        assert len(rows) == 7
        assert sum(row.count for row in rows) > 100
        for row in rows:
            assert row.object_id is not None
            assert row.tenure_id is not None
            log = Log(db.connection(), taker.keys, row.object_id, row.tenure_id)
            known = page(log, row.streams, row.window_from, row.window_to, None, 2000)
            assert row.count == sum(one.received_at <= row.at for one in known)


def test_a_vendors_checked_domain_is_where_it_lives(database: Database) -> None:
    cursors = Cursors(lambda: {"k": b"k" * 32}, FixedClock(NOW), timedelta(hours=1))
    seeded = seed(database, cursors, make_taker(), NOW, "http://127.0.0.1:8001")
    with database.read() as db:
        face = client_face(db, seeded.client_id)
        (redirect,) = db.get_one(Client, seeded.client_id).redirect_uris
    assert face.verified_domain == urlsplit(redirect).hostname


def test_the_seed_is_the_same_each_time(database: Database) -> None:
    clock = FixedClock(NOW)
    cursors = Cursors(lambda: {"k": b"k" * 32}, clock, timedelta(hours=1))
    seed(database, cursors, make_taker(), NOW, "http://127.0.0.1:8001")
    with database.read() as db:
        (owner, _) = list_demo_owners(db)
        counts = {
            h.product_kind: count_records(db.connection(), h.object_id, h.tenure_id)
            for h in held_objects(db, owner.owner_id)
        }
    from app.demo.products import JEANS
    from app.demo.simulate import simulate

    start = NOW - timedelta(days=DAYS)
    again = list(
        simulate(JEANS, serial="SL-000001", seed=7, start=start, end=NOW, zone="Europe/Paris")
    )
    assert abs(counts["jeans"] - len(again)) <= 5  # the first morning differs by its hour


@pytest.fixture
def ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def test_one_command_runs_it_and_ends_it(tmp_path: Path, ports: tuple[int, int]) -> None:
    command = [sys.executable, "-m", "app.cli", "demo"]
    command += ["--port", str(ports[0]), "--vendor-port", str(ports[1])]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        demo = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=out, stderr=err)
        try:
            _wait_for(tmp_path / "out", "The vendor, Mend & Co", demo)
            _walk(ports)
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(30)
    lines = (tmp_path / "out").read_text().splitlines()
    assert len(lines) == 3
    assert len({line.index("http://") for line in lines}) == 1, "the three lines are aligned"
    assert (tmp_path / "err").read_text() == ""
    for folder in (tmp_path / "var", tmp_path / "var" / "demo"):
        assert folder.stat().st_mode & 0o077 == 0
    for port in ports:
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"http://127.0.0.1:{port}/", timeout=2)


def test_the_demo_throws_away_only_what_a_demo_left(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "demo"
    folder.mkdir(parents=True)
    (folder / "letters.txt").write_text("Mine.")
    with pytest.raises(DemoCannotStart):
        clear(folder)
    assert (folder / "letters.txt").read_text() == "Mine."
    (folder / "keyring.json").touch()
    clear(folder)
    assert list(folder.iterdir()) == []


def _walk(ports: tuple[int, int]) -> None:
    """One click signs in; the vendor's request waits; the vendor's site is another site. What the
    jeans send today is there at once."""
    service = f"http://localhost:{ports[0]}"
    assert "Connect your jeans" in httpx2.get(f"http://127.0.0.1:{ports[1]}/").text
    entered = httpx2.post(f"{service}/demo/sign-in", headers={"Origin": service})
    cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
    home = httpx2.get(f"{service}/home", headers=cookie).text
    assert "Mend &amp; Co asks for access" in home
    assert "Hearth Insurance can read some of your data." in home
    assert len(re.findall('class="object-card"', home)) == 3
    _answer(service, cookie, home)


def _answer(service: str, cookie: dict[str, str], home: str) -> None:
    """Say yes to what waits, as the form stands: it ends well at the vendor's counter, which then
    has something of today."""
    found = re.search(r'href="(/consent/[^"]+)"', home)
    assert found is not None
    page = httpx2.get(service + found.group(1), headers=cookie).text
    things = re.findall(r'name="object" value="([^"]+)"', page)
    (until,) = re.findall(r'name="until"[^>]*value="([^"]+)"', page)
    form = {"answer": "allow", "object": things, "kind": ["usage", "care"], "until": until}
    same = cookie | {"Origin": service}
    sent = httpx2.post(service + found.group(1), data=form | {"history": "today"}, headers=same)
    with httpx2.Client(follow_redirects=True) as browser:
        told = browser.get(sent.headers["location"])
        assert "Thank you, the counter has it" in told.text
        own = {"Origin": str(told.url.join("/")).rstrip("/")}
        bench = browser.post(told.url, headers=own).text
    assert "You gave us nothing from before today." in bench
    assert 'class="bar"' in bench
    assert "1 wash, 0 of them above" in bench


def _wait_for(path: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if text in path.read_text():
            return
        assert process.poll() is None, path.read_text()
        time.sleep(0.1)
    raise AssertionError(path.read_text())


def test_a_port_in_use_stops_the_demo_before_it_touches_anything() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoCannotStart, match=str(port)):
            check_ports(port)
    check_ports(port)
