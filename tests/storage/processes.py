"""Runs functions of the storage tests in processes of their own."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

T = TypeVar("T")


def all_at_once(work: Callable[[T, str], Any], place: T, names: Sequence[str]) -> dict[str, Any]:
    """What `work(place, name)` gave in each of the processes, which were let go together."""
    spawning = multiprocessing.get_context("spawn")
    ready = spawning.Barrier(len(names))
    results = spawning.SimpleQueue()
    processes = [spawning.Process(target=_run, args=(work, place, name, ready, results)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(names)
    return dict(results.get() for _ in names)


def killed(work: Callable[[T], None], place: T) -> None:
    """Runs `work(place)`, which has to end in its process being killed (SIGKILL)."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(place,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _run(work: Callable[[T, str], Any], place: T, name: str, ready: Barrier, results: Any) -> None:
    ready.wait(timeout=60)
    results.put((name, work(place, name)))
