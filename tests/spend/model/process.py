"""A process of the gateway in the model: the real spending and real journals, killed at any moment."""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from tests.spend.model.bank import Bank
from tests.spend.model.link import Link, Post
from tests.spend.model.loop import ModelClock, ModelLoop
from tests.spend.model.requests import Request, Stage
from zai_gateway.errors import Failure, StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.journal import Identity, Journal
from zai_gateway.spend.ledger import Attempt, Outcome
from zai_gateway.spend.spending import Patience, Spending
from zai_gateway.spend.store import WorkerLife, WorkerRegister

T = TypeVar("T")


class Killed(SystemExit):
    """The process dies in the middle of a write. Of a kind that no task of an event loop survives."""


class Host(Struct):
    """A machine, on whose disk the journals of its processes are."""

    folder: Path
    boot: int = 1

    @property
    def boot_id(self) -> str:
        return f"{self.folder.name} started {self.boot} times"


class Watch(Protocol):
    """Who has to know of what happens in a process."""

    def held(self, request: str, worker: str, windows: tuple[str, ...], amount: int) -> None: ...

    def sent(self, request: Request) -> None: ...

    def written(self, request: str, outcome: Outcome | None) -> None: ...

    def refused(self, request: Request, trouble: Exception) -> None: ...


class WatchedJournal:
    """A real journal, whose process may die in the middle of a write."""

    def __init__(self, journal: Journal, worker: str, watch: Watch) -> None:
        self.size = journal.size
        self.begins_at = journal.size
        self.path = journal.path
        self.cut: int | None = None
        """How many bytes of the next record are written before the process dies."""
        self.is_dead = False
        self._is_gone = False
        self._journal = journal
        self._worker = worker
        self._watch = watch
        self._held: dict[int, str] = {}

    @property
    def open_holds(self) -> int:
        return self._journal.open_holds

    @property
    def is_there(self) -> bool:
        """Whether the file is still on its disk."""
        if self.is_dead and not self._is_gone:
            self._is_gone = not self.path.exists()
        return not self._is_gone

    def hold(self, attempt: Attempt, windows: tuple[str, ...], amount: int, estimate: int) -> int:
        number = self._written(lambda: self._journal.hold(attempt, windows, amount, estimate))
        if not self.is_dead:
            self._held[number] = attempt.request
            self._watch.held(attempt.request, self._worker, windows, amount)
        return number

    def settle(self, hold: int, outcome: Outcome, at_ms: int) -> int:
        number = self._written(lambda: self._journal.settle(hold, outcome, at_ms))
        if not self.is_dead:
            self._watch.written(self._held.pop(hold), outcome)
        return number

    def release(self, hold: int) -> None:
        self._written(lambda: self._journal.release(hold) or 0)
        if not self.is_dead:
            self._watch.written(self._held.pop(hold), None)

    def flushed(self, seq: int) -> None:
        if not self.is_dead:
            self._journal.flushed(seq)

    def close(self, *, unlink: bool) -> None:
        """Lets go of the file."""
        if not self.is_dead:
            self.is_dead = True
            self._journal.close(unlink=unlink)

    def _written(self, write: Callable[[], int]) -> int:
        if self.is_dead:
            return 0
        before, number = self._journal.size, write()
        self.size = self._journal.size
        if self.cut is not None:
            forget(self.path, before + self.cut % (self.size - before), self.size)
            raise Killed
        return number


def forget(journal: Path, start: int, end: int) -> None:
    """Loses these bytes of a file, as a kill in the middle of a write does, or a disk without power."""
    file = os.open(journal, os.O_WRONLY)
    try:
        os.pwrite(file, bytes(end - start), start)
    finally:
        os.close(file)


class ModelWorker:
    """A worker that lives (`spend.purse.LiveWorker`). Who is dead, the schedule looks for."""

    def __init__(self, id: str, journal: WatchedJournal) -> None:
        self.id = id
        self.journal = journal

    def look_for_dead(self, register: WorkerRegister, now_ms: int) -> int:
        return 0

    def close(self, register: WorkerRegister) -> None:
        register.close_worker(self.id)
        self.journal.close(unlink=True)

    def abandon(self) -> None:
        self.journal.close(unlink=False)


