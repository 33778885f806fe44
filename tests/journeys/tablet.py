"""A technician's tablet, the firm that it belongs to, and an owner who is at home."""

from datetime import timedelta

from httpx2 import Response
from starlette.testclient import TestClient

from app.organizations.client_rules import DEVICE_CODE
from tests.factories.objects import field_body, stream_body
from tests.journeys.story import PRODUCT, Person, Story, basic

Home = tuple[Person, str, str]  # an owner with two things

SCOPES = ("condition:read", "care:read", "identity:read")
VISIT = {
    "purpose": "RepairImpairments",
    "title": "Our technician looks at it at your home.",
    "legal_basis": "Contract",
    "scopes": {scope: {"needed": True, "why": "To see what is wrong."} for scope in SCOPES},
}
BOILER = PRODUCT | {
    "streams": [
        stream_body("run", "usage", [field_body("minutes", "min")]),
        stream_body("wash", "care", [field_body("temperature", "Cel")]),
        stream_body("wear", "condition", [field_body("minutes", "min"), field_body("steps")]),
    ]
}


class Tablet:
    """What the technician carries: a client of the repair firm that shows codes."""

    def __init__(self, story: Story, client: tuple[str, str]) -> None:
        self.story, self.client = story, client

    def start(self, **more: str) -> Response:
        told = {"scope": " ".join(SCOPES)} | more
        return self.story.api.post(
            "/oauth/device_authorization", data=told, headers=basic(self.client)
        )

    def poll(self, code: str, http: TestClient | None = None, **headers: str) -> Response:
        form = {"grant_type": DEVICE_CODE, "device_code": code}
        return (http or self.story.api).post(
            "/oauth/token", data=form, headers=basic(self.client) | headers
        )


def type_code(person: Person, code: str) -> Response:
    return person.post("/device", {"user_code": code})


def allow(
    story: Story,
    person: Person,
    page: str,
    objects: list[str],
    kinds: tuple[str, ...] = ("condition", "care", "identity"),
    days: int = 30,
) -> Response:
    """Say yes; the page that says so."""
    data = {
        "answer": "allow",
        "object": objects,
        "kind": list(kinds),
        "history": "today",
        "until": (story.clock.now() + timedelta(days=days)).date().isoformat(),
    }
    done = person.post(page, data)
    assert done.headers["location"].startswith("/device/"), done.text
    return person.get(done.headers["location"])


def error_of(answer: Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


def answered(story: Story, tablet: Tablet, home: Home, **more: str) -> str:
    """The device code of a request that the owner has allowed."""
    told = tablet.start(**more).json()
    page = type_code(home[0], told["user_code"]).headers["location"]
    allow(story, home[0], page, [home[1]])
    return str(told["device_code"])
