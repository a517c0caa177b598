"""Workers: the living are left alone, and each dead one is finished once, by one of the living."""

import fcntl
import multiprocessing
import os
import shutil
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.spend.memory_rows import NoTrouble
from tests.spend.memory_store import MemoryStore
from tests.spend.samples import attempt, outcome
from zai_gateway.errors import OperatorError, StoreInDoubt, StoreUnavailable
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.journal import Identity, Journal
from zai_gateway.spend.ledger import Certainty
from zai_gateway.spend.store import Need, WorkerLife
from zai_gateway.spend.worker import Worker

DAY_MS = 24 * 3_600 * 1_000
BUDGET = Budget(id="bud_1", owner="key_1", period=Period.TOTAL, limit=1_000)
WINDOW = "bud_1:0"
_spawned = multiprocessing.get_context("spawn")


def store() -> MemoryStore:
    return MemoryStore(lambda: 0, BUDGET)


def state(register: MemoryStore, worker: str) -> str:
    return register.workers[worker].state


def life(id: str, seen: int = 0) -> WorkerLife:
    return WorkerLife(id=id, host="host", boot="boot", journal=f"/elsewhere/{id}.journal", seen=seen)


def test_a_living_worker_is_left_alone(tmp_path: Path) -> None:
    register = store()
    first, second = Worker("wrk_1", tmp_path / "workers"), Worker("wrk_2", tmp_path / "workers")
    assert first.open(register, 0) == second.open(register, 0) == first.look_for_dead(register, 0) == 0
    assert [each.id for each in register.live_workers()] == ["wrk_1", "wrk_2"]
    first.close(register)
    second.close(register)
    assert register.live_workers() == ()
    assert list((tmp_path / "workers").iterdir()) == []


def test_what_a_killed_worker_held_is_unconfirmed_once(tmp_path: Path) -> None:
    register, folder = store(), tmp_path / "workers"
    survivor = Worker("wrk_1", folder)
    survivor.open(register, 0)
    leave_dead("wrk_dead", folder, register)
    assert survivor.look_for_dead(register, 5) == 2
    assert Worker("wrk_2", folder).open(register, 0) == 0
    assert [state(register, id) for id in ("wrk_1", "wrk_dead")] == ["live", "closed"]
    told = {(each.outcome.cost, each.outcome.risk, each.outcome.certainty) for each in register.ledger}
    assert (told, len(register.ledger)) == ({(0, 100, Certainty.UNCONFIRMED)}, 2)
    assert register.windows[WINDOW].committed == 200, "what it had not used is free again"
    assert not (folder / "wrk_dead.journal").exists()


def test_a_worker_says_where_its_journal_is(tmp_path: Path) -> None:
    register = store()
    Worker("wrk_1", tmp_path / "workers").open(register, 7)
    (told,) = register.live_workers()
    assert (told.journal, told.seen) == (str(tmp_path / "workers" / "wrk_1.journal"), 7)


def test_one_without_a_journal_is_lost_where_the_register_is_of_this_folder_alone(tmp_path: Path) -> None:
    register = store()
    register.open_worker(life("wrk_before_the_backup"))
    lease(register, "wrk_before_the_backup")
    assert Worker("wrk_1", tmp_path / "workers").open(register, 0) == 0
    assert state(register, "wrk_before_the_backup") == "lost"
    assert [each.outcome.risk for each in register.ledger] == [1_000]


@pytest.mark.parametrize(("silent_ms", "said"), [(DAY_MS, "live"), (DAY_MS + 1, "lost")])
def test_in_a_shared_register_one_of_another_folder_is_lost_after_a_day(
    tmp_path: Path, silent_ms: int, said: str
) -> None:
    register = store()
    register.open_worker(life("wrk_other_host", seen=50))
    Worker("wrk_1", tmp_path / "workers", shared=True).open(register, 50 + silent_ms)
    assert state(register, "wrk_other_host") == said


def test_a_dead_worker_is_adopted_where_its_journal_is(tmp_path: Path) -> None:
    register = store()
    leave_dead("wrk_far", tmp_path / "there", register)
    assert Worker("wrk_1", tmp_path / "here", shared=True).open(register, 0) == 0
    assert state(register, "wrk_far") == "live"
    assert Worker("wrk_2", tmp_path / "there", shared=True).open(register, 0) == 2
    assert state(register, "wrk_far") == "closed"


def test_a_folder_that_was_moved_is_the_same_folder(tmp_path: Path) -> None:
    register = store()
    leave_dead("wrk_dead", tmp_path / "before", register)
    (tmp_path / "before").rename(tmp_path / "after")
    assert Worker("wrk_1", tmp_path / "after", shared=True).open(register, 0) == 2


