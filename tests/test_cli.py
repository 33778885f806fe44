"""The command, as an operator types it."""

import json
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from typer.testing import CliRunner

from app import cli
from app.accesses.models import Access
from app.accounts.owners import create_owner
from app.demo.products import JEANS
from app.keys.ring import Keyring
from app.kit.clock import SystemClock
from app.kit.db import Database
from app.oauth.registration import register
from app.objects.mint import Minted, mint
from app.objects.products import register_product
from app.objects.spec import ProductSpec
from app.organizations.service import find_organization
from app.ownership.claim import Wish, claim
from app.settings import Settings
from tests.factories.oauth import make_purpose
from tests.support.source import ROOT

run = CliRunner()
JEANS_FILE = str(ROOT / "docs" / "examples" / "jeans.json")
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


def ask(*words: str) -> dict[str, Any]:
    result = run.invoke(cli.app, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
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


def test_r_02_an_operator_says_what_a_client_accepts(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("org", "create", "Mend & Co")
    words = ["client", "create", "mend-co", "--name", "Mend", "--scope", "grants:read"]
    assert ask(*words, "--accepts", "SD-BASE", "--accepts", "SD-BASE-DP")["client_id"]
    wrong = refuse(capsys, monkeypatch, *words, "--accepts", "SD-NONE")
    assert "SD-NONE: the roster has no such agreement" in wrong


def test_an_operator_verifies_a_domain_and_takes_it_back(home: Path) -> None:
    ask("org", "create", "Mend & Co")
    words = ("org", "verify", "mend-co")
    assert ask(*words)["verified_domain"] is None
    made = ask(*words, "--domain", "mend.example")
    assert made == {"organization": "mend-co", "verified_domain": "mend.example"}
    assert ask(*words) == made
    assert ask(*words, "--clear")["verified_domain"] is None


def test_an_operator_invites_lists_and_shuts_out(home: Path) -> None:
    made = ask("client", "invite", "--days", "2")
    assert made["initial_access_token"].startswith("inseam_ia_")
    life = datetime.fromisoformat(made["expires_at"]) - SystemClock().now()
    assert timedelta(days=1) < life <= timedelta(days=2)
    ask("org", "create", "Big Denim")
    ask("org", "create", "Other")
    words = ("client", "create", "big-denim", "--name", "Gateway", "--scope", "log:write")
    client_id = ask(*words)["client_id"]
    told = {"redirect_uris": ["https://mend.example/back"], "purposes": [make_purpose()]}
    settings = Settings()
    with Database(settings.url) as database, database.session() as db:
        token = made["initial_access_token"]
        vendor = register(db, SystemClock(), settings, token, told)["client_id"]
    listed = run.invoke(cli.app, ["client", "list"]).stdout.splitlines()
    assert [line.split()[0] for line in listed] == [client_id, vendor]
    assert [line.split()[2] for line in listed] == ["operator", "registration"]
    assert all("in use" in line for line in listed)
    assert run.invoke(cli.app, ["client", "list", "--organization", "other"]).stdout == ""
    assert ask("client", "disable", vendor) == {"client_id": vendor, "disabled": True}
    assert "disabled" in run.invoke(cli.app, ["client", "list"]).stdout.splitlines()[1]


@pytest.mark.parametrize(
    "domain", ["Mend.example", "mend", "https://mend.example", "mend.example.", "a b.example"]
)
def test_a_domain_that_is_none_is_said_in_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, domain: str
) -> None:
    ask("org", "create", "Mend & Co")
    said = refuse(capsys, monkeypatch, "org", "verify", "mend-co", "--domain", domain)
    assert "small letters" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("org", "verify", "nobody"), "organization"),
        (("org", "verify", "x", "--domain", "x.example", "--clear"), "not both"),
        (("client", "list", "--organization", "nobody"), "organization"),
        (("client", "disable", "nobody"), "client"),
        (("org", "create", "X", "--gs1-prefix", "12"), "GS1 company prefix"),
        (("org", "create", "X", "--ticket-key", "nowhere.json"), "nowhere.json"),
        (("client", "create", "Nobody", "--name", "X", "--scope", "log:write"), "organization"),
        (("export", "nobody@people.example"), "owner"),
        ((*MQTT, "--broker", "broker.example"), "mqtt://"),
        ((*MQTT, "--broker", "mqtt://b", "--object-from", "x"), "{object}"),
        ((*MQTT, "--broker", "mqtt://b"), "organization"),
        (("simulate", "S", "--product", JEANS_FILE, "--zone", "Nowhere/X"), "'Nowhere/X'"),
        (("simulate", "S", "--product", JEANS_FILE, "--zone", "../../etc/passwd"), "time zone"),
        (("simulate", "S", "--product", JEANS_FILE, "--zone", "Europe"), "time zone"),
        (("demo", "--port", "99999"), "65535"),
        (("demo", "--vendor-port", "0"), "65535"),
        (("org", "prefixes", "nobody"), "organization"),
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "streams"),
        ('"x"', "the product"),
        ('{"streams": 1}', "streams"),
        ('{"streams": []}', "streams"),
        ('{"streams": [{}]}', "streams/0/name"),
        ('{"streams": [{"name": "a", "kind": "instant", "fields": [{}]}]}', "streams/0/fields/0"),
        ("[1]", "streams/0"),
        ("no json", "JSON"),
        ("[NaN]", "JSON"),
    ],
)
def test_a_product_that_is_none_is_said_in_one_line(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    said: str,
) -> None:
    path = home / "product.json"
    path.write_text(text)
    line = refuse(capsys, monkeypatch, "simulate", "S", "--product", str(path))
    assert str(path) in line
    assert said in line


