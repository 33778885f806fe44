"""The README and the docs do what they say: every command is run, every claim is one we keep."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.demo.products import JEANS
from app.oauth.errors import InvalidToken
from app.oauth.scopes import GRANT_SCOPES
from app.objects.categories import VENDOR_SCOPES
from app.organizations.purposes import PurposeSpec
from tests.support.source import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
CLAIM = """
import re, sys, time, httpx2
origin, code = sys.argv[1:]
same = {"Sec-Fetch-Site": "same-origin"}
with httpx2.Client(base_url=origin, headers=same) as browser:
    browser.post("/create/email", data={"email": "me@people.example", "name": "Me"})
    mail = browser.get("/dev/mail").text
    for _ in range(100):  # it is sent after the answer
        if "/sign-in/link/" in mail:
            break
        time.sleep(0.1)
        mail = browser.get("/dev/mail").text
    link = re.search(r"/sign-in/link/[\\w-]+", mail).group()
    signed_in = browser.post(link)
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    browser.headers["Cookie"] = cookie
    looked = browser.post("/claim", data={"code": code})
    done = browser.post(looked.headers["location"], data={"used_by": "me", "since": "today"})
    assert done.headers["location"].endswith("/done"), done.text
time.sleep(1.1)
"""


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for command in BLOCKS[:2]:
        target = command.split()[1]
        assert re.search(rf"^{target}:", makefile, re.M)


def test_the_story_runs_as_it_is_pasted(tmp_path: Path) -> None:
    start, register, again = BLOCKS[2:]
    claim = tmp_path / "claim.py"
    claim.write_text(CLAIM)
    code = "$(field \"['objects'][0]['claim_code']\" < var/story/minted.json)"
    script = "\n".join(
        [
            "set -e",
            start,
            register,
            f'echo; "{sys.executable}" "{claim}" $INSEAM_PUBLIC_URL "{code}"',
            again,
        ]
    )
    # The README is pasted at the top of a clone; this one writes its files elsewhere.
    script = script.replace("docs/examples/", f"{ROOT}/docs/examples/")
    environment = os.environ | {
        "INSEAM_PORT": str(_free_port()),
        "INSEAM_DATA_DIR": str(tmp_path / "data"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    # Files, not pipes: the service that the story starts would hold a pipe open.
    with (tmp_path / "out").open("w") as out_file, (tmp_path / "err").open("w") as err_file:
        run = subprocess.Popen(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            stdout=out_file,
            stderr=err_file,
            start_new_session=True,
        )
        try:
            run.wait(timeout=90)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGTERM)
    out = (tmp_path / "out").read_text()
    assert run.returncode == 0, out + (tmp_path / "err").read_text()
    assert "/problems/object-unclaimed" in out
    assert '"stored":1' in out.splitlines()[-1], out
    told = tmp_path / "var" / "story"
    assert "<svg" in (told / "label.svg").read_text()
    (minted,) = json.loads((told / "minted.json").read_text())["objects"]
    assert f"#claim={minted['claim_code']}" in out
    err = (tmp_path / "err").read_text()
    assert "curl:" not in err, err
    assert "Warning" not in err, err
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {"claim.py", "out", "err", "data", "var"}, "secrets in the tree"
    assert told.stat().st_mode & 0o077 == 0
    for path in (tmp_path / "data", *(tmp_path / "data").glob("inseam.db*")):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_git_takes_nothing_of_the_story() -> None:
    written = {*re.findall(r"> (\S+\.(?:json|svg))", "".join(BLOCKS)), "maker.json", "minted.json"}
    assert "var/story/minted.json" in written
    for name in sorted(written):
        ignored = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT)
        if ignored.returncode == 128:
            pytest.skip("not in a clone")
        assert ignored.returncode == 0, name


def test_the_examples_are_what_the_demo_uses() -> None:
    examples = ROOT / "docs" / "examples"
    assert json.loads((examples / "jeans.json").read_text()) == JEANS
    for purpose in json.loads((examples / "purposes.json").read_text()):
        PurposeSpec.model_validate(purpose)


def test_no_promise_is_claimed_that_is_not_kept() -> None:
    """A promise that the architecture page calls "not yet" is named nowhere else."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (P\d+) \|(.*)\|(.*)\|(.*)\|(.*)\|$", page, re.M)
    assert [row[0] for row in rows] == [f"P{n}" for n in range(1, 13)]
    open_ones = {row[0] for row in rows if row[4].strip() == "not yet"}
    others = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for path in others:
        if path.name == "architecture.md":
            continue
        claimed = set(re.findall(r"\bP\d{1,2}\b", path.read_text()))
        assert not claimed & open_ones, (path.name, claimed & open_ones)
    for row in rows:
        test = re.search(r"`(tests/[\w/.]+)`", row[3])
        if row[4].strip() == "kept":
            assert test is not None, row
        if test is not None:
            assert (ROOT / test.group(1)).exists(), row


UNKEPT_WORDS = ("transparency log", "Merkle", "encrypted log", "resell", "erase the log", "witness")


@pytest.mark.parametrize("word", UNKEPT_WORDS)
def test_the_readme_does_not_speak_of_what_is_not_built(word: str) -> None:
    assert word.lower() not in README.lower()


def test_every_link_of_the_docs_leads_somewhere() -> None:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), (path.name, target)


def test_the_vendors_page_names_every_scope_and_reason() -> None:
    page = (ROOT / "docs" / "vendors.md").read_text()
    assert set(re.findall(r"`(\w+:read)`", page)) == {*VENDOR_SCOPES, "grants:read"}
    assert all(f"`{scope}`" in page for scope in GRANT_SCOPES)
    for reason in re.findall(r"`reason` `([\w-]+)`", page):
        assert InvalidToken(reason).detail != InvalidToken.title, reason


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
