"""What becomes of a message: stored, or a dead letter that says why and never what it held."""

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import cbor2
import pytest
import zstandard
from sqlalchemy import update

from app.keys.log_keys import run_now
from app.kit.clock import FixedClock, SystemClock
from app.kit.crypto import sha256
from app.mqtt import taking as taking_module
from app.mqtt.taking import Arrived, Reader, Taking
from app.mqtt.template import read_template
from app.objects.models import Tenure
from app.organizations.dead_letters import forget_old
from app.organizations.models import LONGEST_TOPIC
from app.usage.ingest import Taker
from app.usage.schema import StreamCache
from tests.factories import usage as rows
from tests.mqtt.conftest import BY_ID, Scene

Take = Callable[..., None]

SENML_CBOR = "application/senml+cbor"


@pytest.fixture
def take(scene: Scene) -> Take:
    """Takes messages in together, as they come from the broker."""
    clock = SystemClock()
    taker = Taker(scene.keys, StreamCache(), timedelta(minutes=5))
    taking = Taking(scene.world.maker.org_id, clock, taker)

    def take_in(*messages: Arrived, template: str | None = BY_ID) -> None:
        product = scene.world.product.product_id if template and "{serial}" in template else None
        made = Reader(scene.settings, clock, read_template(template, product))
        parcels = [made.read(message) for message in messages]

        def work() -> None:
            database = scene.world.database
            database.submit(lambda conn: taking.take_together(conn, parcels)).result(30)

        run_now(scene.keys, work)

    return take_in


def topic(thing: object) -> str:
    return f"inseam/{thing}/events"


def test_every_way_to_send_a_body_is_read(scene: Scene, thing: UUID, take: Take) -> None:
    start = (scene.started - timedelta(minutes=1)).timestamp()
    lines = b"\n".join(json.dumps(scene.record()).encode() for _ in range(2))
    messages = [
        (scene.body(), "", ""),
        (json.dumps(scene.record()).encode(), "application/json; charset=utf-8", "identity"),
        (lines, "application/x-ndjson", ""),
        (gzip.compress(scene.body()), "", "gzip"),
        (zstandard.compress(scene.body()), "application/json", "zstd"),
        (json.dumps([{"n": "steps", "v": 5, "t": start}]).encode(), "application/senml+json", ""),
        (cbor2.dumps([{0: "steps", 2: 7, 6: start + 1}]), SENML_CBOR, ""),
    ]
    take(*[Arrived(topic(thing), *message) for message in messages])
    assert scene.reasons() == []
    assert len(scene.rows(thing)) == 8


def test_records_may_name_their_objects(scene: Scene, thing: UUID, take: Take) -> None:
    body = json.dumps([scene.record(object=str(thing)), scene.record(object=str(uuid4()))])
    take(Arrived("anything", body.encode()), template=None)
    (letter,) = scene.letters()
    assert (letter.reason, letter.refused, letter.line) == ("not-found", 1, 2)
    assert scene.stored(thing) == ["r1"]


def test_a_serial_names_the_object(scene: Scene, thing: UUID, take: Take) -> None:
    take(Arrived("jeans/SL-1/x", scene.body()), template="jeans/{serial}/x")
    take(Arrived("jeans/SL-2/x", scene.body()), template="jeans/{serial}/x")
    assert scene.stored(thing) == ["r1"]
    assert scene.reasons() == ["not-found"]


