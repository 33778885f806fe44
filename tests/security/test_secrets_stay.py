"""A whole story at the lowest log level, with errors provoked by every secret of it: none of them
stands in a log or, readable, in the database."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.kit.ids import new_id
from app.settings import Settings
from app.tables import metadata
from tests.journeys.story import REDIRECT, SAME, basic, bearer
from tests.security.conftest import Stage


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"log_level": "DEBUG"})


def secrets_of(stage: Stage, work_jobs: Callable[[], None]) -> list[str]:
    """One of each kind that the service gives out, used once as it should be."""
    story, key = stage.story, str(new_id())
    vendor = story.vendor("Third")
    asking = story.ask(vendor)
    code = asking.allow(stage.owner, [stage.jeans])
    tokens = asking.redeem(code)
    story.objects(tokens["access_token"])
    order = {"product_id": stage.product, "count": 2, "serial_prefix": "B-"}
    headers = stage.maker | {"Idempotency-Key": key}
    job = story.api.post("/v1/objects/bulk", json=order, headers=headers).json()
    work_jobs()
    rows = story.api.get(job["report"], headers=headers).json()["rows"]
    made = stage.owner.post("/security/recovery")
    codes = stage.owner.get(made.headers["location"]).text
    recovery = re.findall(r"\b[a-z0-9]{4,5}(?:-[a-z0-9]{4,5})+\b", codes, re.IGNORECASE)
    letter = story.app.state.mailer.letters(1)[0].text
    link = re.search(r"/sign-in/link/(\S+)", letter)
    assert link
    assert len(recovery) > 5
    own = stage.personal()["Authorization"].removeprefix("Bearer ")
    session = str(stage.owner.http.cookies["__Host-session"])
    found = [code, tokens["access_token"], tokens["refresh_token"], vendor[1], asking.verifier]
    found += [asking.page.rpartition("/")[2], own, key, link.group(1), session, *recovery]
    return list(dict.fromkeys([*found, *(row["claim_code"] for row in rows)]))


def provoke(stage: Stage, secret: str) -> None:
    """Send it wherever it does not belong."""
    api, maker = stage.story.api, stage.maker
    api.get("/v1/data/objects", params={"access_token": secret})
    api.get(f"/v1/data/objects/{secret}/records", headers=stage.vendor)
    api.get("/v1/data/objects", headers=bearer(secret))
    api.get("/oauth/authorize", params={"state": secret, "client_id": secret})
    api.post("/v1/events", content=secret, headers=maker | {"Content-Type": "application/json"})
    api.post("/v1/products", json={"name": secret, secret: secret}, headers=maker)
    wrong = {"grant_type": "authorization_code", "code": secret, "redirect_uri": REDIRECT}
    api.post(
        "/oauth/token", data=wrong | {"code_verifier": secret}, headers=basic((secret, secret))
    )
    stage.owner.post("/claim", {"code": secret})
    for path in ("/claim/{}", "/consent/{}", "/history?after={}", "/sign-in?next={}", "/{}"):
        stage.owner.http.get(path.format(secret), headers=SAME)


def test_no_secret_is_written_down(
    stage: Stage, work_jobs: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = secrets_of(stage, work_jobs)
    for secret in secrets:
        provoke(stage, secret)
    logged = "".join(capfd.readouterr())
    assert [s for s in secrets if s in logged] == []
    with stage.story.app.state.db.read() as db:
        dump = "".join(
            repr(row) for table in metadata.sorted_tables for row in db.execute(select(table))
        )
    assert "mend.example" in dump
    assert [s for s in secrets if s in dump or s.replace("-", "") in dump] == []
