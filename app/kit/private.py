"""What the service keeps on disk is for its own user alone, whoever made the folder first."""

from contextlib import suppress
from pathlib import Path

_OF_OTHERS, _WRITE_OF_OTHERS = 0o077, 0o002
_DATA = "inseam.db"  # the name that the settings give the database in the data folder


def keep_private(database: Path) -> None:
    """Make an SQLite file and its folder, or narrow what is there already.

    SQLite gives the WAL the mode of the file. Only the data folder itself is narrowed: a database
    that an operator put beside other things, and a folder where others write, stay as they are.
    """
    folder = database.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database.touch(mode=0o600)
    if database.name == _DATA and not folder.stat().st_mode & _WRITE_OF_OTHERS:
        _narrow(folder)
    for ending in ("", "-wal", "-shm"):
        _narrow(database.with_name(database.name + ending))


def _narrow(path: Path) -> None:
    """Nothing to do where it has just gone, or is another user's."""
    with suppress(FileNotFoundError, PermissionError):
        mode = path.stat().st_mode & 0o7777
        if mode & _OF_OTHERS:
            path.chmod(mode & ~_OF_OTHERS)
