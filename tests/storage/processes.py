"""Runs a function of the storage tests in processes of their own, all let go at once."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any


def all_at_once(work: Callable[[Path, str], Any], data: Path, names: list[str]) -> dict[str, Any]:
    """What `work(data, name)` gave in each of the processes; one that died gave nothing."""
    spawning = multiprocessing.get_context("spawn")
    ready = spawning.Barrier(len(names))
    results = spawning.SimpleQueue()
    processes = [spawning.Process(target=_run, args=(work, data, name, ready, results)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    given: dict[str, Any] = {}
    while not results.empty():
        name, result = results.get()
        given[name] = result
    return given


def _run(work: Callable[[Path, str], Any], data: Path, name: str, ready: Barrier, results: Any) -> None:
    ready.wait()
    results.put((name, work(data, name)))
