"""Consumers as processes of their own, begun from one that has imported everything already: they
are there at once, and can be killed at any moment."""

import multiprocessing
import os
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from app.kit import logs
from app.mqtt.run import Wanted, run_mqtt
from app.settings import Settings

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def begin(settings: dict[str, Any], wanted: Wanted, errors: Path) -> BaseProcess:
    """A consumer whose standard error is a file."""
    process = _FORKS.Process(target=_consume, args=(settings, wanted, str(errors)), daemon=True)
    process.start()
    return process


def _consume(settings: dict[str, Any], wanted: Wanted, errors: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    made = Settings(**settings)
    logs.set_up(made.log_level)
    run_mqtt(made, wanted)
