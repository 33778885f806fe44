"""NDJSON: one record on each line. Pure."""

from io import BytesIO
from uuid import UUID

from app.kit import jsonio
from app.kit.errors import DomainError
from app.usage.errors import TooManyRecords
from app.usage.formats.plain import read_plain
from app.usage.items import MAX_RECORDS, Item, RefusedLine, read_item

_BLANK = b" \t\r\n"


def read_ndjson(body: bytes, object_id: UUID | None = None) -> list[Item | RefusedLine]:
    """The records in the lines of a body, each read by the strict reader and refused alone.

    Lines end with LF or CRLF. A blank one is no record, but counts when lines are numbered.
    InvalidJson where all of them together hold too much.
    """
    jsonio.check_size(body)
    known: dict[str, UUID | None] = {}
    items: list[Item | RefusedLine] = []
    for line, text in enumerate(BytesIO(body), 1):
        if not text.strip(_BLANK):
            continue
        if len(items) == MAX_RECORDS:
            raise TooManyRecords(f"The call has more than {MAX_RECORDS} records.")
        items.append(_read_line(line, text, object_id, known))
    return items


def _read_line(
    line: int, text: bytes, object_id: UUID | None, known: dict[str, UUID | None]
) -> Item | RefusedLine:
    plain = read_plain(text, object_id)
    if plain is not None and len(plain) == 1 and text.lstrip(_BLANK)[:1] == b"{":
        return plain[0]._replace(line=line)
    try:
        return read_item(line, jsonio.loads(text), object_id, known)
    except DomainError as error:
        return RefusedLine(line, error)
