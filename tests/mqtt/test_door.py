"""Through a real broker: what is said beside a message, bad ones among good ones, names and TLS."""

import gzip
import json
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.mqtt.conftest import (
    BY_ID,
    SUBSCRIBED,
    TOPIC,
    Device,
    Scene,
    consuming,
    make_consumer,
    properties,
    wait_until,
)
from tests.support.mosquitto import Mosquitto
from tests.support.source import ROOT


def test_a_bad_message_in_the_middle_stops_nothing(
    scene: Scene, thing: UUID, mosquitto: Mosquitto, device: Device
) -> None:
    cbor = properties("application/senml+cbor")
    with consuming(mosquitto.url, make_consumer(scene)):
        device.publish(thing, scene.body())
        device.publish(thing, b"{")
        device.publish(thing, gzip.compress(scene.body()), properties=properties(encoding="gzip"))
        device.publish(thing, scene.body(), properties=cbor)
        device.publish(uuid4(), scene.body())
        device.publish(thing, b" " * 9_000_000)
        device.publish(thing, b"", retain=True)
        device.publish(thing, scene.body(), qos=0)
        device.send(thing, scene.body(2))
        scene.wait_stored(thing, 5)
        wait_until(lambda: len(scene.letters()) >= 5, "a dead letter is missing")
    assert scene.stored(thing) == ["r1", "r2", "r5", "r6", "r7"]
    assert scene.reasons() == [
        "body-too-large",
        "invalid-cbor",
        "invalid-json",
        "invalid-json",
        "not-found",
    ]


def test_what_was_retained_is_not_taken_with_each_subscription(
    scene: Scene, thing: UUID, mosquitto: Mosquitto, device: Device
) -> None:
    device.send(thing, scene.body(is_named=False), retain=True)
    for count in (1, 2):
        with consuming(mosquitto.url, make_consumer(scene)):
            device.send(thing, scene.body(is_named=False))
            scene.wait_stored(thing, count)
    assert scene.count(thing) == 2


def test_what_came_while_nobody_was_there_is_taken_later(
    scene: Scene, thing: UUID, mosquitto: Mosquitto, device: Device
) -> None:
    with consuming(mosquitto.url, make_consumer(scene)):
        pass
    device.send(thing, scene.body())
    with consuming(mosquitto.url, make_consumer(scene)):
        scene.wait_stored(thing, 1)
    assert scene.stored(thing) == scene.ids


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A broker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return certificate, secret


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_a_name_and_tls_open_the_broker(scene: Scene, thing: UUID, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    names = tmp_path / "names"
    more = f"certfile {certificate}\nkeyfile {key}\npassword_file {names}\n"
    broker = Mosquitto(tmp_path / "mosquitto", more, is_open=False)
    names.touch(mode=0o600)
    tool = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
    subprocess.run([tool, "-b", names, "gate", "a secret"], check=True)
    broker.start()
    secret = tmp_path / "password"
    secret.write_text("a secret\n")
    url = f"mqtts://gate@127.0.0.1:{broker.port}"
    files = {"password_file": secret, "ca_file": certificate}
    try:
        with (
            closing(Device(broker.port, user=("gate", "a secret"), ca_file=certificate)) as device,
            consuming(url, make_consumer(scene), **files),
        ):
            device.send(thing, scene.body())
            scene.wait_stored(thing, 1)
    finally:
        broker.end(signal.SIGKILL)


@pytest.mark.parametrize("engine_kind", ["sqlite"], indirect=True)
def test_the_command_takes_messages_until_it_is_asked_to_end(
    scene: Scene, thing: UUID, mosquitto: Mosquitto, device: Device, tmp_path: Path
) -> None:
    words = ["--broker", mosquitto.url, "--topic", TOPIC, "--object-from", BY_ID]
    words += ["--organization", scene.world.maker.name]
    data = {"INSEAM_DATA_DIR": str(scene.settings.data_dir)}
    errors = tmp_path / "errors"
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "mqtt", *words], cwd=ROOT, env=data, stderr=file
        )
    try:
        wait_until(lambda: SUBSCRIBED in errors.read_text(), "it did not subscribe")
        device.send(thing, json.dumps(scene.record()).encode())
        scene.wait_stored(thing, 1)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert str(thing) not in errors.read_text(), "logs name no objects"
