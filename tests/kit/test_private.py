"""What lies on disk is for the service's own user alone, whoever made the folder first."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.kit.db import Database
from app.kit.migrate import migrate


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Others may read what a process makes without thinking, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def write(path: Path) -> dict[str, int]:
    """Migrate and write; the mode of every file while the database is open."""
    url = f"sqlite:///{path}"
    migrate(url)
    with Database(url) as database:
        with database.connection() as conn:
            conn.exec_driver_sql("CREATE TABLE anything (one INTEGER) STRICT")
        return {one.name: mode(one) for one in path.parent.iterdir()}


def test_a_new_folder_and_all_files_are_private(tmp_path: Path) -> None:
    modes = write(tmp_path / "var" / "inseam.db")
    assert mode(tmp_path / "var") == 0o700
    assert {"inseam.db", "inseam.db-wal", "inseam.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_what_was_left_open_before_is_narrowed(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "inseam.db").touch()
    assert (mode(folder), mode(folder / "inseam.db")) == (0o755, 0o644)
    modes = write(folder / "inseam.db")
    assert mode(folder) == 0o700
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(("name", "was"), [("other.db", 0o755), ("inseam.db", 0o777)])
def test_a_folder_of_others_is_left_alone(tmp_path: Path, name: str, was: int) -> None:
    """A database beside other things, or in a folder where everybody writes, such as /tmp."""
    tmp_path.chmod(was)
    modes = write(tmp_path / name)
    assert mode(tmp_path) == was
    assert set(modes.values()) == {0o600}
