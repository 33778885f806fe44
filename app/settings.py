"""Every setting of the service, read once from INSEAM_* by the composition root."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {"sqlite", "postgresql", "postgresql+psycopg"}
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}

_DATA, _KEYS = "inseam.db", "keys.db"


class Settings(BaseSettings):
    """Frozen and validated; passed down as a value, never imported as an instance."""

    model_config = SettingsConfigDict(env_prefix="INSEAM_", frozen=True, extra="forbid")

    data_dir: Path = Field(Path("var"), description="Folder for the database, keys, mail, exports.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the data_dir.")
    keys_url: str = Field(
        "",
        repr=False,
        validate_default=True,
        description="SQLAlchemy URL of the key store; empty means SQLite in the data_dir.",
    )
    key_provider: Literal["file", "vault"] = Field(
        "file", description="What holds the key-encryption key."
    )
    kek_file: str = Field(
        "", description="File of the key-encryption key; empty means kek.json in the data_dir."
    )
    vault_url: str = Field("", description="Origin of the Vault, for the vault key provider.")
    vault_token: str = Field("", repr=False, description="Its token.")
    vault_token_file: str = Field("", description="File with its token, instead of the token.")
    vault_key: str = Field("inseam", min_length=1, description="Name of its transit key.")
    vault_mount: str = Field("transit", min_length=1, description="Where its transit engine is.")
    public_url: str = Field(
        "", description="Origin that labels, DIDs and tokens carry; empty means not decided yet."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    forwarded_allow_ips: str = Field(
        "127.0.0.1",
        description="Proxies whose `X-Forwarded-For` and `-Proto` are believed: addresses or"
        " networks, by commas; `*` for any.",
    )
    operator_name: str = Field(
        "an operator who has not set a name",
        min_length=1,
        max_length=200,
        description="Who runs this service; stands in every page's footer.",
    )
    operator_contact: str = Field("", description="Mail address or URL shown beside the operator.")
    demo: bool = Field(
        False, description="Seeded demo with one-click sign-in; never in production."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest level that is logged."
    )
    threads: int = Field(12, ge=2, le=200, description="Threads for ordinary handlers.")
    pool_size: int = Field(
        16, ge=4, le=400, description="Database connections per process; at least threads + 3."
    )
    busy_seconds: float = Field(
        5.0, gt=0, le=60, description="How long a write waits for another process before 503."
    )
    worker_in_process: bool = Field(True, description="Whether `serve` also works the jobs.")
    body_limit_bytes: int = Field(
        8 * 1024 * 1024, ge=1024, description="Largest request body; more is refused with 413."
    )
    unpacked_limit_bytes: int = Field(
        32 * 1024 * 1024,
        ge=1024,
        description="Largest body of records once it is unpacked; more is refused with 413.",
    )
    backfill_days: int = Field(
        30, ge=0, le=365, description="How far before its claim a first tenure may start."
    )
    claim_code_days: int = Field(1825, ge=1, description="Days a claim code works after minting.")
    clock_tolerance_seconds: int = Field(
        300, ge=0, le=86400, description="How far ahead a record's time may lie unflagged."
    )
    access_token_seconds: int = Field(600, ge=30, le=3600, description="Life of an access token.")
    refresh_token_days: int = Field(90, ge=1, le=400, description="Life of a refresh token.")
    pushed_seconds: int = Field(
        90, ge=60, le=600, description="Life of a pushed authorization request."
    )
    device_minutes: int = Field(
        15, ge=5, le=30, description="How long a device waits for its owner's answer."
    )
    registration: Literal["open", "token", "closed"] = Field(
        "token",
        description="Who may register a client: anybody, who has an initial access token, nobody.",
    )
    client_documents: bool = Field(
        True, description="Whether a client may be the URL of its metadata document."
    )
    fetch_local: bool = Field(
        False,
        description="Whether documents and keys of clients may be fetched from this very machine, "
        "also without TLS; for trying things out.",
    )
    code_seconds: int = Field(60, ge=1, le=60, description="Life of an authorization code.")
    request_minutes: int = Field(
        60, ge=1, le=60 * 24 * 14, description="How long an access request waits for its owner."
    )
    grant_max_days: int = Field(365, ge=1, le=366, description="Longest permission.")
    send_deadline_seconds: float = Field(
        2.0, gt=0, le=2.0, description="Time a reading has to leave; a revocation waits for it."
    )
    cursor_hours: int = Field(24, ge=1, description="How long a page cursor works.")
    session_idle_days: int = Field(14, ge=1, description="Sign-in ends after this idle time.")
    session_max_days: int = Field(90, ge=1, description="Sign-in ends after this time in any case.")
    step_up_minutes: int = Field(
        5, ge=1, le=60, description="How fresh a sign-in must be for sensitive acts."
    )
    export_days: int = Field(7, ge=1, description="Days a finished export can be downloaded.")
    accesses_days: int = Field(
        1095, ge=30, description="Days access records stay in the owner's history."
    )
    rate_claim_per_minute: int = Field(10, ge=1, description="Claim codes one caller may try.")
    rate_sign_in_per_hour: int = Field(20, ge=1, description="Sign-in mails one address may ask.")
    rate_data_per_minute: int = Field(600, ge=1, description="Data calls of one vendor's token.")
    rate_ingest_per_minute: int = Field(6000, ge=1, description="Ingest calls of one client.")
    rate_token_per_minute: int = Field(600, ge=1, description="Token calls of one client.")
    rate_register_per_hour: int = Field(
        20, ge=1, description="Clients registered from one network address."
    )
    rate_authorize_per_minute: int = Field(
        120, ge=1, description="Authorization requests from one network address."
    )
    rate_device_per_minute: int = Field(
        60, ge=1, description="Codes for devices, of one client and from one network address."
    )
    mail_backend: Literal["folder", "smtp"] = Field(
        "folder", description="`folder` writes messages to data_dir/mail; `smtp` sends them."
    )
    mail_from: str = Field("inseam@localhost", description="Sender of messages.")
    smtp_host: str = Field("localhost", description="Mail server, for the smtp back end.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_user: str = Field("", description="Its user; empty means no login.")
    smtp_password: str = Field("", repr=False, description="Its password.")
    smtp_starttls: bool = Field(True, description="Whether to require STARTTLS.")

    @field_validator("public_url")
    @classmethod
    def check_public_url(cls, value: str) -> str:
        """An origin without path: https, or http on this very machine."""
        return _origin(value)

    @field_validator("vault_url")
    @classmethod
    def check_vault_url(cls, value: str) -> str:
        """An origin too: keys and the token travel there."""
        return _origin(value)

    @field_validator("keys_url")
    @classmethod
    def check_keys_url(cls, value: str, info: ValidationInfo) -> str:
        """Keys beside the data would lie in the same logs and backups, and outlive their end."""
        if {"data_dir", "database_url"} <= info.data.keys():
            data = _place(info.data["database_url"] or _sqlite(info.data["data_dir"], _DATA))
            if _place(value or _sqlite(info.data["data_dir"], _KEYS)) == data:
                raise ValueError("must be another file or server than the database's")
        return value

    @field_validator("database_url")
    @classmethod
    def check_database_url(cls, value: str) -> str:
        """A database that this service speaks to; what is wrong is told without the password."""
        if value and not _is_database(value):
            raise ValueError("must be sqlite:///a-file.db or postgresql://user@host/name")
        return value

    @field_validator("forwarded_allow_ips")
    @classmethod
    def check_proxies(cls, value: str) -> str:
        """Each a network, so that a slip of the pen trusts nobody by mistake."""
        for one in value.split(",") if value not in ("", "*") else ():
            try:
                ip_network(one.strip())
            except ValueError as error:
                raise ValueError(f"{one.strip()[:50]!r} is no address or network") from error
        return value

    @field_validator("pool_size")
    @classmethod
    def check_pool(cls, value: int, info: object) -> int:
        """A thread that waits for a connection it can never get is an outage (pool >= threads)."""
        threads = getattr(info, "data", {}).get("threads", 0)
        if value < threads + 3:
            raise ValueError(f"must be at least threads + 3, here {threads + 3}")
        return value

    @property
    def origin(self) -> str:
        """The service's origin; the local address until a public one is set."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether pages are served on this very machine only, so that mail may be shown there."""
        return urlsplit(self.origin).hostname in LOCAL_HOSTS and self.host in LOCAL_HOSTS

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or _sqlite(self.data_dir, _DATA)

    @property
    def key_store_url(self) -> str:
        """The key store's URL."""
        return self.keys_url or _sqlite(self.data_dir, _KEYS)

    @property
    def kek_path(self) -> Path:
        """Where the key-encryption key is, for the file key provider."""
        return Path(self.kek_file) if self.kek_file else self.data_dir / "kek.json"


def _origin(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    plain = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ValueError("must be an https origin, or http on localhost")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an origin such as https://things.example, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _sqlite(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}"


def _place(url: str) -> tuple[str, ...]:
    """What tells one database server, or one SQLite file, from another."""
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise ValueError("must be a URL that SQLAlchemy takes") from error
    if parts.get_backend_name() == "sqlite":
        return "sqlite", str(Path(parts.database or "").resolve())
    return "server", _host(parts), str(parts.port or parts.query.get("port", 5432))


def _host(parts: URL) -> str:
    """The server's name or folder of sockets (libpq takes both from the query too)."""
    given = parts.host or parts.query.get("host") or "localhost"
    host = (given if isinstance(given, str) else given[0]).lower()
    return "localhost" if host in LOCAL_HOSTS else host


def _is_database(text: str) -> bool:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return False
    if url.drivername == "sqlite":
        return bool(url.database) and url.host is None
    return url.drivername in _DRIVERS
