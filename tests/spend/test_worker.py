"""Workers: the living keep their holds, and each dead one is adopted."""

import multiprocessing
import shutil
from multiprocessing.connection import Connection
from pathlib import Path

from zai_gateway.spend.store import WorkerLife
from zai_gateway.spend.worker import Worker


class Register:
    """The part of the store that knows workers, kept in memory."""

    def __init__(self) -> None:
        self.living: dict[str, WorkerLife] = {}
        self.adopted: list[str] = []

    def open_worker(self, worker: WorkerLife) -> None:
        self.living[worker.id] = worker

    def live_workers(self) -> tuple[str, ...]:
        return tuple(self.living)

    def adopt(self, worker: str, now_ms: int) -> int:
        self.adopted.append(worker)
        return 1 if self.living.pop(worker, None) else 0

    def close_worker(self, worker: str) -> None:
        del self.living[worker]


def life(id: str) -> WorkerLife:
    return WorkerLife(id=id, host="host", boot="boot", journal=f"/elsewhere/{id}.lock", seen=0)


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
    survivor = Worker("wrk_1", folder)
    survivor.open(register, 0)
    leave_dead("wrk_other", folder, register)
    assert Worker("wrk_2", folder).open(register, 0) == 1
    assert Worker("wrk_3", folder).open(register, 0) == 0
    assert register.adopted == ["wrk_other"], "a worker that lives was adopted"
    survivor.close(register)


def test_a_worker_says_where_its_file_is(tmp_path: Path) -> None:
    register = Register()
    worker = Worker("wrk_1", tmp_path / "workers")
    worker.open(register, 7)
    told = register.living["wrk_1"]
    assert (told.journal, told.seen) == (str(tmp_path / "workers" / "wrk_1.lock"), 7)
    worker.close(register)


def test_one_without_a_file_is_dead_where_the_register_is_of_this_folder_alone(tmp_path: Path) -> None:
    register = Register()
    register.open_worker(life("wrk_before_the_backup"))
    worker = Worker("wrk_1", tmp_path / "workers")
    assert worker.open(register, 0) == 1
    worker.close(register)


def test_in_a_shared_register_those_of_other_folders_are_left_alone(tmp_path: Path) -> None:
    register = Register()
    here, there = tmp_path / "here", tmp_path / "there"
    register.open_worker(life("wrk_other_host"))
    leave_dead("wrk_far", there, register)
    near = Worker("wrk_near", here, shared=True)
    assert near.open(register, 0) == 0
    assert Worker("wrk_2", here, shared=True).open(register, 0) == 0
    assert register.adopted == []
    assert Worker("wrk_3", there, shared=True).open(register, 0) == 1
    assert register.adopted == ["wrk_far"]
    near.close(register)


def test_a_folder_that_was_moved_is_the_same_folder(tmp_path: Path) -> None:
    register = Register()
    leave_dead("wrk_dead", tmp_path / "before", register)
    (tmp_path / "before").rename(tmp_path / "after")
    assert Worker("wrk_1", tmp_path / "after", shared=True).open(register, 0) == 1


def test_a_copy_of_a_folder_is_another_folder(tmp_path: Path) -> None:
    register = Register()
    alive = Worker("wrk_alive", tmp_path / "one", shared=True)
    alive.open(register, 0)
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    assert Worker("wrk_1", tmp_path / "copy", shared=True).open(register, 0) == 0
    assert "wrk_alive" in register.living
    alive.close(register)


def leave_dead(id: str, folder: Path, register: Register) -> None:
    """Registers a worker whose process was killed."""
    register.open_worker(life(id))
    pipe, far_pipe = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_live, args=(id, folder, far_pipe))
    process.start()
    assert pipe.recv() == "alive"
    process.kill()
    process.join()


def _live(id: str, folder: Path, pipe: Connection) -> None:
    Worker(id, folder).open(Register(), 0)
    pipe.send("alive")
    pipe.recv()
