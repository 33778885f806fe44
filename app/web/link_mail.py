"""Sending sign-in links: after the answer, so that the time a mail server takes tells nothing."""

from fastapi import BackgroundTasks, Request
from starlette.responses import Response

from app.accounts import links
from app.kit.errors import DomainError
from app.kit.http import AppClock, AppDatabase
from app.kit.logs import logger
from app.kit.mail import Mailer
from app.settings import Settings
from app.web.admit import bind_link, spend_mail
from app.web.pages import SignedInOwner, see_other


def send_link(
    request: Request, tasks: BackgroundTasks, settings: Settings, email: str, token: str
) -> Response:
    """Answer now, send afterwards: the time a mail server takes tells nobody anything."""
    tasks.add_task(_deliver, request.app.state.mailer, email, settings.origin, token)
    return bind_link(request, see_other("/sign-in/sent"), token)


def _deliver(mailer: Mailer, email: str, origin: str, token: str) -> None:
    subject, text = links.write_letter(origin, token)
    try:
        mailer.send(email.strip(), subject, text)
    except (OSError, DomainError) as error:
        logger.error("a sign-in mail was not sent", reason=type(error).__name__)


def send_own_link(
    request: Request,
    tasks: BackgroundTasks,
    owner: SignedInOwner,
    database: AppDatabase,
    clock: AppClock,
    settings: Settings,
    email: str,
    target: str,
) -> Response:
    """Send a link to whoever is signed in: to confirm, or to prove an address of theirs."""
    spend_mail(database, clock, settings, email)
    with database.session() as db:
        token = links.ask_link(db, clock, email, target, owner_id=owner.owner_id)
    return send_link(request, tasks, settings, email, token)
