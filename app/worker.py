"""The worker: takes jobs step by step, and sweeps what has had its day."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection

from app.accesses import history
from app.accounts import sweep as accounts
from app.consent import grants, requests
from app.exports import make as exports
from app.exports.service import JOB as EXPORT_JOB
from app.keys.eager import EagerKeys
from app.keys.log_keys import LogKeys
from app.keys.ring import Keyring
from app.kit import idempotency, jobs, limits
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.ids import new_id
from app.kit.jobs import LeaseLost, Work, claim, fail, run_step
from app.kit.logs import logger
from app.oauth import registration, replay, tokens
from app.objects import bulk, tickets
from app.organizations import dead_letters
from app.settings import Settings
from app.usage import upkeep
from app.usage.ingest import forget_names
from app.usage.segments import Opener

Sweep = Callable[[Connection], object]

_SWEEP_EVERY = timedelta(minutes=5)
_REST_SECONDS = 60.0
_LOOK_SECONDS = 1.0


def make_registry(settings: Settings, keyring: Keyring, keys: Opener) -> Mapping[str, Work]:
    """What each kind of job does, with this process's tools."""
    return {
        bulk.JOB: bulk.make_work(settings.claim_code_days),
        EXPORT_JOB: exports.make_work(
            settings.data_dir / "exports", keyring, keys, settings.origin
        ),
    }


def make_sweeps(settings: Settings, clock: Clock) -> list[Sweep]:
    """Everything that is removed or marked when its time has come."""
    return [
        lambda conn: idempotency.forget_old(conn, clock),
        lambda conn: forget_names(conn, clock),
        lambda conn: limits.forget_old(conn, clock),
        lambda conn: jobs.forget_old(conn, clock),
        lambda conn: bulk.forget_old(conn, clock),
        lambda conn: tickets.forget_old(conn, clock),
        lambda conn: dead_letters.forget_old(conn, clock),
        lambda conn: grants.mark_expired(conn, clock),
        lambda conn: requests.forget_old(conn, clock),
        lambda conn: tokens.forget_old(conn, clock),
        lambda conn: replay.forget_old(conn, clock),
        lambda conn: registration.forget_old(conn, clock),
        lambda conn: accounts.forget_old(conn, clock, settings.session_max_days),
        lambda conn: history.forget_old(conn, clock, settings.accesses_days),
        lambda conn: exports.forget_old(conn, clock, settings.data_dir / "exports"),
    ]


class Worker:
    """Works jobs in one thread until it is stopped."""

    def __init__(
        self, settings: Settings, db: Database, clock: Clock, keyring: Keyring, keys: LogKeys
    ) -> None:
        self._db = db
        self._clock = clock
        self._registry = make_registry(settings, keyring, EagerKeys(keys))
        self._sweeps = make_sweeps(settings, clock)
        self._keys = EagerKeys(keys)
        self._resting: dict[str, float] = {}
        self._holder = new_id()
        self._stop = threading.Event()
        self._swept_at: float | None = None
        self._next_look = 0.0

    def start(self) -> threading.Thread:
        """Run in a thread of its own; `stop` ends it."""
        thread = threading.Thread(target=self.run, name="worker", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        """Work until stopped; a fault of one round never ends the worker."""
        while not self._stop.is_set():
            try:
                busy = self.work_once() or self._keep_up_sometimes()
                self._sweep_sometimes()
            except Exception as error:
                logger.error("worker round failed", error=type(error).__name__, exc_info=True)
                busy = False
            if not busy:
                self._stop.wait(0.3)

    def work_once(self) -> bool:
        """Take one job as far as it goes; whether there was one."""
        with self._db.session() as db:
            job_id = claim(db, self._clock, list(self._registry), self._holder)
        if job_id is None:
            return False
        try:
            self._finish(job_id)
        except LeaseLost:
            logger.warning("job lease lost", job=str(job_id))
        except Exception as error:
            logger.error("job failed", job=str(job_id), error=type(error).__name__, exc_info=True)
            with self._db.session() as db:
                fail(db, self._clock, job_id, self._holder, type(error).__name__)
        return True

    def keep_up(self) -> bool:
        """Do one step of what the log needs; whether there was one. A kind of step that fails
        rests for a while, and the others go on."""
        for step in upkeep.STEPS:
            name = step.__name__
            if time.monotonic() < self._resting.get(name, 0):
                continue
            try:
                if step(self._db, self._clock, self._keys):
                    return True
            except Exception as error:
                self._resting[name] = time.monotonic() + _REST_SECONDS
                logger.error("upkeep failed", step=name, error=type(error).__name__, exc_info=True)
        return False

    def sweep(self) -> None:
        """Run every sweep once, each in its own transaction."""
        for sweep in self._sweeps:
            with self._db.connection() as conn:
                sweep(conn)

    def _keep_up_sometimes(self) -> bool:
        """`keep_up`; where the last look found nothing, not before the next is due."""
        if time.monotonic() < self._next_look:
            return False
        is_found = self.keep_up()
        if not is_found:
            self._next_look = time.monotonic() + _LOOK_SECONDS
        return is_found

    def _finish(self, job_id: UUID) -> None:
        while not self._stop.is_set():
            with self._db.session() as db:
                if run_step(db, self._clock, job_id, self._holder, self._registry):
                    return

    def _sweep_sometimes(self) -> None:
        now = time.monotonic()
        if self._swept_at is None or now - self._swept_at > _SWEEP_EVERY.total_seconds():
            self._swept_at = now
            self.sweep()
