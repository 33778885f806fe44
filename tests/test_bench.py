"""The bench runs: tiny counts on SQLite, so that it does not rot. No test asserts a speed."""

import subprocess
import sys

import pytest

from bench.__main__ import BEGIN, END, PAGE, put_between
from tests.support.source import ROOT

TINY = ["--sqlite-only", "--rounds", "1", "--seconds", "0.1", "--records", "10000"]


def bench(*arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.parametrize(
    ("part", "lines"),
    [
        (
            "cases",
            [
                "| batch of 1000 records",
                "| single record",
                "| the same, p99",
                "| token by",
                "| token, client_credentials, private_key_jwt",
                "| token, client_credentials, DPoP",
            ],
        ),
        ("growth", ["| bytes on disk", "| page of 100", "| CPU per record", "| export of"]),
    ],
)
def test_a_tiny_run_prints_every_demand(part: str, lines: list[str]) -> None:
    told = bench(*TINY, "--only", part)
    assert "the figures prove nothing" in told
    for line in lines:
        assert f"\n{line}" in told, told


def test_a_profile_names_functions_of_the_writer() -> None:
    told = bench("--profile", "batch", "--seconds", "0.2")
    assert "== writer, by tottime" in told
    assert "app/usage/ingest.py" in told


def test_the_page_keeps_what_stands_around_the_table() -> None:
    page = PAGE.read_text()
    assert page.count(BEGIN) == page.count(END) == 1
    written = put_between(page, "| a table |")
    assert f"{BEGIN}\n| a table |\n{END}" in written
    assert put_between(written, "| a table |") == written
    assert written.partition(BEGIN)[0] == page.partition(BEGIN)[0]
    assert written.partition(END)[2] == page.partition(END)[2]
