"""Which object a message is about, as its topic says. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

from app.kit.ids import derived_id, parse_id
from app.mqtt.errors import MqttInvalid

OBJECT, SERIAL = "{object}", "{serial}"


@dataclass(frozen=True)
class Template:
    """A topic with a name in it: an object's id, or the serial of one of a product's objects."""

    pattern: re.Pattern[str]
    product_id: UUID | None = None

    def object_of(self, topic: str) -> UUID | None:
        """The id of the object that the topic names, whether it exists or not; None where the
        topic is another, or names none."""
        found = self.pattern.fullmatch(topic)
        if found is None:
            return None
        name = unquote(found[1])
        return parse_id(name) if self.product_id is None else derived_id(self.product_id, name)


def read_template(text: str | None, product_id: UUID | None) -> Template | None:
    """A template such as `inseam/{object}/events`; with `+` for a level that may be anything.

    A serial stands in a topic as in a Digital Link, with the characters that a topic cannot hold
    percent-encoded. MqttInvalid.
    """
    if text is None:
        if product_id is not None:
            raise MqttInvalid(f"--product needs a template with {SERIAL}.")
        return None
    if text.count(OBJECT) + text.count(SERIAL) != 1 or "#" in text:
        raise MqttInvalid(f"The template {text!r} must name {OBJECT} or {SERIAL} once.")
    if (SERIAL in text) != (product_id is not None):
        raise MqttInvalid(f"A template with {SERIAL} needs --product, no other does.")
    levels = [_pattern(level) for level in text.split("/")]
    return Template(re.compile("/".join(levels), re.DOTALL), product_id)


def _pattern(level: str) -> str:
    if level == "+":
        return "[^/]*"
    before, name, after = re.split(r"(\{object\}|\{serial\}|$)", level, maxsplit=1)
    return re.escape(before) + ("([^/]+)" if name else "") + re.escape(after)
