"""Whether it runs, for whoever asks in whichever way."""

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_it_says_that_it_runs_and_heads_are_enough(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
