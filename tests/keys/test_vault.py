"""The key-encryption key in a Vault: over real HTTP, with a small Vault on the other side."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from app.keys.log_keys import LogKeys, open_log_keys
from app.keys.models import KeyCheck, OwnerKey
from app.keys.provider import CannotUnwrap, KeyStoreLocked
from app.keys.vault_provider import VaultProvider
from app.kit.clock import FixedClock
from app.kit.db import Database
from app.kit.errors import Unavailable
from app.settings import Settings
from tests.keys.test_log_keys import new_name, opens, taken
from tests.keys.test_rotation import busy, rotate_in_turn
from tests.support.vault import TOKEN, Transit, vault


@pytest.fixture
def served_vault() -> Iterator[tuple[str, Transit]]:
    with vault() as running:
        yield running


@pytest.fixture
def transit(served_vault: tuple[str, Transit]) -> Transit:
    return served_vault[1]


@pytest.fixture
def vault_settings(data_dir: Path, served_vault: tuple[str, Transit]) -> Settings:
    return Settings(
        data_dir=data_dir, key_provider="vault", vault_url=served_vault[0], vault_token=TOKEN
    )


@pytest.fixture
def vault_keys(vault_settings: Settings, clock: FixedClock) -> Iterator[LogKeys]:
    with closing(open_log_keys(vault_settings, clock)) as opened:
        yield opened


@pytest.fixture
def provider(vault_settings: Settings) -> Iterator[VaultProvider]:
    url = vault_settings.vault_url
    with closing(VaultProvider(url, lambda: TOKEN, "inseam", "transit")) as made:
        yield made


def wrapped(settings: Settings) -> list[bytes]:
    with Database(settings.key_store_url, pool_size=2) as rows, rows.read() as db:
        return [*db.scalars(select(OwnerKey.wrapped)), *db.scalars(select(KeyCheck.wrapped))]


def test_owner_keys_are_wrapped_by_the_vault(
    vault_keys: LogKeys, vault_settings: Settings, clock: FixedClock
) -> None:
    name = new_name()
    key = taken(vault_keys, name)
    assert [one.split(b":")[:2] for one in wrapped(vault_settings)] == [[b"vault", b"v1"]] * 2
    assert not vault_settings.kek_path.exists()
    with closing(open_log_keys(vault_settings, clock)) as other:
        assert opens(other, name.tenure_id, key)


def test_the_vault_is_asked_once_for_an_owner(vault_keys: LogKeys, transit: Transit) -> None:
    name = new_name()
    taken(vault_keys, name)
    asked = len(transit.asked)
    for month in range(5):
        taken(vault_keys, new_name(name.owner_id)._replace(month=month))
    assert len(transit.asked) == asked


def test_rotation_re_wraps_and_old_versions_can_be_trimmed(
    vault_keys: LogKeys, vault_settings: Settings, transit: Transit, clock: FixedClock
) -> None:
    name = new_name()
    key = taken(vault_keys, name)
    assert vault_keys.rotate() == "v2"
    assert [one.version for one in vault_keys.versions()] == ["v2", "v1"]
    assert vault_keys.rewrap() == 1
    assert vault_keys.rewrap() == 0
    assert [one.split(b":")[1] for one in wrapped(vault_settings)] == [b"v2"] * 2
    transit.trim("inseam", 2)
    with closing(open_log_keys(vault_settings, clock)) as other:
        assert opens(other, name.tenure_id, key)


def test_no_call_fails_while_the_vault_rotates(
    vault_keys: LogKeys, vault_settings: Settings, clock: FixedClock
) -> None:
    known = [new_name() for _ in range(2)]
    keys = [taken(vault_keys, name) for name in known]

    def work(number: int) -> None:
        with closing(open_log_keys(vault_settings, clock)) as process:
            assert opens(process, known[number].tenure_id, keys[number])
            taken(process, new_name(known[number].owner_id))

    with busy(2, work) as done:
        assert rotate_in_turn(vault_keys, done, 3) >= 6


@pytest.mark.parametrize("status", [400, 500])
def test_what_the_vault_does_not_open_is_told_from_an_outage(
    provider: VaultProvider, transit: Transit, status: int
) -> None:
    """Versions of Vault differ in how they answer a wrong key or context."""
    transit.refusal = status
    wrapped = provider.wrap(b"a key", b"owner 1")
    assert provider.unwrap(wrapped, b"owner 1") == b"a key"
    with pytest.raises(CannotUnwrap):
        provider.unwrap(wrapped, b"owner 2")
    for changed in (
        wrapped[:-4] + b"AAA=",
        b"vault:v7:" + wrapped[9:],
        b"file:v1:x",
        b"vault:v1:\xff",
    ):
        with pytest.raises(CannotUnwrap):
            provider.unwrap(changed, b"owner 1")


def test_another_vault_stops_the_start(
    vault_keys: LogKeys, vault_settings: Settings, clock: FixedClock
) -> None:
    with vault() as (url, _), pytest.raises(KeyStoreLocked):
        open_log_keys(vault_settings.model_copy(update={"vault_url": url}), clock)


def test_another_provider_stops_the_start(
    vault_keys: LogKeys, vault_settings: Settings, clock: FixedClock
) -> None:
    with pytest.raises(KeyStoreLocked):
        open_log_keys(vault_settings.model_copy(update={"key_provider": "file"}), clock)
    assert not vault_settings.kek_path.exists()


def test_a_vault_that_binds_no_context_is_refused(
    vault_settings: Settings, transit: Transit, clock: FixedClock
) -> None:
    transit.binds_context = False
    with pytest.raises(KeyStoreLocked, match="binds no context"):
        open_log_keys(vault_settings, clock)
    assert not (vault_settings.data_dir / "keys.db").exists()


def test_a_sealed_vault_is_unavailable_and_what_is_held_still_works(
    vault_keys: LogKeys, vault_settings: Settings, transit: Transit, clock: FixedClock
) -> None:
    name = new_name()
    key = taken(vault_keys, name)
    transit.is_sealed = True
    assert opens(vault_keys, name.tenure_id, key)
    assert taken(vault_keys, new_name(name.owner_id))
    for fail in (lambda: taken(vault_keys, new_name()), vault_keys.rotate):
        with pytest.raises(Unavailable):
            fail()
    with pytest.raises(Unavailable):
        open_log_keys(vault_settings, clock)
    transit.is_sealed = False
    assert taken(vault_keys, new_name())


def test_a_vault_that_is_down_is_unavailable(data_dir: Path, clock: FixedClock) -> None:
    with vault() as (url, _):
        pass
    settings = Settings(data_dir=data_dir, key_provider="vault", vault_url=url, vault_token="x")
    with pytest.raises(Unavailable):
        open_log_keys(settings, clock)
    assert list(data_dir.iterdir()) == []


def test_a_token_that_was_renewed_is_read_again(
    vault_settings: Settings, transit: Transit, tmp_path: Path, clock: FixedClock
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    change = {"vault_token": "", "vault_token_file": str(file)}
    with closing(open_log_keys(vault_settings.model_copy(update=change), clock)) as keys:
        transit.token = "hvs.renewed"
        with pytest.raises(Unavailable):
            taken(keys, new_name())
        file.write_text("hvs.renewed")
        assert taken(keys, new_name())
        file.unlink()
        transit.token = "hvs.renewed-again"
        with pytest.raises(KeyStoreLocked):
            taken(keys, new_name())


@pytest.mark.parametrize("lacking", ["vault_url", "vault_token"])
def test_settings_that_lack_something_are_told(
    vault_settings: Settings, clock: FixedClock, lacking: str
) -> None:
    with pytest.raises(KeyStoreLocked, match="INSEAM_VAULT"):
        open_log_keys(vault_settings.model_copy(update={lacking: ""}), clock)


def test_the_token_is_never_shown(
    vault_settings: Settings,
    transit: Transit,
    clock: FixedClock,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    with closing(open_log_keys(vault_settings, clock)) as keys:
        taken(keys, new_name())
        transit.is_sealed = True
        with pytest.raises(Unavailable) as failed:
            taken(keys, new_name())
        shown = repr((vault_settings, keys, keys._provider, failed.value, failed.value.__cause__))
    assert TOKEN not in shown + "".join(capsys.readouterr()) + caplog.text
