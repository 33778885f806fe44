"""The command `inseam`: run the service, register organizations, look after keys."""

import importlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
import uvicorn
from alembic.util import CommandError
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.owners import find_owner
from app.consent.receipt_check import MOST, ReceiptWrong, check_file
from app.demo.run import run_demo
from app.demo.simulate import simulate
from app.exports.make import make_work
from app.exports.service import hand_out, request_export
from app.keys.eager import EagerKeys
from app.keys.log_keys import LogKeys, open_log_keys
from app.keys.ring import KINDS, Keyring
from app.kit import jsonio, logs
from app.kit.clock import SystemClock
from app.kit.db import Database
from app.kit.errors import DomainError, InvalidJson, fault_text
from app.kit.jobs import run_whole
from app.kit.migrate import is_current, migrate
from app.oauth.registration import invite
from app.oauth.scopes import CLIENT_SCOPES
from app.objects.spec import FieldSpec
from app.objects.tenures import held_objects
from app.organizations.client_rules import DEVICE_CODE
from app.organizations.clients import create_client, disable_client, list_clients
from app.organizations.service import (
    check_ticket_key,
    create_organization,
    find_organization,
    set_prefixes,
    verify_domain,
)
from app.settings import Settings
from app.terms.roster import known_ids
from app.usage.verify import verify_log
from app.worker import Worker

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Inseam: connected objects have an identity and a usage log; their owner holds the keys."
    "\n\nEvery setting is read from INSEAM_* (see docs/running.md).",
)
org = typer.Typer(no_args_is_help=True, help="Organizations: makers and vendors.")
client = typer.Typer(no_args_is_help=True, help="OAuth clients of organizations.")
log = typer.Typer(no_args_is_help=True, help="The usage log.")
keys = typer.Typer(no_args_is_help=True, help="The service's keys, and the one over the log's.")
app.add_typer(org, name="org")
app.add_typer(client, name="client")
app.add_typer(keys, name="keys")
app.add_typer(log, name="log")
receipt = typer.Typer(no_args_is_help=True, help="Receipts of consent.")
app.add_typer(receipt, name="receipt")

_OPERATOR = "The operator, for you"
_LAST_PORT = 65535


class _Stream(BaseModel):
    """What the simulation needs to know of a stream."""

    name: str = Field(min_length=1)
    kind: Literal["instant", "interval", "counter"]
    fields: list[FieldSpec] = Field(min_length=1)


class _Product(BaseModel):
    """The same of a product."""

    streams: list[_Stream] = Field(min_length=1)


def _check_port(port: int) -> int:
    if not 1 <= port <= _LAST_PORT:
        raise _stop(f"A port is a number from 1 to {_LAST_PORT}, not {port}.")
    return port


