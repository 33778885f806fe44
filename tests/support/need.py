"""What a test needs from the machine: missing it fails in CI, and is one skipped line elsewhere."""

import os
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


def miss(what: str, remedy: str) -> NoReturn:
    """Skip the test with one line that says what to install; in CI fail instead."""
    reason = f"{what}; {remedy}"
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
