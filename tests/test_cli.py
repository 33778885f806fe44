"""The command, as an operator types it."""

import json
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from app import cli
from app.accounts.owners import create_owner
from app.demo.products import JEANS
from app.keys.ring import Keyring
from app.kit.clock import SystemClock
from app.kit.db import Database
from app.objects.mint import Minted, mint
from app.objects.products import register_product
from app.objects.spec import ProductSpec
from app.organizations.service import find_organization
from app.ownership.claim import Wish, claim
from tests.support.source import ROOT

run = CliRunner()
MQTT = ("mqtt", "--topic", "x/+", "--organization", "nobody")


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    """A command sends logs to where it runs, which is closed when it ends."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INSEAM_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def ask(*words: str) -> dict[str, str]:
    result = run.invoke(cli.app, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    found: dict[str, str] = json.loads(result.stdout)
    return found


def refuse(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """The one line that a person sees when something can be mended."""
    monkeypatch.setattr("sys.argv", ["inseam", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    text = str(ended.value)
    assert text.startswith("inseam: ")
    assert "Traceback" not in text + capsys.readouterr().err
    return text


def test_an_operator_registers_a_maker_and_a_vendor(home: Path) -> None:
    made = ask("org", "create", "Big Denim", "--gs1-prefix", "950600", "--country", "FR")
    assert made["organization"] == "big-denim"
    scopes = [w for s in ("products:write", "log:write") for w in ("--scope", s)]
    maker = ask("client", "create", "big-denim", "--name", "Gateway", *scopes)
    assert maker["client_secret"].startswith("inseam_cs_")
    ask("org", "create", "Mend & Co", "--verified-domain", "mend.example")
    purposes = ROOT / "docs" / "examples" / "purposes.json"
    words = ["client", "create", "Mend & Co", "--name", "Mend", "--purposes", str(purposes)]
    words += ["--redirect-uri", "https://mend.example/callback"]
    for scope in ("usage:read", "care:read", "body:read"):
        words += ["--scope", scope]
    assert ask(*words)["client_id"].startswith("mend-")
    public = ask(*words, "--public")
    assert public["client_secret"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("org", "create", "X", "--gs1-prefix", "12"), "GS1 company prefix"),
        (("org", "create", "X", "--ticket-key", "nowhere.json"), "nowhere.json"),
        (("client", "create", "Nobody", "--name", "X", "--scope", "log:write"), "organization"),
        (("export", "nobody@people.example"), "owner"),
        ((*MQTT, "--broker", "broker.example"), "mqtt://"),
        ((*MQTT, "--broker", "mqtt://b", "--object-from", "x"), "{object}"),
        ((*MQTT, "--broker", "mqtt://b"), "organization"),
    ],
)
def test_what_can_be_mended_is_said_in_one_line(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    assert said in refuse(capsys, monkeypatch, *words)


def test_what_is_not_installed_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.startswith("app.mqtt")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiomqtt", None)
    text = refuse(capsys, monkeypatch, *MQTT, "--broker", "mqtt://b")
    assert text == "inseam: The command mqtt needs aiomqtt: install inseam[mqtt]."
    assert run.invoke(cli.app, ["keys", "list"]).exit_code == 0


def test_a_bad_setting_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSEAM_PUBLIC_URL", "http://things.example")
    text = refuse(capsys, monkeypatch, "migrate")
    assert "INSEAM_PUBLIC_URL" in text
    assert "https" in text


def test_keys_are_listed_and_rotated(home: Path) -> None:
    first = run.invoke(cli.app, ["keys", "list"]).stdout.splitlines()
    assert [line.split()[0] for line in first] == ["cursor", "signing", "wrapping"]
    ring = Keyring(home / "data" / "keyring.json", SystemClock())
    assert (home / "data" / "keyring.json").stat().st_mode & 0o777 == 0o600
    old = ring.keys("signing")[0]
    run.invoke(cli.app, ["keys", "rotate", "--signing"])
    kinds = [(key.kind, key.key_id == old.key_id) for key in ring.keys("signing")]
    assert kinds == [("signing", False), ("signing", True)]
    assert len(ring.keys("cursor")) == 1
    assert {k["kid"] for k in ring.public_jwks()["keys"]} == {
        key.key_id for key in ring.keys("signing")
    }
    for line in run.invoke(cli.app, ["keys", "list"]).stdout.splitlines():
        assert "secret" not in line


def test_a_damaged_key_ring_is_never_written_over(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.invoke(cli.app, ["keys", "list"])
    path = home / "data" / "keyring.json"
    path.write_text(path.read_text()[:40])
    assert "keyring.json" in refuse(capsys, monkeypatch, "keys", "rotate")
    assert len(path.read_text()) == 40


def test_an_owner_gets_a_copy_of_each_thing(home: Path) -> None:
    ask("org", "create", "Big Denim", "--gs1-prefix", "950600")
    clock = SystemClock()
    url = f"sqlite:///{home / 'data' / 'inseam.db'}"
    with Database(url, pool_size=4) as database, database.session() as db:
        maker = find_organization(db, "big-denim")
        product = register_product(db, clock, maker.org_id, ProductSpec.model_validate(JEANS))
        owner = create_owner(db, clock, "Me", email="me@people.example")
        (made,) = mint(db.connection(), clock, product, ["SL-1"], 30)
        assert isinstance(made, Minted)
        since = clock.now() - timedelta(days=2)
        claim(db, clock, owner.owner_id, made.code, Wish("me", since), 30)
    result = run.invoke(cli.app, ["export", "me@people.example", "--out", str(home / "out")])
    assert result.exit_code == 0, (result.output, result.exception)
    (path,) = (home / "out").iterdir()
    with zipfile.ZipFile(path) as archive:
        assert "manifest.json" in archive.namelist()


def test_a_simulated_life_is_the_same_again(home: Path) -> None:
    jeans = ROOT / "docs" / "examples" / "jeans.json"
    words = ["simulate", "SL-000042", "--product", str(jeans), "--days", "10"]
    first, again, other = (
        run.invoke(cli.app, [*words, *more]).stdout for more in ([], [], ["--seed", "2"])
    )
    assert first == again != other
    records = json.loads(first)
    assert {r["stream"] for r in records} == {"wear", "wash", "fit", "place"}


@pytest.mark.parametrize(
    "words",
    [[], ["serve"], ["org", "create"], ["client", "create"], ["keys"], ["simulate"], ["mqtt"]],
)
def test_the_help_is_enough_to_work_from(words: list[str]) -> None:
    result = run.invoke(cli.app, [*words, "--help"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 8
