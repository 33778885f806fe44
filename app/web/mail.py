"""Messages of the development mail back end, shown on this very machine in place of a server."""

import re

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.kit.errors import NotFound
from app.kit.http import AppSettings
from app.kit.mail import FolderMailer
from app.settings import Settings
from app.web.pages import render

router = APIRouter()

_LINK = re.compile(r"https?://\S+")
# A page elsewhere can give this machine's address a name of its own, and then read what is here.
_HERE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d*)?", re.ASCII)


def shows_mail(settings: Settings) -> bool:
    """Whether messages go to a folder of a service that only this machine can reach."""
    return settings.mail_backend == "folder" and settings.is_local


@router.get("/dev/mail")
def show_mail(request: Request, settings: AppSettings) -> Response:
    """The newest messages first; there is no such page anywhere else."""
    mailer = request.app.state.mailer
    is_here = _HERE.fullmatch(request.headers.get("host", ""))
    if not is_here or not shows_mail(settings) or not isinstance(mailer, FolderMailer):
        raise NotFound
    messages = [
        {
            "id": letter.name,
            "to": letter.to,
            "subject": letter.subject,
            "at": letter.at,
            "text": letter.text,
            "link": _link(letter.text, settings.origin),
        }
        for letter in mailer.letters()
    ]
    return render(request, "account/dev_mail.html", messages=messages)


def _link(text: str, origin: str) -> str:
    return next((link for link in _LINK.findall(text) if link.startswith(f"{origin}/")), "")