@app.command()
def serve(
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve.")] = 1,
    no_migrate: Annotated[
        bool, typer.Option("--no-migrate", help="Leave the schema alone; refuse when it is old.")
    ] = False,
) -> None:
    """Serve the API, the authorization server and the pages; works jobs too unless told not to."""
    settings = _settings()
    open_log_keys(settings, SystemClock()).close()  # a wrong key stops before anything is written
    if no_migrate:
        if not is_current(settings.url):
            raise _stop("The database's schema is not up to date; run `inseam migrate`.")
    else:
        migrate(settings.url)
    uvicorn.run(
        "app.main:create_served_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        timeout_worker_healthcheck=60,  # a worker that is slow to start is not a dead one
        access_log=False,
        log_level="warning",
        proxy_headers=True,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


@app.command()
def worker() -> None:
    """Work jobs only, beside `serve` with INSEAM_WORKER_IN_PROCESS=false."""
    settings, clock = _settings(), SystemClock()
    log_keys = open_log_keys(settings, clock)
    with closing(log_keys), _database(settings) as db:
        work = Worker(settings, db, clock, _keyring(settings), log_keys)
        try:
            work.run()
        except KeyboardInterrupt:
            work.stop()


@app.command()
def mqtt(
    broker: Annotated[str, typer.Option(help="mqtt://[user@]host:port, or mqtts:// with TLS.")],
    topic: Annotated[str, typer.Option(help="What to subscribe to, such as 'inseam/+/events'.")],
    organization: Annotated[str, typer.Option(help="The maker: its name, slug or id.")],
    object_from: Annotated[
        str | None,
        typer.Option(
            help="Where the topic names the object: 'inseam/{object}/events' by its id, "
            "'inseam/{serial}/events' by its serial with --product. Without it records do."
        ),
    ] = None,
    product: Annotated[UUID | None, typer.Option(help="The product whose serials it has.")] = None,
    client_id: Annotated[
        str | None, typer.Option(help="Our name at the broker; made of maker and topic.")
    ] = None,
    password_file: Annotated[Path | None, typer.Option(help="A file with the password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="A file with the broker's CA.")] = None,
) -> None:
    """Take a maker's usage from an MQTT broker; each message is acknowledged once it is stored."""
    settings = _settings()
    try:
        door = importlib.import_module("app.mqtt.run")
    except ModuleNotFoundError as error:
        raise _stop(f"The command mqtt needs {error.name}: install inseam[mqtt].") from error
    door.run_mqtt(
        settings,
        door.Wanted(
            broker, topic, organization, object_from, product, client_id, password_file, ca_file
        ),
    )


@app.command(name="migrate")
def migrate_command() -> None:
    """Bring the database's schema up to date."""
    settings = _settings()
    migrate(settings.url)
    typer.echo("The schema is up to date.")


@org.command("create")
def org_create(
    name: Annotated[str, typer.Argument(help="Its name, as owners will read it.")],
    gs1_prefix: Annotated[
        list[str] | None, typer.Option(help="A GS1 company prefix; may be given several times.")
    ] = None,
    any_gtin: Annotated[
        bool, typer.Option("--any-gtin", help="Allow GTINs outside its prefixes.")
    ] = False,
    country: Annotated[str | None, typer.Option(help="Two letters, ISO 3166.")] = None,
    website: Annotated[str | None, typer.Option(help="Its address on the web.")] = None,
    contact: Annotated[str | None, typer.Option(help="Where owners can reach it.")] = None,
    verified_domain: Annotated[
        str | None, typer.Option(help="A domain that you checked to be its own.")
    ] = None,
    ticket_key: Annotated[
        Path | None, typer.Option(help="A file with the public JWK of its claim tickets.")
    ] = None,
) -> None:
    """Register an organization."""
    key = check_ticket_key(_read_json(ticket_key)) if ticket_key else None
    with _writing() as db:
        made = create_organization(
            db,
            SystemClock(),
            name,
            country=country,
            website=website,
            contact=contact,
            verified_domain=verified_domain,
            gs1_prefixes=gs1_prefix or [],
            any_gtin=any_gtin,
            ticket_key=key,
        )
        _print({"organization": made.slug, "org_id": str(made.org_id)})


@org.command("prefixes")
def org_prefixes(
    organization: Annotated[str, typer.Argument(help="The organization's name, slug or id.")],
    gs1_prefix: Annotated[
        list[str] | None, typer.Option(help="A GS1 company prefix; may be given several times.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take all its prefixes.")] = False,
) -> None:
    """Show an organization's GS1 prefixes, or put others in their place.

    Two organizations never share a prefix: take it from the one before the other gets it.
    Products that are registered stay as they are.
    """
    with _writing() as db:
        found = find_organization(db, organization)
        if gs1_prefix or clear:
            set_prefixes(db, found, gs1_prefix or [])
        _print({"organization": found.slug, "gs1_prefixes": found.gs1_prefixes})


@org.command("verify")
def org_verify(
    organization: Annotated[str, typer.Argument(help="The organization's name, slug or id.")],
    domain: Annotated[
        str | None, typer.Option(help="The domain that you checked to be its own.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take its domain back.")] = False,
) -> None:
    """Show the domain that owners are told is an organization's own, or say which it is.

    What registered itself is called unverified on every page until then. Requests that already
    wait keep what they said.
    """
    if domain and clear:
        raise _stop("Give --domain or --clear, not both.")
    with _writing() as db:
        found = find_organization(db, organization)
        if domain or clear:
            verify_domain(found, domain)
        _print({"organization": found.slug, "verified_domain": found.verified_domain})


@client.command("create")
def client_create(
    organization: Annotated[str, typer.Argument(help="The organization's name, slug or id.")],
    name: Annotated[str, typer.Option(help="The client's name, as owners will read it.")],
    scope: Annotated[list[str], typer.Option(help="A scope it may have; several times.")],
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where owners are sent back to; several times.")
    ] = None,
    purposes: Annotated[
        Path | None, typer.Option(help="A JSON file with a vendor's purposes; see docs/vendors.md.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="A client that can keep no secret.")
    ] = False,
    accepts: Annotated[
        list[str] | None, typer.Option(help="An agreement that it accepts; several times.")
    ] = None,
    device: Annotated[
        bool, typer.Option("--device", help="It asks owners by a code on a device (RFC 8628).")
    ] = False,
) -> None:
    """Register an OAuth client. Its secret is printed this once."""
    grants = ["authorization_code"] if redirect_uri else []
    grants += [DEVICE_CODE] if device else []
    grants += ["refresh_token"] if grants else []
    grants += [] if public else ["client_credentials"]
    told = _read_json(purposes) if purposes else []
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise _stop(f"{purposes}: this is no list of purposes; see docs/vendors.md.")
    strange = [one for one in accepts or [] if one not in known_ids()]
    if strange:
        raise _stop(f"{strange[0]}: the roster has no such agreement; see GET /v1/agreements.")
    with _writing() as db:
        made, secret = create_client(
            db,
            SystemClock(),
            find_organization(db, organization),
            name,
            is_public=public,
            redirect_uris=redirect_uri or [],
            grant_types=grants,
            scopes=scope,
            purposes=told,
            known_scopes=list(CLIENT_SCOPES),
            registered={"door": "operator", "inseam_agreements": accepts} if accepts else None,
        )
        _print({"client_id": made.client_id, "client_secret": secret})


@client.command("invite")
def client_invite(
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it works.")] = 7,
) -> None:
    """Make an initial access token, with which one client may register itself, once."""
    with _writing() as db:
        token, until = invite(db, SystemClock(), timedelta(days=days))
        _print({"initial_access_token": token, "expires_at": until.isoformat()})


@client.command("list")
def client_list(
    organization: Annotated[
        str | None, typer.Option(help="Those of one: its name, slug or id.")
    ] = None,
) -> None:
    """List the clients, each with its door: operator, registration, document or owner."""
    with _writing() as db:
        only = find_organization(db, organization) if organization else None
        found = list_clients(db, only)
    for one in found:
        state = "disabled" if one.disabled_at else "in use"
        typer.echo(
            f"{one.client_id:40} {one.organization:30} {one.door:12} "
            f"{one.created_at:%Y-%m-%d}  {state:8}  {one.name}"
        )


@client.command("disable")
def client_disable(
    client_id: Annotated[str, typer.Argument(help="The client's id.")],
) -> None:
    """Shut a client out for good, however it came: its tokens are dead at once."""
    with _writing() as db:
        disable_client(db, SystemClock(), client_id)
        _print({"client_id": client_id, "disabled": True})


@keys.command("list")
def keys_list() -> None:
    """Show the keys' ids and ages; never the keys."""
    settings = _settings()
    with _log_keys(settings) as log_keys:
        ring, versions = _keyring(settings), log_keys.versions()
    for kind in KINDS:
        _print_keys(kind, [(key.key_id, key.made_at) for key in ring.keys(kind)])
    _print_keys("wrapping", versions)


@keys.command("rotate")
def keys_rotate(
    signing: Annotated[bool, typer.Option("--signing", help="The signing key.")] = False,
    cursor: Annotated[bool, typer.Option("--cursor", help="The cursor key.")] = False,
    wrapping: Annotated[
        bool, typer.Option("--wrapping", help="The key-encryption key over those of the log.")
    ] = False,
) -> None:
    """Put new keys in use, of all kinds unless some are named. The old ones still open things."""
    settings, is_any = _settings(), signing or cursor or wrapping
    with _log_keys(settings) as log_keys:
        ring = _keyring(settings)
        for kind, wanted in (("cursor", cursor), ("signing", signing)):
            if wanted or not is_any:
                typer.echo(f"{kind}: {ring.rotate(kind).key_id} is in use.")
        if wrapping or not is_any:
            typer.echo(f"wrapping: {log_keys.rotate()} is in use.")
            typer.echo(f"wrapping: {log_keys.rewrap()} owner keys were wrapped anew.")


@log.command("verify")
def log_verify(
    object_id: Annotated[UUID, typer.Option("--object", help="The object whose log to check.")],
) -> None:
    """Compute an object's whole log anew from its stored bytes, and name what does not fit."""
    settings = _settings()
    with _log_keys(settings) as log_keys, _database(settings) as database, database.read() as db:
        report = verify_log(db.connection(), EagerKeys(log_keys), object_id)
    typer.echo(
        f"{report.streams} streams, {report.segments} segments, {report.records} records, "
        f"{report.removed} removed"
    )
    for fault in report.faults:
        typer.echo(f"{fault.what} {fault.stream or '(all)'} {fault.seq}: {fault.text}")
    if report.faults:
        raise typer.Exit(1)
    typer.echo("The log is whole." if report.segments else "There is no log.")


@receipt.command("verify")
def receipt_verify(
    files: Annotated[list[Path], typer.Argument(help="Files of receipts.", metavar="FILE...")],
    keys: Annotated[
        Path | None,
        typer.Option(help="The service's public keys, as its address /oauth/jwks gives them."),
    ] = None,
) -> None:
    """Check that receipts are as they were given, all of a file, without asking anybody."""
    known = None if keys is None else _read_keys(keys)
    for file in files:
        try:
            found = check_file(_read_file(file), known)
        except ReceiptWrong as error:
            raise _stop(f"{file}: {error}") from error
        for one in found:
            told = one.receipt
            what, at = told["inseam:event"], told["dpv:isIndicatedAtTime"]
            typer.echo(f"{one.place[0]} {one.place[1]}: {what} at {at}, key {one.key_id}")
        typer.echo(f"{file}: {len(found)} receipts are as they were given.")
    if known is None:
        typer.echo(
            "The keys came with the file: that they are the service's shows at its /oauth/jwks; "
            "give them with --keys."
        )


def _read_keys(file: Path) -> Any:
    try:
        return jsonio.loads(_read_file(file))
    except InvalidJson as error:
        raise _stop(f"{file}: {error.detail}") from error


def _read_file(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST + 1)
    except OSError as error:
        raise _stop(f"{file} cannot be read: {error.strerror}.") from error


@app.command()
def export(
    owner: Annotated[str, typer.Argument(help="The owner's e-mail address or id.")],
    out: Annotated[Path, typer.Option(help="Folder to write the ZIPs to.")] = Path(),
) -> None:
    """Write an owner's own copies, one ZIP for each object, at that owner's request."""
    settings, clock = _settings(), SystemClock()
    log_keys = open_log_keys(settings, clock)
    ring, folder = _keyring(settings), settings.data_dir / "exports"
    out.mkdir(parents=True, exist_ok=True)
    work = make_work(folder, ring, EagerKeys(log_keys), settings.origin)
    with closing(log_keys), _database(settings) as database:
        with database.read() as db:
            owner_id = find_owner(db, owner).owner_id
            held = list(held_objects(db, owner_id))
        for one in held:
            with database.session() as db:
                days = settings.export_days
                view = request_export(db, clock, owner_id, one.object_id, days, _OPERATOR)
                export_id = view.export.export_id
            run_whole(database, clock, export_id, work)
            with database.session() as db:
                path = hand_out(db, clock, owner_id, export_id, folder, _OPERATOR)
            target = out / f"inseam-{one.object_id}.zip"
            shutil.copyfile(path, target)
            typer.echo(str(target))


@app.command(name="simulate")
def simulate_command(
    serial: Annotated[str, typer.Argument(help="The object's serial: the same one, same records.")],
    product: Annotated[Path, typer.Option(help="A product as its maker registers it (JSON).")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many days, until today.")] = 30,
    seed: Annotated[int, typer.Option(help="Another seed gives another life.")] = 1,
    zone: Annotated[str, typer.Option(help="The time zone of its days.")] = "Europe/Paris",
) -> None:
    """Print a believable device's records as one JSON array, ready for /v1/objects/{id}/events."""
    today = datetime.combine(SystemClock().now().date(), datetime.min.time(), UTC)
    start = today - timedelta(days=days)
    _check_zone(zone)
    told = _read_product(product)
    records = simulate(told, serial=serial, seed=seed, start=start, end=today, zone=zone)
    typer.echo(json.dumps(list(records), ensure_ascii=False))


@app.command()
def demo(
    port: Annotated[
        int, typer.Option(help="Where the service listens.", callback=_check_port)
    ] = 8000,
    vendor_port: Annotated[
        int, typer.Option(help="Where the vendor's site listens.", callback=_check_port)
    ] = 8001,
) -> None:
    """Start over with a seeded demo: the service, and a small real vendor site beside it."""
    run_demo(port, vendor_port)


def main() -> None:
    """Run the command; errors people can mend are one line, without a trace."""
    try:
        app()
    except DomainError as error:
        raise _stop(error.detail) from error
    except (SQLAlchemyError, CommandError) as error:
        raise _stop(f"The database cannot be used: {_first_line(error)}") from error
    except OSError as error:
        raise _stop(_file_fault(error)) from error


def _settings() -> Settings:
    """The settings, and with them where logs go: standard output is for answers."""
    try:
        settings = Settings()
        logs.set_up(settings.log_level)
        return settings
    except ValidationError as error:
        faults = [f"{_variable(e['loc'])}: {fault_text(e)}" for e in error.errors()]
        raise _stop("\n".join(faults)) from error


def _variable(place: tuple[int | str, ...]) -> str:
    return "INSEAM_" + "_".join(map(str, place)).upper()


def _stop(text: str) -> SystemExit:
    return SystemExit(f"inseam: {text}")


def _keyring(settings: Settings) -> Keyring:
    return Keyring(settings.data_dir / "keyring.json", SystemClock())


def _log_keys(settings: Settings) -> "closing[LogKeys]":
    return closing(open_log_keys(settings, SystemClock()))


def _print_keys(kind: str, held: Sequence[tuple[str, datetime]]) -> None:
    for place, (key_id, made_at) in enumerate(held):
        state = "in use" if place == 0 else "retired"
        typer.echo(f"{kind:8} {key_id}  {made_at:%Y-%m-%d %H:%M} UTC  {state}")


def _database(settings: Settings) -> Database:
    migrate(settings.url)
    return Database(settings.url, pool_size=settings.pool_size, busy_seconds=settings.busy_seconds)


@contextmanager
def _writing() -> Iterator[Any]:
    with _database(_settings()) as database, database.session() as db:
        yield db


def _read_json(path: Path) -> Any:
    try:
        return jsonio.loads(path.read_bytes())
    except DomainError as error:
        raise _stop(f"{path}: {error.detail}") from error


def _read_product(path: Path) -> Any:
    """A product, or its streams alone, that the simulation can live."""
    told = _read_json(path)
    try:
        _Product.model_validate({"streams": told} if isinstance(told, list) else told)
    except ValidationError as error:
        fault = error.errors()[0]
        where = "/".join(map(str, fault["loc"])) or "the product"
        raise _stop(f"{path}: {where}: {fault_text(fault)}.") from error
    return told


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise _stop(f"There is no time zone {zone!r}.") from error


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _file_fault(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename}: this is no folder, nor in one."
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _print(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