def test_a_copy_of_a_folder_is_another_folder(tmp_path: Path) -> None:
    register = store()
    alive = Worker("wrk_alive", tmp_path / "one", shared=True)
    alive.open(register, 0)
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    assert Worker("wrk_1", tmp_path / "copy", shared=True).open(register, 0) == 0
    assert state(register, "wrk_alive") == "live"


class Failing(NoTrouble):
    """Fails one kind of call, before it happens or after."""

    def __init__(self, call: str, *, late: bool = False) -> None:
        self.call: str | None = call
        self._late = late

    def before(self, call: str) -> None:
        if call == self.call and not self._late:
            raise StoreUnavailable("It does not answer.")

    def after(self, call: str) -> None:
        if call == self.call and self._late:
            raise StoreInDoubt("Its answer was lost.")


@pytest.mark.parametrize("late", [False, True], ids=["refused", "in doubt"])
def test_a_worker_that_cannot_be_registered_leaves_nothing(tmp_path: Path, late: bool) -> None:
    trouble = Failing("open_worker", late=late)
    register = MemoryStore(lambda: 0, BUDGET, trouble=trouble)
    files = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        with pytest.raises(StoreUnavailable):
            Worker(f"wrk_{number}", tmp_path / "workers").open(register, 0)
    assert list((tmp_path / "workers").iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    trouble.call = None
    assert Worker("wrk_last", tmp_path / "workers").open(register, 0) == 0
    assert [each.id for each in register.live_workers()] == ["wrk_last"]


def test_a_worker_of_which_nobody_knows_whether_it_is_registered_is_closed_at_once(tmp_path: Path) -> None:
    register = MemoryStore(lambda: 0, BUDGET, trouble=Failing("open_worker", late=True))
    with pytest.raises(StoreInDoubt):
        Worker("wrk_1", tmp_path / "workers", shared=True).open(register, 0)
    # In a register that hosts share it would count as one that lives, for a day.
    assert state(register, "wrk_1") == "closed"


def test_one_that_cannot_look_for_the_dead_is_finished_by_the_next(tmp_path: Path) -> None:
    trouble = Failing("live_workers")
    register = MemoryStore(lambda: 0, BUDGET, trouble=trouble)
    files = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(StoreUnavailable):
        Worker("wrk_1", tmp_path / "workers").open(register, 0)
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    trouble.call = None
    Worker("wrk_2", tmp_path / "workers").open(register, 0)
    assert [each.id for each in register.live_workers()] == ["wrk_2"]
    assert [each.name for each in (tmp_path / "workers").iterdir()] == ["wrk_2.journal"]


def test_a_folder_that_takes_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "workers" / ".wrk_1.journal").mkdir(parents=True)
    with pytest.raises(OperatorError, match=r"The journal cannot be made in .*: is a directory"):
        Worker("wrk_1", tmp_path / "workers").open(store(), 0)


@pytest.mark.parametrize("synced", [False, True])
def test_a_journal_of_another_start_of_the_machine_counts_whole_only_if_synced(
    tmp_path: Path, synced: bool
) -> None:
    register, folder = store(), tmp_path / "workers"
    leave_dead("wrk_dead", folder, register, boot="another", synced=synced)
    Worker("wrk_1", folder).open(register, 0)
    assert state(register, "wrk_dead") == ("closed" if synced else "lost")
    assert sum(each.outcome.risk for each in register.ledger) == (200 if synced else 1_000)


def test_the_journal_of_one_that_was_given_up_still_counts(tmp_path: Path) -> None:
    register, folder = store(), tmp_path / "workers"
    leave_dead("wrk_dead", folder, register, settled=True)
    # By an operator, or after a day of silence: nobody here knew of its journal.
    register.lose("wrk_dead", 5)
    assert spent_and_risked(register) == (0, 1_000)
    assert Worker("wrk_1", folder).open(register, 6) == 1
    assert state(register, "wrk_dead") == "closed"
    assert spent_and_risked(register) == (70, 100)
    assert register.windows[WINDOW].committed == 170
    assert not (folder / "wrk_dead.journal").exists()