@pytest.mark.parametrize("text", ['"x"', "[]", "{}", "null", "7", '{"kty": ["EC"]}'])
def test_a_ticket_key_that_is_none_is_said_in_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = home / "key.json"
    path.write_text(text)
    line = refuse(capsys, monkeypatch, "org", "create", "X", "--ticket-key", str(path))
    assert "public key" in line
    assert "organization" in refuse(capsys, monkeypatch, "org", "prefixes", "X"), "nothing is made"


@pytest.mark.parametrize("text", ["[1]", '["x"]', "{}", "null", '"x"', "[{}]", '[{"scopes": 1}]'])
def test_purposes_that_are_none_are_said_in_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    ask("org", "create", "Mend & Co")
    path = home / "purposes.json"
    path.write_text(text)
    words = ["client", "create", "mend-co", "--name", "Mend", "--scope", "usage:read"]
    words += ["--redirect-uri", "https://mend.example/back", "--purposes", str(path)]
    assert "purpose" in refuse(capsys, monkeypatch, *words)


def test_a_client_that_could_never_work_is_told_what_it_lacks(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("org", "create", "Mend & Co")
    words = ["client", "create", "mend-co", "--name", "Mend", "--scope"]
    assert "redirect URI" in refuse(capsys, monkeypatch, *words, "usage:read")
    assert "secret" in refuse(capsys, monkeypatch, *words, "log:write", "--public")


EVERY_DATABASE = [["migrate"], ["serve"], ["serve", "--no-migrate"], ["worker"]]
EVERY_DATABASE += [["org", "create", "X"], ["export", "me@people.example"]]


@pytest.mark.parametrize("words", EVERY_DATABASE, ids=lambda words: "-".join(words[:2]))
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:hunter2hunter2@127.0.0.1:1/x", "The database cannot be used"),
        ("sqlite:///{home}/no-database.db", "The database cannot be used"),
        ("sqlite:///{home}", "The database cannot be used"),
        ("sqlite:////proc/nowhere/x.db", "/proc/nowhere"),
        ("mysql://me:hunter2hunter2@db.example/x", "INSEAM_DATABASE_URL"),
        ("foo", "INSEAM_DATABASE_URL"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_one_line(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    url: str,
    said: str,
) -> None:
    (home / "no-database.db").write_text("This was never a database, long as it may be. " * 30)
    monkeypatch.setenv("INSEAM_DATABASE_URL", url.replace("{home}", str(home)))
    line = refuse(capsys, monkeypatch, *words)
    assert said in line
    assert "hunter2" not in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/nowhere"])
@pytest.mark.parametrize("words", [["migrate"], ["keys", "list"], ["worker"]])
def test_a_folder_that_cannot_be_is_said_in_one_line(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    folder: str,
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("INSEAM_DATA_DIR", str(home / folder))
    assert str(home / folder) in refuse(capsys, monkeypatch, *words)


def test_copies_are_not_written_into_a_file(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    words = ("export", "me@people.example", "--out", str(home / "file"))
    assert str(home / "file") in refuse(capsys, monkeypatch, *words)


def test_the_operator_reassigns_a_prefix(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("org", "create", "Big Denim", "--gs1-prefix", "950600")
    words = ("org", "create", "Drum Works", "--gs1-prefix", "9506001")
    assert "Big Denim" in refuse(capsys, monkeypatch, *words)
    ask("org", "create", "Drum Works")
    assert ask("org", "prefixes", "big-denim")["gs1_prefixes"] == ["950600"]
    words = ("org", "prefixes", "drum-works", "--gs1-prefix", "9506001")
    assert "Big Denim" in refuse(capsys, monkeypatch, *words)
    assert ask("org", "prefixes", "Big Denim", "--clear")["gs1_prefixes"] == []
    assert ask(*words)["gs1_prefixes"] == ["9506001"]
    assert ask("org", "prefixes", "drum-works")["gs1_prefixes"] == ["9506001"]


def test_proxies_that_are_believed_are_a_setting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr("uvicorn.run", lambda *_, **more: told.update(more))
    monkeypatch.setenv("INSEAM_FORWARDED_ALLOW_IPS", "10.0.0.0/8")
    assert run.invoke(cli.app, ["serve"]).exit_code == 0
    assert (told["proxy_headers"], told["forwarded_allow_ips"]) == (True, "10.0.0.0/8")


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
    with Database(url, pool_size=4) as database, database.read() as db:
        rows = [(row.action, row.reader, row.result) for row in db.scalars(select(Access))]
    assert rows == [("export", "The operator, for you", "given")] * 2


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
