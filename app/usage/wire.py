"""How records look to whoever reads them: the same for vendors, owners and exports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from app.kit import jsonio
from app.usage.rows import Row


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


class _Record(msgspec.Struct, gc=False):
    """One record as JSON, its values put in as they are stored, unread. `placed_at` stands only
    where the device's clock could not be trusted; `flags` says so (`clock`), and that it lies
    before the claim (`backfill`), takes the place of an earlier record (`correction`), or that a
    later one takes its place (`corrected`)."""

    stream: str
    at: datetime
    until: datetime | msgspec.UnsetType
    values: msgspec.Raw
    placed_at: datetime | msgspec.UnsetType
    flags: list[str]


_encoder = msgspec.json.Encoder()
_NO_FLAGS: list[str] = []


def record_lines(rows: Sequence[Row]) -> bytes:
    """The records as NDJSON, a line for each."""
    return _encoder.encode_lines(_records(rows))


def records_body(rows: Sequence[Row], **rest: Any) -> bytes:
    """A page as JSON: `records`, and what else it tells."""
    return b'{"records":%b,%b' % (_encoder.encode(_records(rows)), jsonio.dumps(rest)[1:])


def _records(rows: Sequence[Row]) -> list[_Record]:
    """Their times are made together: by itself, each costs as much as all the rest of a record."""
    begins = _instants([row.entry.at for row in rows])
    ends = iter(_instants([until for row in rows if (until := row.entry.until) is not None]))
    found = []
    for row, at in zip(rows, begins, strict=True):
        _, stream, _, entry, is_corrected = row
        _, _, last, _, _, said, _, _, _, corrects, body, _ = entry
        end = next(ends) if last is not None else UNSET
        record = _Record(stream, at, end, msgspec.Raw(body), UNSET, _NO_FLAGS)
        if said or corrects is not None or is_corrected:
            record.flags = flags_of(row)
            record.placed_at = row.placed_at if "clock" in record.flags else UNSET
        found.append(record)
    return found


def _instants(micros: list[int]) -> list[datetime]:
    """`from_micros` of each, many at once as far as they are whole seconds."""
    whole = msgspec.convert([one // 1_000_000 for one in micros], list[datetime], strict=False)
    rest = [one % 1_000_000 for one in micros]
    if not any(rest):
        return whole
    return [at.replace(microsecond=more) for at, more in zip(whole, rest, strict=True)]
