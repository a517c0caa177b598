"""Workers: the living keep their holds, and each dead one is adopted."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from zai_gateway.spend.worker import Worker


class Register:
    """The part of the store that knows workers, kept in memory."""

    def __init__(self) -> None:
        self.living: dict[str, tuple[str, str]] = {}
        self.adopted: list[str] = []

    def open_worker(self, worker: str, host: str, boot: str, now_ms: int) -> None:
        self.living[worker] = (host, boot)

    def live_workers(self) -> tuple[str, ...]:
        return tuple(self.living)

    def adopt(self, worker: str, now_ms: int) -> int:
        self.adopted.append(worker)
        return 1 if self.living.pop(worker, None) else 0

    def close_worker(self, worker: str) -> None:
        del self.living[worker]


def test_a_living_worker_is_left_alone(tmp_path: Path) -> None:
    register = Register()
    first, second = Worker("wrk_1", tmp_path / "workers"), Worker("wrk_2", tmp_path / "workers")
    assert first.open(register, 0) == 0
    assert second.open(register, 0) == 0
    assert register.adopted == []
    first.close(register)
    second.close(register)
    assert list((tmp_path / "workers").iterdir()) == []


def test_a_worker_that_was_killed_is_adopted_once(tmp_path: Path) -> None:
    register = Register()
    folder = tmp_path / "workers"
    pipe, far_pipe = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_live, args=(folder, far_pipe))
    process.start()
    assert pipe.recv() == "alive"
    register.open_worker("wrk_other", "host", "boot", 0)
    survivor = Worker("wrk_1", folder)
    assert survivor.open(register, 0) == 0, "a process that lives was adopted"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert Worker("wrk_2", folder).open(register, 0) == 1
    assert Worker("wrk_3", folder).open(register, 0) == 0
    assert register.adopted == ["wrk_other"]
    survivor.close(register)


def _live(folder: Path, pipe: Connection) -> None:
    Worker("wrk_other", folder).open(Register(), 0)
    pipe.send("alive")
    pipe.recv()
