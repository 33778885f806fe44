"""How records look to whoever reads them: the same for vendors, owners and exports."""

import json
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from app.usage.rows import Row

_EPOCH_DAY = date(1970, 1, 1)
# Every second of a day as text: a lookup, where writing one costs as much as the rest of a line.
_CLOCK = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(24 * 60 * 60)]


def rfc3339(instant: datetime) -> str:
    """UTC with Z (RFC 3339), with microseconds only where there are any."""
    return instant.isoformat().replace("+00:00", "Z")


def csv_cell(value: Any) -> Any:
    """A value for a spreadsheet: a text that it would run as a formula gets an apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def flags_of(row: Row) -> list[str]:
    """What a reader should know of a record beside its values."""
    flags = row.flags.split() if row.flags else []
    if row.corrects is not None:
        flags.append("correction")
    if row.is_corrected:
        flags.append("corrected")
    return flags


def record_out(row: Row) -> dict[str, Any]:
    """One record. `placed_at` stands only where the device's clock could not be trusted; `flags`
    says so (`clock`), and that it lies before the claim (`backfill`), takes the place of an earlier
    record (`correction`), or that a later one takes its place (`corrected`)."""
    out: dict[str, Any] = {"stream": row.stream, "at": rfc3339(row.at)}
    if row.until is not None:
        out["until"] = rfc3339(row.until)
    out["values"] = json.loads(row.body)
    flags = flags_of(row)
    if "clock" in flags:
        out["placed_at"] = rfc3339(row.placed_at)
    out["flags"] = flags
    return out


def record_line(row: Row) -> bytes:
    """`record_out` as a line of NDJSON. The values are put in as they are stored, unread."""
    # A stream's name, a time and a flag hold no character that JSON escapes.
    _, stream, _, entry, is_corrected = row
    until = "" if entry.until is None else f',"until":"{_time(entry.until)}"'
    placed, told = "", ""
    if entry.flags or entry.corrects is not None or is_corrected:
        flags = flags_of(row)
        placed = f',"placed_at":"{_time(entry.placed)}"' if "clock" in flags else ""
        told = ",".join(f'"{flag}"' for flag in flags)
    start = f'{{"stream":"{stream}","at":"{_time(entry.at)}"{until},"values":'
    return f'{start}{entry.body}{placed},"flags":[{told}]}}\n'.encode()


def _time(micros: int) -> str:
    """`rfc3339` of microseconds since 1970."""
    seconds, rest = divmod(micros, 1_000_000)
    day, second = divmod(seconds, 24 * 60 * 60)
    return f"{_day(day)}{_CLOCK[second]}.{rest:06d}Z" if rest else f"{_day(day)}{_CLOCK[second]}Z"


@lru_cache(1024)
def _day(days: int) -> str:
    return (_EPOCH_DAY + timedelta(days=days)).isoformat() + "T"
