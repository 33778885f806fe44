"""A person's browser in tests of pages: cookies, and the headers every browser sends."""

import re
from typing import Any

from starlette.testclient import TestClient

from app.kit.mail import FolderMailer

SESSION = "__Host-session"


class Visitor:
    """Walks the pages of one app over a TestClient; every visitor has cookies of their own."""

    def __init__(self, client: TestClient) -> None:
        self.app: Any = client.app
        self.http = TestClient(
            client.app,
            base_url=str(client.base_url),
            follow_redirects=False,
            headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"},
        )

    def get(self, path: str, **more: Any) -> Any:
        return self.http.get(path, headers={"sec-fetch-site": "same-origin"}, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
        headers = {"sec-fetch-site": "same-origin"} | more.pop("headers", {})
        return self.http.post(path, data=data, headers=headers, **more)

    def send(self, path: str, body: dict[str, Any]) -> Any:
        """As the page's script does."""
        return self.post(path, json=body)

    @property
    def session(self) -> str | None:
        return self.http.cookies.get(SESSION)

    def newest_link(self) -> str:
        """The path of the sign-in link in the newest letter."""
        mailer: FolderMailer = self.app.state.mailer
        # A clock that stands gives all letters one time, so the files' own times tell them apart.
        newest = max(mailer.folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        letter = next(one for one in mailer.letters(1000) if one.name == newest.stem)
        found = re.search(r"/sign-in/link/\S+", letter.text)
        assert found
        return found.group()

    def sign_in(self, email: str = "owner@mail.example", **more: str) -> "Visitor":
        """By e-mail link; the account is made when there is none."""
        answer = self.post("/create/email", {"email": email} | more)
        assert answer.status_code == 303, answer.text
        answer = self.post(self.newest_link())
        assert answer.status_code == 303, answer.text
        return self
