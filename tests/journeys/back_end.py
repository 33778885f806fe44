"""A vendor's back end with one token of its own for all its permissions."""

from typing import Any

from httpx2 import Response

from tests.journeys.story import PURPOSE, REDIRECT, Story, basic, bearer

SCOPES = ("grants:read", "grant_management_query", "grant_management_revoke")


class Back:
    """The back end, and what it asks for."""

    def __init__(self, story: Story, name: str) -> None:
        self.story = story
        self.client = story.client(
            story.organization(name),
            *PURPOSE["scopes"],
            *SCOPES,
            redirect_uris=[REDIRECT],
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
            purposes=[PURPOSE],
        )

    def token(self, *scopes: str) -> str:
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes or SCOPES)}
        answer = self.story.api.post("/oauth/token", data=form, headers=basic(self.client))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def get(
        self, path: str, grant_id: str | None = None, token: str = "", **query: Any
    ) -> Response:
        headers = bearer(token or self.token())
        if grant_id is not None:
            headers["Inseam-Grant"] = grant_id
        return self.story.api.get(path, headers=headers, params=query or None)