def test_what_is_readable_of_a_torn_journal_is_booked_whatever_fails_meanwhile(tmp_path: Path) -> None:
    trouble = Failing("flush")
    register, folder = MemoryStore(lambda: 0, BUDGET, trouble=trouble), tmp_path / "workers"
    leave_dead("wrk_dead", folder, register, boot="another", settled=True)
    with pytest.raises(StoreUnavailable):
        Worker("wrk_1", folder).open(register, 5)
    assert (state(register, "wrk_dead"), spent_and_risked(register)) == ("lost", (0, 1_000))
    trouble.call = None
    survivor = Worker("wrk_2", folder)
    survivor.open(register, 6)
    assert spent_and_risked(register) == (70, 930)
    assert survivor.look_for_dead(register, 7) == 0
    assert spent_and_risked(register) == (70, 930)
    assert [each.name for each in folder.iterdir()] == ["wrk_2.journal"]


def test_a_journal_that_cannot_be_read_is_told_and_of_one_that_was_given_up_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register, folder = store(), tmp_path / "workers"
    register.open_worker(life("wrk_dead"))
    (folder / "wrk_dead.journal").mkdir(parents=True)
    with pytest.raises(OperatorError, match=r"wrk_dead\.journal of a worker that died cannot be read: is a"):
        Worker("wrk_1", folder).open(register, 0)
    register.lose("wrk_dead", 5)
    worker = Worker("wrk_2", folder)
    assert worker.open(register, 6) == worker.look_for_dead(register, 7) == 0
    assert caplog.text.count("wrk_dead.journal of a worker that died cannot be read") == 1


def test_a_journal_of_another_store_is_left_where_it_is(tmp_path: Path) -> None:
    elsewhere, register, folder = store(), store(), tmp_path / "workers"
    leave_dead("wrk_dead", folder, elsewhere)
    worker = Worker("wrk_1", folder)
    assert worker.open(register, 0) == worker.look_for_dead(register, 1) == 0
    assert (folder / "wrk_dead.journal").exists()
    assert Worker("wrk_2", folder).open(elsewhere, 2) == 2


def test_of_many_that_find_a_dead_worker_at_once_one_adopts_it(tmp_path: Path) -> None:
    folder = tmp_path / "workers"
    leave_dead("wrk_dead", folder, store())
    # Nobody looks before all have come: each waits for a lock that is held here.
    gate = os.open(tmp_path / "gate", os.O_CREAT | os.O_RDWR)
    fcntl.flock(gate, fcntl.LOCK_EX)
    pipes = [_spawned.Pipe() for _ in range(4)]
    processes = [_spawned.Process(target=_adopt, args=(folder, tmp_path / "gate", far)) for _, far in pipes]
    for process in processes:
        process.start()
    assert [near.recv() for near, _ in pipes] == ["come"] * 4
    os.close(gate)
    assert sorted(near.recv() for near, _ in pipes) == [0, 0, 0, 2]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4


def spent_and_risked(register: MemoryStore) -> tuple[int, int]:
    """What the ledger comes to, in nano-USD."""
    outcomes = [each.outcome for each in register.ledger]
    return sum(each.cost for each in outcomes), sum(each.risk for each in outcomes)


def lease(register: MemoryStore, worker: str) -> None:
    """Leases the whole budget."""
    need = Need(window=WINDOW, budget=BUDGET.id, start_ms=0, need=1_000, want=1_000)
    assert register.grant(worker, [need]).amounts == {WINDOW: 1_000}


def leave_dead(
    id: str,
    folder: Path,
    register: MemoryStore,
    boot: str | None = None,
    *,
    synced: bool = False,
    settled: bool = False,
) -> None:
    """Registers a worker whose process was killed: of the lease that it had, two holds were open.

    One of them was settled at 70, where `settled`.
    """
    register.open_worker(life(id))
    lease(register, id)
    near, far = _spawned.Pipe()
    process = _spawned.Process(target=_live, args=(id, folder, boot, synced, settled, far))
    process.start()
    assert near.recv() == "alive"
    process.kill()
    process.join()


def _live(id: str, folder: Path, boot: str | None, synced: bool, settled: bool, pipe: Connection) -> None:
    if boot is None:
        worker = Worker(id, folder, synced=synced)
        worker.open(store(), 0)
        journal = worker.journal
    else:
        folder.mkdir(parents=True)
        journal = Journal(folder / f"{id}.journal", Identity(worker=id, boot=boot, synced=synced))
    for number in (1, 2):
        journal.hold(attempt(f"req_{number}"), (WINDOW,), 100, 40)
    if settled:
        journal.settle(1, outcome(70), 3)
    pipe.send("alive")
    pipe.recv()


def _adopt(folder: Path, gate: Path, pipe: Connection) -> None:
    """Looks for the dead as soon as the gate is open, and says what it found."""
    register = store()
    register.open_worker(life("wrk_dead"))
    lease(register, "wrk_dead")
    pipe.send("come")
    with gate.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    pipe.send(Worker("wrk_1", folder).look_for_dead(register, 0))
