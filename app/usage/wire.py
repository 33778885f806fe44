"""How records look to whoever reads them: the same for vendors, owners and exports."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from app.kit import jsonio
from app.usage.rows import Row

_EPOCH_DAY = date(1970, 1, 1)


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


def record_text(row: Row) -> str:
    """One record as JSON, its values put in as they are stored, unread. `placed_at` stands only
    where the device's clock could not be trusted; `flags` says so (`clock`), and that it lies
    before the claim (`backfill`), takes the place of an earlier record (`correction`), or that a
    later one takes its place (`corrected`)."""
    # A stream's name, a time and a flag hold no character that JSON escapes.
    _, stream, _, entry, is_corrected = row
    _, at, until, placed, _, said, _, _, _, corrects, body, _ = entry
    end = "" if until is None else f',"until":"{_time(until)}"'
    where, flags = "", ""
    if said or corrects is not None or is_corrected:
        told = flags_of(row)
        where = f',"placed_at":"{_time(placed)}"' if "clock" in told else ""
        flags = ",".join(f'"{flag}"' for flag in told)
    start = f'{{"stream":"{stream}","at":"{_time(at)}"{end},"values":'
    return f'{start}{body}{where},"flags":[{flags}]}}'


def record_lines(rows: Iterable[Row]) -> bytes:
    """The records as NDJSON, a line for each."""
    return "".join([f"{record_text(row)}\n" for row in rows]).encode()


def records_body(rows: Iterable[Row], **rest: Any) -> bytes:
    """A page as JSON: `records`, and what else it tells."""
    records = ",".join(map(record_text, rows)).encode()
    return b'{"records":[%b],%b' % (records, jsonio.dumps(rest)[1:])


def _time(micros: int) -> str:
    """`rfc3339` of microseconds since 1970."""
    seconds, rest = divmod(micros, 1_000_000)
    day, second = divmod(seconds, 24 * 60 * 60)
    clock = _seconds()[second]
    return f"{_day(day)}{clock}.{rest:06d}Z" if rest else f"{_day(day)}{clock}Z"


@cache
def _seconds() -> list[str]:
    """Every second of a day as text: a lookup, where writing one costs as much as the rest of a
    line. Made when it is first needed, for few commands need it."""
    return [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(24 * 60 * 60)]


@lru_cache(1024)
def _day(days: int) -> str:
    return (_EPOCH_DAY + timedelta(days=days)).isoformat() + "T"
