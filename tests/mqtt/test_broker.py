"""Where the broker is, as an operator says it."""

from pathlib import Path

import pytest

from app.mqtt.broker import read_broker
from app.mqtt.errors import MqttInvalid


def test_an_address_says_where_and_who(tmp_path: Path) -> None:
    plain = read_broker("mqtt://broker.example")
    assert (plain.host, plain.port, plain.user, plain.tls) == ("broker.example", 1883, None, None)
    told = read_broker("mqtts://gate%40way:pass%2Fword@[::1]:9000/")
    assert (told.host, told.port, told.user, told.password) == (
        "::1",
        9000,
        "gate@way",
        "pass/word",
    )
    assert told.tls is not None
    assert told.tls.check_hostname
    assert read_broker("mqtts://broker.example").port == 8883
    secret = tmp_path / "password"
    secret.write_text("from a file\n")
    assert read_broker("mqtt://me@broker.example", secret).password == "from a file"


@pytest.mark.parametrize(
    "url",
    [
        "broker.example:1883",
        "http://broker.example",
        "mqtt://",
        "mqtt://broker.example:99999",
        "mqtt://broker.example/topic",
        "mqtt://broker.example?x=1",
    ],
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(MqttInvalid):
        read_broker(url)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MqttInvalid, match="nowhere"):
        read_broker("mqtt://broker.example", tmp_path / "nowhere")
    with pytest.raises(MqttInvalid):
        read_broker("mqtts://broker.example", ca_file=tmp_path / "nowhere")


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(read_broker("mqtt://me:hunter2@broker.example"))