class Process:
    """Spending in an event loop of its own."""

    def __init__(
        self, name: str, host: Host, bank: Bank, clock: ModelClock, watch: Watch, made: "Making"
    ) -> None:
        self.name = name
        self.host = host
        self.workers: list[ModelWorker] = []
        self.link = made.link(bank)
        self.is_dead = False
        self.is_paused = False
        self.resumed_at = clock.monotonic()
        self._clock = clock
        self._watch = watch
        self._loop = ModelLoop(clock)
        self._post = Post(bank, self.link.fates)
        self._tasks: dict[Request, asyncio.Task[None]] = {}
        self._answers: dict[Request, asyncio.Future[None]] = {}
        self._ending: asyncio.Task[None] | None = None
        self._spending = made.spending(
            self.link,
            clock,
            self._open_worker,
            moves=self._post,
            reads=Post(bank, deque()),
            patience=Patience(),
        )
        self._starting = self._loop.create_task(self._spending.start())
        self.run()

    def run(self) -> None:
        """Runs what is ready, if it is not paused; dies if it is told to while it writes."""
        if self.is_dead or self.is_paused:
            return
        try:
            self._loop.run()
        except Killed:
            self.kill()
            return
        if self._starting.done():
            self._starting.result()
        if self._ending is not None and self._ending.done():
            self._ending.result()
            self.kill()

    def resume(self) -> None:
        """Goes on after a pause."""
        self.is_paused = False
        self.resumed_at = self._clock.monotonic()
        self.run()

    def kill(self) -> None:
        """Ends at once: nothing that it does from now on reaches anybody."""
        self.is_dead = True
        for worker in self.workers:
            worker.journal.close(unlink=False)
        self._loop.bury()

    def drain(self) -> None:
        """Ends in order, if the store takes what it has to say in time."""
        self._ending = self._loop.create_task(self._spending.drain(20.0))
        self.run()

    def is_ending(self) -> bool:
        """Whether it was told to end."""
        return self._ending is not None

    def deliver(self) -> None:
        """Carries out the oldest call that hangs."""
        self._post.deliver()
        self.run()

    @property
    def hangs(self) -> bool:
        """Whether a call to the store hangs."""
        return self._post.hangs and not self.is_dead

    def begin(self, request: Request, budgets: tuple[Budget, ...]) -> None:
        """A client asks for something; `budgets` are as the process knows them."""
        self._tasks[request] = self._loop.create_task(self._serve(request, budgets))
        self.run()

    def answer(self, request: Request) -> None:
        """Its provider has answered the request."""
        answer = self._answers.pop(request)
        self._loop.call_soon(_set, answer)
        self.run()

    def leave(self, request: Request) -> None:
        """Its client has gone away."""
        self._answers.pop(request, None)
        self._loop.call_soon(self._tasks[request].cancel)
        self.run()

    async def _serve(self, request: Request, budgets: tuple[Budget, ...]) -> None:
        try:
            async with self._spending.hold(request.attempt, budgets, request.bound, request) as hold:
                self._watch.sent(request)
                answer = self._answers[request] = self._loop.create_future()
                await answer
                hold.settle()
        except (Failure, StoreUnavailable) as refusal:
            self._watch.refused(request, refusal)
        finally:
            if not self.is_dead and request.stage is Stage.WAITING:
                request.stage = Stage.RELEASED
            self._answers.pop(request, None)
            self._tasks.pop(request, None)

    def _open_worker(self) -> ModelWorker:
        id = f"{self.name}_{len(self.workers) + 1}"
        identity = Identity(worker=id, boot=self.host.boot_id)
        journal = WatchedJournal(Journal(self.host.folder / f"{id}.journal", identity), id, self._watch)
        worker = ModelWorker(id, journal)
        self.workers.append(worker)
        life = WorkerLife(
            id=id,
            host=self.host.folder.name,
            boot=self.host.boot_id,
            journal=str(journal.path),
            seen=self._clock.now_ms(),
        )
        try:
            self.link.open_worker(life)
        except StoreUnavailable:
            worker.abandon()
            raise
        return worker


class Making(Struct, frozen=True):
    """Of which parts processes are made."""

    link: Callable[[Bank], Link] = Link
    spending: type[Spending] = Spending


def _set(answer: "asyncio.Future[None]") -> None:
    if not answer.done():
        answer.set_result(None)
