"""Streams with somebody at the console beside them: how much later their chunks arrive than without."""

import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from msgspec import Struct

from bench.figures import Figure, Rounds, Sample, Unit
from bench.load import Load
from bench.processes import Unusable
from bench.rows import streaming
from bench.stage import Bench, Pace, Side

_PATIENCE = 60.0


class Beside(Struct, frozen=True, kw_only=True):
    """What is done beside the streams, over and over, by one person."""

    name: str
    done: Callable[[], object]
    """Raises Unusable."""


class Times(Struct):
    """How often it was done, and what ended it."""

    count: int = 0
    trouble: str = ""


def streams_beside(bench: Bench, side: Side, what: Beside, load: Load, pace: Pace) -> list[Figure]:
    """The figures of a row: with it, and each time without before. Raises Unusable."""
    quiet: list[Sample] = []
    busy: list[Sample] = []
    often: list[float] = []
    for _ in range(bench.rounds):
        quiet.append(streaming(bench, side, load, pace))
        with over_and_over(what.done, bench.cores.load) as times:
            began = time.monotonic()
            busy.append(streaming(bench, side, load, pace))
            often.append(times.count / (time.monotonic() - began))
        if times.trouble:
            raise Unusable(f"{what.name}: {times.trouble}")
    rounds = Rounds(row=what.name, subject=tuple(busy), control=tuple(quiet))
    done = Figure(row=what.name, what="done beside them", unit=Unit.PER_SECOND, subject=tuple(often))
    return [*rounds.of_chunks_beside(), done]


@contextmanager
def over_and_over(done: Callable[[], object], core: int) -> Generator[Times]:
    """Does it in a thread of its own on that core, one after another, until the block ends."""
    times, ended = Times(), threading.Event()

    def work() -> None:
        os.sched_setaffinity(0, {core})
        # What measures is on that core too.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        while not ended.is_set():
            try:
                done()
            except Unusable as trouble:
                times.trouble = str(trouble)
                return
            times.count += 1

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield times
    finally:
        ended.set()
        thread.join(_PATIENCE)
