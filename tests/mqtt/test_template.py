"""Which object a topic names."""

from uuid import UUID

import pytest

from app.kit.ids import derived_id
from app.mqtt.errors import MqttInvalid
from app.mqtt.template import Template, read_template

THING = UUID("7e1b7d1c-0f51-5d0c-8a34-1f8a0f2f6c11")
PRODUCT = UUID("5b0a8a57-6f52-4a53-93f4-1d1f6f1c8e2a")


def read(text: str, product_id: UUID | None = None) -> Template:
    made = read_template(text, product_id)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("template", "topic", "is_named"),
    [
        ("inseam/{object}/events", f"inseam/{THING}/events", True),
        ("{object}", f"{THING}", True),
        ("{object}", f"{str(THING).upper()}", True),
        ("a.b/+/x-{object}-y/z", f"a.b/anything/x-{THING}-y/z", True),
        ("a/+/{object}", f"a//{THING}", True),
        ("inseam/{object}/events", f"inseam/{THING}/events/more", False),
        ("inseam/{object}/events", f"more/inseam/{THING}/events", False),
        ("inseam/{object}/events", f"inseam/{THING}/more/events", False),
        ("inseam/{object}/events", "inseam//events", False),
        ("inseam/{object}/events", "inseam/SL-1/events", False),
        ("inseam/{object}/events", f"inseam/{THING.hex}/events", False),
        ("a.b/{object}", f"aXb/{THING}", False),
        ("+/{object}", f"a/b/{THING}", False),
    ],
)
def test_an_id_stands_where_the_template_says(template: str, topic: str, is_named: bool) -> None:
    assert read(template).object_of(topic) == (THING if is_named else None)


@pytest.mark.parametrize(
    ("level", "serial"),
    [
        ("SL-1", "SL-1"),
        ("SL%2F1", "SL/1"),
        ("%23%2B%25", "#+%"),
        ("é", "é"),
        ("SL 1", "SL 1"),
        ("100%", "100%"),
    ],
)
def test_a_serial_is_written_as_in_a_digital_link(level: str, serial: str) -> None:
    found = read("jeans/{serial}", PRODUCT).object_of(f"jeans/{level}")
    assert found == derived_id(PRODUCT, serial)


def test_without_a_template_records_name_their_objects() -> None:
    assert read_template(None, None) is None


@pytest.mark.parametrize(
    ("template", "product_id"),
    [
        ("inseam/+/events", None),
        ("{object}/{object}", None),
        ("{object}/{serial}", PRODUCT),
        ("{object}/#", None),
        ("{serial}", None),
        ("{object}", PRODUCT),
        (None, PRODUCT),
    ],
)
def test_a_template_names_one_thing_in_one_way(
    template: str | None, product_id: UUID | None
) -> None:
    with pytest.raises(MqttInvalid):
        read_template(template, product_id)
