"""Signing in and out with what works without a script: e-mail link, recovery code, demo button."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Form, Query, Request
from starlette.responses import Response

from app.accounts import demo, links, recovery, sessions
from app.accounts.errors import (
    EmailNotValid,
    NameNotValid,
    RecoveryCodeWrong,
    SignInLinkDead,
)
from app.accounts.owners import check_email
from app.kit.clock import Clock
from app.kit.errors import NotFound
from app.kit.http import AppClock, AppDatabase, AppSettings, Db, ReadDb, Session
from app.kit.ids import parse_id
from app.settings import Settings
from app.web.admit import admit, limit_tries, marks_of, spend_mail
from app.web.link_mail import send_link
from app.web.mail import shows_mail
from app.web.pages import (
    SESSION_COOKIE,
    SignedIn,
    Text,
    Visitor,
    drop_cookie,
    render,
    safe_next,
    see_other,
)

router = APIRouter()

Short = Annotated[Text, Form(max_length=1000)]
NextPath = Annotated[str, Query(max_length=2000)]


@router.get("/sign-in")
def show_sign_in(
    request: Request, viewer: Visitor, db: ReadDb, settings: AppSettings, next: NextPath = ""
) -> Response:
    """The ways in; who is signed in goes on."""
    if viewer is not None:
        return see_other(safe_next(next))
    return _sign_in_page(request, db, settings, safe_next(next))


@router.get("/create")
def show_create(request: Request, viewer: Visitor, next: NextPath = "") -> Response:
    """A new account, by passkey or by e-mail address."""
    if viewer is not None:
        return see_other(safe_next(next))
    return _create_page(request, safe_next(next))


@router.post("/sign-in/email")
def ask_for_link(
    request: Request,
    tasks: BackgroundTasks,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    email: Short = "",
    next: Short = "",
) -> Response:
    """Send a link. The answer and its time are the same for every address."""
    try:
        check_email(email)
    except EmailNotValid as error:
        with database.read() as db:
            errors = {"email": error.detail}
            return _sign_in_page(request, db, settings, safe_next(next), email, errors)
    spend_mail(database, clock, settings, email)
    with database.session() as db:
        token = links.ask_link(db, clock, email, safe_next(next))
    return send_link(request, tasks, settings, email, token)


@router.post("/create/email")
def ask_for_account(
    request: Request,
    tasks: BackgroundTasks,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    email: Short = "",
    name: Short = "",
    time_zone: Short = "",
    next: Short = "",
) -> Response:
    """Send a link that makes the account, or opens the one there is."""
    try:
        check_email(email)
        with database.session() as db:
            token = links.ask_link(
                db, clock, email, safe_next(next), name=name, time_zone=time_zone
            )
    except (EmailNotValid, NameNotValid) as error:
        errors = {(error.field or "/email").strip("/"): error.detail}
        return _create_page(request, safe_next(next), name, email, errors)
    spend_mail(database, clock, settings, email)
    return send_link(request, tasks, settings, email, token)


@router.get("/sign-in/sent")
def show_sent(request: Request, settings: AppSettings) -> Response:
    """What to do now; the same whether or not the address has an account."""
    minutes = int(links.LIFE.total_seconds() // 60)
    return render(request, "account/sent.html", minutes=minutes, shows_mail=shows_mail(settings))


@router.get("/sign-in/link/{token}")
def show_link(request: Request, token: str, db: ReadDb, clock: AppClock) -> Response:
    """A button, and nothing consumed: mail scanners open links too."""
    return _link_page(request, db, clock, token)


@router.post("/sign-in/link/{token}")
def use_link(
    request: Request, token: str, database: AppDatabase, clock: AppClock, settings: AppSettings
) -> Response:
    """Sign in by the link; its second use is refused."""
    try:
        with database.session() as db:
            used = links.use_link(db, clock, token, marks_of(request))
            response = see_other(used.next_path)
            return admit(request, response, db, clock, settings, used.owner_id, "email")
    except SignInLinkDead:
        with database.read() as db:
            return _link_page(request, db, clock, token, 410)


@router.post("/sign-in/recovery", dependencies=[Depends(limit_tries)])
def use_recovery_code(
    request: Request,
    database: AppDatabase,
    clock: AppClock,
    settings: AppSettings,
    recovery_code: Short = "",
    next: Short = "",
) -> Response:
    """Sign in by a printed code, and never by the same one again."""
    try:
        with database.session() as db:
            owner_id = recovery.use_code(db, clock, recovery_code)
            response = see_other(safe_next(next))
            return admit(request, response, db, clock, settings, owner_id, "recovery")
    except RecoveryCodeWrong as error:
        with database.read() as db:
            errors = {"recovery-code": error.detail}
            return _sign_in_page(request, db, settings, safe_next(next), errors=errors)


@router.post("/demo/sign-in")
def sign_in_to_demo(
    request: Request,
    db: Db,
    clock: AppClock,
    settings: AppSettings,
    owner_id: Short = "",
    next: Short = "",
) -> Response:
    """One click in as a seeded owner. Outside of demo mode there is no such address."""
    if not settings.demo:
        raise NotFound
    owner = demo.get_demo_owner(db, parse_id(owner_id) if owner_id else None)
    response = see_other(safe_next(next))
    return admit(request, response, db, clock, settings, owner.owner_id, "demo")


@router.post("/sign-out")
def sign_out(owner: SignedIn, db: Db, clock: AppClock) -> Response:
    """End this session, on every worker at once."""
    sessions.end_by_hash(db, clock, owner.session_hash)
    response = see_other("/")
    drop_cookie(response, SESSION_COOKIE)
    return response


def _link_page(
    request: Request, db: Session, clock: Clock, token: str, status: int = 200
) -> Response:
    view = links.view_link(db, clock, token)
    return render(
        request,
        "account/link.html",
        status=status,
        token=token,
        state=view.state,
        is_new=view.is_new,
    )


def _sign_in_page(
    request: Request,
    db: Session,
    settings: Settings,
    target: str,
    email: str = "",
    errors: dict[str, str] | None = None,
) -> Response:
    owners = demo.list_demo_owners(db) if settings.demo else []
    return render(
        request,
        "account/sign_in.html",
        status=422 if errors else 200,
        next=target,
        email=email,
        errors=errors or {},
        demo_owners=[{"id": str(owner.owner_id), "name": owner.name} for owner in owners],
    )


def _create_page(
    request: Request,
    target: str,
    name: str = "",
    email: str = "",
    errors: dict[str, str] | None = None,
) -> Response:
    return render(
        request,
        "account/create.html",
        status=422 if errors else 200,
        next=target,
        name=name,
        email=email,
        errors=errors or {},
    )
