"""Sending mail: to a folder while developing, over SMTP in earnest."""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from app.kit.clock import Clock
from app.kit.ids import new_id
from app.settings import Settings

_STAMP = "%Y%m%dT%H%M%S%f"


class Mailer(Protocol):
    """Takes a plain-text message for one address."""

    def send(self, to: str, subject: str, text: str) -> None: ...


@dataclass(frozen=True)
class Letter:
    """A message in the development folder."""

    name: str
    at: datetime
    to: str
    subject: str
    text: str


@dataclass(frozen=True)
class FolderMailer:
    """Writes each message as an .eml file, newest name last."""

    folder: Path
    sender: str
    clock: Clock

    def send(self, to: str, subject: str, text: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = self.clock.now().strftime(_STAMP)
        path = self.folder / f"{stamp}-{new_id().hex[:8]}.eml"
        path.write_bytes(bytes(_compose(self.sender, to, subject, text)))

    def letters(self, limit: int = 50) -> list[Letter]:
        """The newest messages first."""
        paths = sorted(self.folder.glob("*.eml"), reverse=True)[:limit]
        return [_read(path) for path in paths]


@dataclass(frozen=True)
class SmtpMailer:
    """Sends over SMTP, with STARTTLS unless that was switched off."""

    settings: Settings

    def send(self, to: str, subject: str, text: str) -> None:
        s = self.settings
        with smtplib.SMTP(s.smtp_host, s.smtp_port, timeout=10) as server:
            if s.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if s.smtp_user:
                server.login(s.smtp_user, s.smtp_password)
            server.send_message(_compose(s.mail_from, to, subject, text))


def make_mailer(settings: Settings, clock: Clock) -> FolderMailer | SmtpMailer:
    """The mail back end that the settings name."""
    if settings.mail_backend == "smtp":
        return SmtpMailer(settings)
    return FolderMailer(settings.data_dir / "mail", settings.mail_from, clock)


def _read(path: Path) -> Letter:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    at = datetime.strptime(path.stem.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    return Letter(
        path.stem, at, str(message["To"]), str(message["Subject"]), str(message.get_content())
    )


def _compose(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message.set_content(text)
    return message