def test_one_bad_message_touches_no_other(scene: Scene, thing: UUID, take: Take) -> None:
    bad = b'{"stream":"wear","at":"2026-secret'
    take(
        Arrived(topic(thing), scene.body()),
        Arrived(topic(thing), bad),
        Arrived(topic(thing), scene.body()),
    )
    assert scene.stored(thing) == sorted(scene.ids)
    (letter,) = scene.letters()
    assert (letter.topic, letter.reason, letter.refused) == (topic(thing), "invalid-json", None)
    assert (letter.size, letter.sha256) == (len(bad), sha256(bad))
    assert abs(letter.at - SystemClock().now()) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "reason"),
    [
        (b"", "", "", "invalid-json"),
        (b"\xff", "", "", "invalid-json"),
        (b"3", "", "", "invalid-record"),
        (b"[]", "text/csv", "", "unsupported-encoding"),
        (b"[]", "", "br", "unsupported-encoding"),
        (b"[]", "", "gzip", "malformed-request"),
        (b"\xff", SENML_CBOR, "", "invalid-cbor"),
        (b" " * (8 * 1024 * 1024 + 1), "", "", "body-too-large"),
        (gzip.compress(b" " * (32 * 1024 * 1024 + 1)), "", "gzip", "body-too-large"),
        (json.dumps([{}] * 10_001).encode(), "", "", "too-many-records"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value or "-",
)
@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_what_cannot_be_read_is_a_dead_letter(
    scene: Scene,
    thing: UUID,
    take: Take,
    body: bytes,
    content_type: str,
    encoding: str,
    reason: str,
) -> None:
    take(Arrived(topic(thing), body, content_type, encoding))
    assert [(one.reason, one.size) for one in scene.letters()] == [(reason, len(body))]


def test_lines_that_are_refused_are_counted(scene: Scene, thing: UUID, take: Take) -> None:
    records = [scene.record(), scene.record(stream="none"), scene.record(values={"x": 1})]
    take(Arrived(topic(thing), json.dumps(records).encode()))
    (letter,) = scene.letters()
    assert (letter.reason, letter.refused, letter.line) == ("unknown-stream", 2, 2)
    assert scene.stored(thing) == ["r1"]


def test_what_no_owner_wants_is_a_dead_letter(scene: Scene, thing: UUID, take: Take) -> None:
    nobodys, _ = scene.world.minted("SL-2")
    paused = scene.world.owned(scene.world.owner(), "SL-3")
    with scene.world.database.session() as db:
        db.execute(update(Tenure).where(Tenure.object_id == paused).values(pauses=[["*", 0, None]]))
    take(Arrived(topic(nobodys), scene.body()), Arrived(topic(paused), scene.body()))
    assert scene.reasons() == ["object-unclaimed", "recording-paused"]


def test_another_makers_object_is_as_one_that_is_not(scene: Scene, take: Take) -> None:
    unknown = uuid4()
    foreign = _foreign_thing(scene)
    take(Arrived(topic(unknown), scene.body()), Arrived(topic(foreign), scene.body()))
    take(Arrived("inseam/not-an-id/events", scene.body()))
    letters = scene.letters()
    assert {(one.reason, one.refused, one.line) for one in letters} == {("not-found", None, None)}
    assert len(letters) == 3
    assert scene.count(foreign) == 0


def _foreign_thing(scene: Scene) -> UUID:
    """Another maker's object, with an owner."""
    clock = scene.world.clock
    with scene.world.database.connection() as conn:
        org_id = rows.make_maker(conn, clock, "Other")
        product_id = rows.make_product(conn, org_id, clock.now())
        foreign = rows.make_thing(conn, clock, org_id, product_id, "S1")
        rows.give_thing(conn, clock, foreign)
    return foreign


def test_the_same_message_again_is_the_same_letter(scene: Scene, thing: UUID, take: Take) -> None:
    good = Arrived(topic(thing), scene.body())
    bad = Arrived(topic(thing), b"{")
    take(good, bad, bad, Arrived(topic(uuid4()), b"{"))
    first = {one.letter_id: one.at for one in scene.letters()}
    take(good, bad)
    second = {one.letter_id: one.at for one in scene.letters()}
    assert len(first) == 2
    assert first.keys() == second.keys()
    assert sum(second[one] > first[one] for one in first) == 1
    assert scene.stored(thing) == ["r1"]


def test_of_a_long_topic_the_beginning_is_kept(scene: Scene, take: Take) -> None:
    long = "é" * 3000
    take(Arrived(f"{long}1", b"{"), Arrived(f"{long}2", b"{"))
    assert [one.topic for one in scene.letters()] == ["é" * LONGEST_TOPIC] * 2


def test_what_breaks_the_reader_is_a_dead_letter(
    scene: Scene, thing: UUID, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(taking_module, "read_body", break_down)
    take(Arrived(topic(thing), scene.body()))
    assert scene.reasons() == ["internal-error"]


def test_letters_are_kept_for_thirty_days(scene: Scene, take: Take) -> None:
    take(Arrived("x", b"{"))
    for days, kept in ((29, 1), (31, 0)):
        later = FixedClock(SystemClock().now() + timedelta(days=days))
        with scene.world.database.connection() as conn:
            assert forget_old(conn, later) == 1 - kept
        assert len(scene.letters()) == kept
