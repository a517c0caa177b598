"""Adoption: what a dead worker's journal left is finished, or, where there is none, counted as spent."""

import fcntl
import logging
import os
from pathlib import Path

from zai_gateway.spend.journal import Recovered, recovered
from zai_gateway.spend.ledger import Certainty, Entry, Flag, Outcome
from zai_gateway.spend.records import Held, Settled, records
from zai_gateway.spend.store import Batch, OpenHold, WorkerRegister

_LOG = logging.getLogger(__name__)


def adopt(worker: str, journal: Path, register: WorkerRegister, boot: str, now_ms: int) -> int | None:
    """Finishes what `worker` began; says how many of its requests are unconfirmed now.

    None where it cannot be told that the worker is dead: its journal is locked, or is none of this machine's
    files but a copy of one. Raises StoreUnavailable, FileNotFoundError without a journal, and OSError.
    """
    file = os.open(journal, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        inode = os.fstat(file).st_ino
        if journal.stat().st_ino != inode:
            return None  # it was begun anew meanwhile, by one that lives
        left = recovered(records(_whole(file)))
        if left.header is not None and left.header.inode != inode:
            return None
        found = _finish(worker, left, register, boot, now_ms)
        journal.unlink()
        return found
    finally:
        os.close(file)


def _whole(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb") as reader:
        return reader.read()


def _finish(worker: str, left: Recovered, register: WorkerRegister, boot: str, now_ms: int) -> int:
    level = register.worker(worker)
    if level.state == "closed":
        return 0
    settled = [each for each in left.settled if each[1].seq > level.applied]
    last = Batch(
        worker=worker,
        start=level.applied,
        end=max((each.seq for _, each in settled), default=level.applied),
        entries=tuple(_entry(worker, *each) for each in settled),
        # What was spent beyond its leases is granted unasked.
        shortfall={},
        back={},
        answers={},
    )
    if left.header is not None and (left.header.synced or left.header.boot == boot):
        register.adopt(last, [OpenHold(entry=_interrupted(worker, held, now_ms)) for held in left.open])
    else:
        # Of what it wrote last a part may be missing. What is open here may have been settled then, and its
        # money used again, so that no hold has an entry of its own: all the rest stays counted as one.
        _LOG.warning("%s: its journal may have lost its end: the rest of its leases is unconfirmed", worker)
        register.lose(worker, now_ms)
        register.flush(last)
    return len(left.open)


def _entry(worker: str, held: Held, settled: Settled) -> Entry:
    return Entry(
        attempt=held.attempt,
        seq=0,
        outcome=settled.outcome,
        windows=held.windows,
        worker=worker,
        at_ms=settled.at_ms,
    )


def _interrupted(worker: str, held: Held, now_ms: int) -> Entry:
    unpriced = () if held.attempt.price_version else (Flag.UNPRICED,)
    return Entry(
        attempt=held.attempt,
        seq=0,
        outcome=Outcome(
            cost=0,
            risk=held.amount,
            estimate=min(held.estimate, held.amount),
            certainty=Certainty.UNCONFIRMED,
            flags=(Flag.INTERRUPTED, *unpriced),
            status=0,
            total_ms=max(0, now_ms - held.attempt.started_ms),
        ),
        windows=held.windows,
        worker=worker,
        at_ms=now_ms,
    )
