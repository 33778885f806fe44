"""Settings: sensible defaults, clear refusals, and each one documented."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.settings import Settings

RUNNING = Path(__file__).parents[1] / "docs" / "running.md"


def documented_row(name: str, field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, bool):
        default = str(default).lower()
    shown = "empty" if str(default) == "" else f"`{default}`"
    return f"| `INSEAM_{name.upper()}` | {shown} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    row = documented_row(name, Settings.model_fields[name])
    assert row in RUNNING.read_text().splitlines(), f"docs/running.md lacks this row: {row}"


def test_documented_settings_exist() -> None:
    named = set(re.findall(r"INSEAM_([A-Z0-9_]+)", RUNNING.read_text()))
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_no_setting_is_needed_to_start() -> None:
    settings = Settings()
    assert settings.url == "sqlite:///var/inseam.db"
    assert not settings.demo
    assert settings.public_url == ""


def test_environment_sets_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSEAM_DATABASE_URL", "postgresql://db.example/inseam")
    assert Settings().url == "postgresql://db.example/inseam"


def test_settings_cannot_change_afterwards() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"public_url": "http://things.example"}, "must be an https origin"),
        ({"public_url": "https://things.example/app"}, "without a path"),
        ({"public_url": "things.example"}, "must be an https origin"),
        ({"threads": 12, "pool_size": 14}, "at least threads \\+ 3"),
        ({"send_deadline_seconds": 3}, "less than or equal to 2"),
        ({"grant_max_days": 0}, "greater than or equal to 1"),
        ({"no_such_setting": 1}, "not permitted"),
        ({"database_url": "foo"}, "must be sqlite:///"),
        ({"database_url": "mysql://u:hunter2hunter2@db.example/x"}, "must be sqlite:///"),
        ({"database_url": "postgresql://db.example:port/x"}, "must be sqlite:///"),
        ({"database_url": "postgresql+psycopg2://db.example/x"}, "must be sqlite:///"),
        ({"database_url": "sqlite://"}, "must be sqlite:///"),
        ({"forwarded_allow_ips": "10.0.0.1, proxy.example"}, "'proxy.example' is no address"),
        ({"forwarded_allow_ips": "10.0.0.1/8"}, "is no address"),
        ({"forwarded_allow_ips": "*, 10.0.0.1"}, "is no address"),
    ],
)
def test_wrong_setting_is_refused_with_its_reason(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings(**given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Things.Example", "https://things.example"),
        ("https://things.example/", "https://things.example"),
        ("http://localhost:8000", "http://localhost:8000"),
    ],
)
def test_public_url_is_kept_as_an_origin(given: str, kept: str) -> None:
    assert Settings(public_url=given).public_url == kept


@pytest.mark.parametrize("given", ["", "*", "10.0.0.0/8, ::1", "127.0.0.1"])
def test_proxies_are_addresses_networks_or_all(given: str) -> None:
    assert Settings(forwarded_allow_ips=given).forwarded_allow_ips == given


def test_password_is_not_shown() -> None:
    assert "hunter2hunter2" not in repr(Settings(smtp_password="hunter2hunter2"))
