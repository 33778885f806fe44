"""A real Mosquitto with a private folder on a free port of this machine, to be killed at will."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.support.need import miss

REMEDY = "run `apt-get install mosquitto`"
START_SECONDS = 20.0

# Nothing is dropped while nobody listens.
CONFIG = """
listener {port} 127.0.0.1
allow_anonymous {is_open}
persistence true
persistence_location {folder}/
max_queued_messages 0
log_dest file {folder}/log
log_type warning
log_type error
"""


class Mosquitto:
    """A broker that keeps its sessions in `folder`. `more` are further lines of its configuration,
    `is_open` lets in who has no name."""

    def __init__(self, folder: Path, more: str = "", *, is_open: bool = True) -> None:
        self._binary = _find()
        folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self._config = folder / "mosquitto.conf"
        text = CONFIG.format(port=self.port, folder=folder, is_open=str(is_open).lower()) + more
        self._config.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
        self._saved = folder / "mosquitto.db"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [self._binary, "-c", str(self._config)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not _is_listening(self.port):
            assert self._process.poll() is None, "mosquitto ended by itself"
            assert time.monotonic() < deadline, "mosquitto did not start"
            time.sleep(0.02)

    def save(self) -> None:
        """Let it write down what it holds. A kill takes back what came since."""
        assert self._process is not None
        self._saved.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + START_SECONDS
        while not self._saved.exists():
            assert time.monotonic() < deadline, "mosquitto did not save"
            time.sleep(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None


def _find() -> str:
    """Debian puts it where the PATH of a user does not lead."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    return found or miss("Mosquitto was not found", REMEDY)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _is_listening(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
