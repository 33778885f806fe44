"""A real Chromium against a real server on localhost, with a list of what went wrong in a page.

Playwright's loop occupies its thread while it runs, so a browser lives for one module of tests:
others in the same process stay free to run a loop of their own.
"""

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app.settings import Settings
from tests.support import databases
from tests.support.need import miss

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK, PHONE, NARROW = (1280, 900), (390, 844), (320, 640)
WAIT_MS = 10_000

# Says every violation of the page's own policy aloud, so that the console's listener hears it.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP: ${event.effectiveDirective} blocked ${event.blockedURI} at ${event.sourceFile}`));
"""


@dataclass
class Problems:
    """Console errors, script errors and policy violations of the pages of one test."""

    seen: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Name a problem that this test provokes on purpose."""
        self.expected.append(pattern)

    def unexpected(self) -> list[str]:
        return [one for one in self.seen if not any(re.search(p, one) for p in self.expected)]

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.seen.append(f"script: {error}"))

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            where = (message.location or {}).get("url", "")
            self.seen.append(f"console: {message.text} ({where})")


@dataclass(frozen=True)
class LiveServer:
    """A running service: its origin, and the app behind it for looking into its state."""

    url: str
    app: FastAPI
    settings: Settings


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        miss("no Chromium was found", "install chromium or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page_problems() -> Iterator[Problems]:
    """Fails the test at its end when a page had a problem that the test did not expect."""
    problems = Problems()
    yield problems
    assert problems.unexpected() == [], problems.unexpected()


NewPage = Callable[..., Page]


@pytest.fixture
def contexts(page_problems: Problems) -> Iterator[list[BrowserContext]]:
    """The contexts that a test opened. They close before the services end that their pages came
    from, whichever was started first: a page may still be loading."""
    opened: list[BrowserContext] = []
    yield opened
    _close(opened)


def _close(contexts: list[BrowserContext]) -> None:
    while contexts:
        contexts.pop().close()


@pytest.fixture
def new_page(
    browser: Browser, page_problems: Problems, contexts: list[BrowserContext]
) -> Iterator[NewPage]:
    """Opens pages, each in a context (cookies, storage) of its own.

    `new_page(size=PHONE, theme="dark", javascript=False)`; pages that share a sign-in come from
    `page.context.new_page()`.
    """

    def make(
        size: tuple[int, int] = DESK, theme: str = "light", javascript: bool = True, **more: Any
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,  # type: ignore[arg-type]
            java_script_enabled=javascript,
            reduced_motion="reduce",
            locale="en-GB",
            **more,
        )
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("page", page_problems.watch)
        contexts.append(context)
        return context.new_page()

    yield make
    _close(contexts)


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A page at desk size, in light."""
    return new_page()


@pytest.fixture
def serve(
    run_dir: Path, tmp_path: Path, contexts: list[BrowserContext]
) -> Iterator[Callable[..., LiveServer]]:
    """Starts services on free ports, each with a fresh SQLite database: `serve(demo=True)`."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(**given: Any) -> LiveServer:
        from app.main import create_app

        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://localhost:{listener.getsockname()[1]}"
        folder = tmp_path / f"live{len(running)}"
        databases.copy_sqlite(databases.sqlite_template(run_dir), folder / "inseam.db")
        databases.lay_keys(run_dir, folder)
        settings = Settings(**({"data_dir": folder, "public_url": url} | given))
        app = create_app(settings)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        running.append((server, thread))
        _wait_until_started(server, thread)
        return LiveServer(url, app, settings)

    yield start
    _close(contexts)
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(timeout=10)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the service ended while starting"
        assert time.monotonic() < deadline, "the service did not start in time"
        time.sleep(0.01)


@pytest.fixture
def live_server(serve: Callable[..., LiveServer]) -> LiveServer:
    """One service with the usual settings."""
    return serve()


def virtual_authenticator(page: Page) -> str:
    """Give the page's browser a passkey device that says yes; its id."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return str(added["authenticatorId"])


def axe_violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, one line per place."""
    options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


def assert_axe(page: Page) -> None:
    """No violation in light and none in dark."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert axe_violations(page) == [], f"{page.url} in {theme}"


def assert_fits(page: Page, width: int = NARROW[0]) -> None:
    """At this width nothing makes the page scroll sideways (WCAG 2.2, 1.4.10)."""
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": NARROW[1]})
    over = page.evaluate(
        "() => [...document.querySelectorAll('body *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map((e) => e.outerHTML.slice(0, 120))"
    )
    wide = page.evaluate("() => document.scrollingElement.scrollWidth > innerWidth")
    if before is not None:
        page.set_viewport_size(before)
    assert not wide, f"{page.url} is wider than {width} px: {over[:5]}"
