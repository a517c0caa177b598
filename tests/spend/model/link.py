"""The link of one process to the bank, on which every call may fail in every way that a store has."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from enum import Enum
from typing import ParamSpec, TypeVar

from tests.spend.model.bank import Bank
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.store import (
    Batch,
    Grant,
    Level,
    Need,
    OpenHold,
    Standing,
    WorkerLevel,
    WorkerLife,
)

P = ParamSpec("P")
T = TypeVar("T")


class Fate(Enum):
    """What becomes of a call that changes something."""

    DONE = "it happens, and is answered"
    FAILED = "it does not happen, and that is known"
    LOST = "it happens, and its reply is lost"
    CUT = "it does not happen, and nobody knows"
    LATE = "nobody knows of it, and it happens later, but before its worker is looked at"
    STRAYS = "the same, and nobody waits for it: the next flush that gives nothing back, which would be"
    HANGS = "it is not carried out yet"
    OVERTAKEN = "right before it, an operator gives the worker up"


class Link:
    """Implements `spend.store.SpendStore` for one process."""

    def __init__(self, bank: Bank, fates: Sequence[Fate] = ()) -> None:
        self._bank = bank
        self._store = bank.books.store
        self.fates = deque(fates)
        """Of the next calls; those after them are done."""
        self.is_cut = False
        """Whether no call is answered, nor carried out."""

    def open_worker(self, worker: WorkerLife) -> None:
        self._move("open_worker", worker.id, lambda: self._store.open_worker(worker))

    def live_workers(self) -> tuple[WorkerLife, ...]:
        return self._read(self._store.live_workers)

    def worker(self, worker: str) -> WorkerLevel:
        def look() -> WorkerLevel:
            self._bank.land(worker)
            return self._store.worker(worker)

        if self._fate() in {Fate.DONE, Fate.HANGS, Fate.OVERTAKEN}:
            return self._read(look)
        raise StoreUnavailable("The store does not answer.")

    def saw(self, worker: str, now_ms: int) -> None:
        self._move("saw", worker, lambda: self._store.saw(worker, now_ms))

    def flush(self, batch: Batch) -> None:
        if Fate.STRAYS in self.fates and batch.entries and not batch.back:
            self.fates.remove(Fate.STRAYS)
            self._bank.postpone("flush", batch.worker, lambda: self._store.flush(batch), strays=True)
            raise StoreInDoubt("The store did not answer to the commit.")
        self._move("flush", batch.worker, lambda: self._store.flush(batch), locks=True)

    def close_worker(self, worker: str) -> None:
        self._move("close_worker", worker, lambda: self._store.close_worker(worker), locks=True)

    def adopt(self, batch: Batch, left: Sequence[OpenHold]) -> None:
        self._move("adopt", batch.worker, lambda: self._store.adopt(batch, left), locks=True)

    def lose(self, worker: str, now_ms: int) -> int:
        return self._move("lose", worker, lambda: self._store.lose(worker, now_ms), locks=True)

    def grant(self, worker: str, needs: Sequence[Need]) -> Grant:
        return self._move("grant", worker, lambda: self._store.grant(worker, needs))

    def recall(self, windows: Sequence[str], for_ms: int) -> Mapping[str, int]:
        return self._move("recall", "", lambda: self._store.recall(windows, for_ms))

    def recalled(self, worker: str) -> Mapping[str, int]:
        return self._read(lambda: self._store.recalled(worker))

    def levels(
        self, windows: Sequence[str], asking: str, recalls: Mapping[str, int] | None = None
    ) -> tuple[Level, ...]:
        return self._read(lambda: self._store.levels(windows, asking, recalls))

    def standings(self, owner: str, now_ms: int) -> tuple[Standing, ...]:
        return self._read(lambda: self._store.standings(owner, now_ms))

    def _fate(self) -> Fate:
        if self.is_cut:
            return Fate.FAILED
        for fate in self.fates:
            if fate is not Fate.STRAYS:
                self.fates.remove(fate)
                return fate
        return Fate.DONE

    def _read(self, do: Callable[[], T]) -> T:
        if self.is_cut:
            raise StoreUnavailable("The store does not answer.")
        return do()

    def _move(self, call: str, worker: str, do: Callable[[], T], *, locks: bool = False) -> T:
        fate = self._fate()
        if fate is Fate.FAILED:
            raise StoreUnavailable("The store does not answer.")
        if fate is Fate.LATE:
            self._bank.postpone(call, worker, do, strays=False)
        if fate is Fate.OVERTAKEN:
            self.give_up(worker)
        if fate in {Fate.LATE, Fate.CUT}:
            raise StoreInDoubt("The store did not answer to the commit.")
        if locks:
            self._bank.land(worker)
        done = self._bank.transact(call, worker, do)
        if fate is Fate.LOST:
            raise StoreInDoubt("The store did not answer to the commit.")
        return done

    def give_up(self, worker: str) -> None:
        """An operator declares the worker lost."""
        self._bank.land(worker)
        self._bank.transact("lose", worker, lambda: self._store.lose(worker, 0))


class Post(Executor):
    """The threads of a process: a call is carried out at once, or waits where its fate is to hang."""

    def __init__(self, bank: Bank, fates: deque[Fate]) -> None:
        self._bank = bank
        self._fates = fates
        self._hanging: deque[Callable[[], None]] = deque()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def carry_out() -> None:
            try:
                result = fn(*args, **kwargs)
            except StoreUnavailable as trouble:
                future.set_exception(trouble)
            except Exception as defect:
                self._bank.blame(defect)
                future.set_exception(defect)
            else:
                future.set_result(result)

        if self._fates and self._fates[0] is Fate.HANGS:
            self._fates.popleft()
            self._hanging.append(carry_out)
        else:
            carry_out()
        return future

    @property
    def hangs(self) -> bool:
        """Whether a call hangs."""
        return bool(self._hanging)

    def deliver(self) -> None:
        """Carries out the oldest call that hangs."""
        if self._hanging:
            self._hanging.popleft()()
