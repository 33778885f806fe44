"""Opening the key store: made once, and closed to a key-encryption key that is not its own."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from typer.testing import CliRunner

from app import cli
from app.keys.file_provider import FileProvider
from app.keys.log_keys import open_log_keys
from app.keys.models import KeyCheck
from app.keys.provider import KeyStoreLocked
from app.kit.clock import FixedClock, SystemClock
from app.kit.crypto import unb64u
from app.kit.db import Database
from app.kit.errors import Unavailable
from app.main import create_app
from app.settings import Settings
from tests.keys.test_log_keys import new_name, opens, taken
from tests.support.served import at_once
from tests.support.source import ROOT


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder by name, with its hash."""
    return {
        str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in folder.rglob("*")
        if one.is_file()
    }


def test_the_first_start_makes_a_key_of_its_own_and_says_where_to_keep_it(
    key_settings: Settings, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    open_log_keys(key_settings, clock).close()
    path = key_settings.data_dir / "kek.json"
    assert path.stat().st_mode & 0o777 == 0o600
    said = "".join(capsys.readouterr())
    assert "keep a copy" in said
    assert str(path) in said
    made = path.read_bytes()
    open_log_keys(key_settings, clock).close()
    assert path.read_bytes() == made
    assert capsys.readouterr() == ("", "")


def replace(path: Path) -> None:
    """Another installation's key in place of the right one."""
    other = path.with_name("other.json")
    settings = Settings(data_dir=path.parent / "other", kek_file=str(other))
    open_log_keys(settings, FixedClock()).close()
    other.replace(path)


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def shorten(path: Path) -> None:
    path.write_text('{"versions": []}')


@pytest.mark.parametrize("spoil", [replace, remove, cut, shorten])
def test_a_wrong_key_stops_the_start_before_anything_is_written(
    key_settings: Settings, clock: FixedClock, spoil: Callable[[Path], None]
) -> None:
    name = new_name()
    with closing(open_log_keys(key_settings, clock)) as keys:
        key = taken(keys, name)
    path = key_settings.data_dir / "kek.json"
    right = path.read_bytes()
    spoil(path)
    before = contents(key_settings.data_dir)
    with pytest.raises(KeyStoreLocked) as locked:
        open_log_keys(key_settings, clock)
    assert "\n" not in locked.value.detail
    with pytest.raises(KeyStoreLocked):
        create_app(key_settings, clock)
    assert contents(key_settings.data_dir) == before
    path.write_bytes(right)
    with closing(open_log_keys(key_settings, clock)) as keys:
        assert opens(keys, name.tenure_id, key)


@pytest.mark.parametrize("words", [["serve"], ["serve", "--no-migrate"], ["keys", "rotate"]])
def test_the_command_says_in_one_line_that_the_key_is_wrong(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    settings = Settings(data_dir=data_dir)
    open_log_keys(settings, SystemClock()).close()
    replace(settings.kek_path)
    before = contents(data_dir)
    monkeypatch.setenv("INSEAM_DATA_DIR", str(data_dir))
    monkeypatch.setattr("sys.argv", ["inseam", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = str(ended.value)
    assert said.startswith("inseam: The key-encryption key is not that of this key store")
    assert "\n" not in said
    assert contents(data_dir) == before


def test_a_damaged_key_beside_no_store_makes_no_store(data_dir: Path, clock: FixedClock) -> None:
    settings = Settings(data_dir=data_dir)
    settings.kek_path.write_text("no key")
    with pytest.raises(KeyStoreLocked):
        open_log_keys(settings, clock)
    assert not (data_dir / "keys.db").exists()


def checks_in(settings: Settings) -> int | None:
    with Database(settings.key_store_url, pool_size=2) as rows, rows.read() as db:
        return db.scalar(select(func.count()).select_from(KeyCheck))


def test_threads_that_open_an_empty_store_at_once_all_succeed(
    key_settings: Settings, clock: FixedClock
) -> None:
    name = new_name()

    def start(_: int) -> str:
        with closing(open_log_keys(key_settings, clock)) as keys:
            return str(taken(keys, name).key_id)

    assert len(set(at_once(6, start))) == 1
    assert checks_in(key_settings) == 1


START = """
from uuid import UUID
from app.keys.log_keys import KeyName, open_log_keys, run_now
from app.kit.clock import SystemClock
from app.settings import Settings
keys, name = open_log_keys(Settings(), SystemClock()), KeyName(UUID(int=1), UUID(int=2), "wear", 1)
print(run_now(keys, lambda: keys.writing(name)).key_id)
keys.close()
"""


def test_processes_that_open_an_empty_store_at_once_all_succeed(key_settings: Settings) -> None:
    given = {
        "INSEAM_DATA_DIR": str(key_settings.data_dir),
        "INSEAM_KEYS_URL": key_settings.keys_url,
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START], env=os.environ | given, cwd=ROOT, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    found = [process.communicate(timeout=120)[0].splitlines()[-1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(set(found)) == 1
    assert checks_in(key_settings) == 1


def test_a_store_that_does_not_answer_is_unavailable(data_dir: Path, clock: FixedClock) -> None:
    url = f"postgresql://nobody@/none?host={data_dir}/nowhere"
    settings = Settings(data_dir=data_dir, keys_url=url)
    with pytest.raises(Unavailable):
        open_log_keys(settings, clock)
    assert contents(data_dir) == {}


def test_a_driver_that_is_not_installed_is_named(
    data_dir: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hvac", None)
    monkeypatch.delitem(sys.modules, "app.keys.vault_provider", raising=False)
    settings = Settings(data_dir=data_dir, key_provider="vault")
    with pytest.raises(KeyStoreLocked, match=r"install inseam\[vault\]"):
        open_log_keys(settings, clock)


BESIDE = [
    {"keys_url": "sqlite:///var/inseam.db"},
    {"keys_url": "sqlite:///var/../var/inseam.db"},
    {"database_url": "sqlite:///var/keys.db"},
    {"database_url": "postgresql://a@db/inseam", "keys_url": "postgresql://b@db/keys"},
    {"database_url": "postgresql://DB:5432/x", "keys_url": "postgresql+psycopg://db/keys"},
    {"database_url": "postgresql:///x", "keys_url": "postgresql://127.0.0.1/keys"},
    {"database_url": "postgresql:///x?host=/run/pg", "keys_url": "postgresql:///y?host=/run/pg"},
]
APART = [
    {},
    {"keys_url": "sqlite:////safe/keys.db"},
    {"database_url": "postgresql://db/inseam"},
    {"database_url": "postgresql://db/inseam", "keys_url": "postgresql://keys/inseam"},
    {"database_url": "postgresql://db/inseam", "keys_url": "postgresql://db:5433/inseam"},
]


@pytest.mark.parametrize("given", BESIDE)
def test_keys_beside_the_data_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="another file or server"):
        Settings(**given)


@pytest.mark.parametrize("given", APART)
def test_keys_apart_from_the_data_are_taken(given: dict[str, str]) -> None:
    assert Settings(**given).keys_url == given.get("keys_url", "")


@pytest.mark.parametrize(
    ("given", "reason"),
    [({"keys_url": "nothing"}, "SQLAlchemy"), ({"vault_url": "http://vault.example"}, "https")],
)
def test_wrong_settings_of_keys_are_refused(given: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings(**given)


def test_secrets_in_settings_are_not_shown() -> None:
    shown = repr(Settings(keys_url="postgresql://u:hunter2@keys/k", vault_token="hvs.hunter2"))
    assert "hunter2" not in shown


def test_no_secret_of_the_file_shows(
    data_dir: Path, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data_dir / "kek.json"
    provider = FileProvider(path, clock)
    provider.make_missing()
    provider.rotate(())
    shown = repr((provider, vars(provider), provider._held(), provider.versions()))
    shown += "".join(capsys.readouterr())
    secrets = [row["secret"] for row in json.loads(path.read_text())["versions"]]
    assert len(secrets) == 2
    for secret in secrets:
        assert secret not in shown
        assert repr(unb64u(secret)) not in shown


def test_the_command_lists_and_rotates_the_wrapping_key(
    data_dir: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSEAM_DATA_DIR", str(data_dir))
    name = new_name()
    with closing(open_log_keys(Settings(data_dir=data_dir), clock)) as keys:
        key = taken(keys, name)
        said = CliRunner().invoke(cli.app, ["keys", "rotate", "--wrapping"]).stdout.splitlines()
        newest = keys.versions()[0].version
        assert said == [
            f"wrapping: {newest} is in use.",
            "wrapping: 1 owner keys were wrapped anew.",
        ]
        assert taken(keys, name).key_id == key.key_id
    listed = CliRunner().invoke(cli.app, ["keys", "list"]).stdout.splitlines()
    wrapping = [line.split()[1] for line in listed if line.startswith("wrapping")]
    assert wrapping[0] == newest
    assert [line.endswith("in use") for line in listed] == [True, True, True, False]
