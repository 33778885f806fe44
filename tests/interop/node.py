"""Runs a script of this folder under Node, and answers what it asks of the owner."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

from tests.support.need import miss

HERE = Path(__file__).parent
OLDEST = 18
SECONDS = 60  # a script that takes longer hangs
WEB_CRYPTO = "--experimental-global-webcrypto"  # what Node has by itself from 20 on


def find_node() -> list[str]:
    """How Node is started; a test without it, or without the clients, is skipped."""
    node = shutil.which("node")
    if node is None:
        miss("Node was not found", f"install nodejs {OLDEST} or newer, and npm")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    version = int(told.removeprefix("v").partition(".")[0])
    if version < OLDEST:
        miss(f"Node {version} is too old", f"install nodejs {OLDEST} or newer")
    if not (HERE / "node_modules" / "openid-client").exists():
        miss("OAuth clients for Node are not installed", "run `npm ci` in tests/interop")
    return [node] if version >= 20 else [node, WEB_CRYPTO]


def run_script(
    script: list[str], job: dict[str, Any], answer: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """What the script found out. Each question it asks meanwhile goes to `answer`."""
    process = subprocess.Popen(
        [*find_node(), *script],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    watch = Timer(SECONDS, process.kill)
    watch.start()
    with process:
        try:
            said: Any = job
            while True:
                process.stdin.write(json.dumps(said) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
                if not line:
                    raise AssertionError(process.communicate()[1])
                question, value = json.loads(line)
                if question == "done":
                    process.communicate()
                    assert process.returncode == 0
                    return dict(value)
                said = answer(question, value)
        finally:
            watch.cancel()
            process.kill()
