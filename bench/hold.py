"""What a hold and its settlement cost in CPU, with the journal and without: `python -m bench.hold`."""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from statistics import median
from typing import Any

from zai_gateway.catalogue.bound import Bound
from zai_gateway.clock import SystemClock
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.journal import Identity, Journal
from zai_gateway.spend.ledger import Attempt, Outcome
from zai_gateway.spend.purse import Records
from zai_gateway.spend.spending import Spending
from zai_gateway.spend.store import Batch, Grant, Granted, Need, SpendStore, WorkerRegister
from zai_gateway.wire.usage import Usage

_HOLDS = 20_000
_ROUNDS = 5
_OUTCOME = Outcome(cost=1_000, usage=Usage(input=100, output=200), status=200, total_ms=900)
_BOUND = Bound(input_pico=10**9, output_pico=10**6, asked=1_000, most=128_000, room=None, floor=1_024)


class NoJournal:
    """Numbers, and nothing written."""

    def __init__(self) -> None:
        self.size = self.open_holds = self._settled = 0

    def hold(self, attempt: Attempt, windows: tuple[str, ...], amount: int, estimate: int) -> int:
        return 1

    def settle(self, hold: int, outcome: Outcome, at_ms: int) -> int:
        self._settled += 1
        return self._settled

    def release(self, hold: int) -> None:
        pass

    def flushed(self, seq: int) -> None:
        pass


class Worker:
    """A worker that nobody registers."""

    def __init__(self, journal: Records) -> None:
        self.id = "wrk_bench"
        self.journal = journal

    def look_for_dead(self, register: WorkerRegister, now_ms: int) -> int:
        return 0

    def close(self, register: WorkerRegister) -> None:
        pass

    def abandon(self) -> None:
        pass


class Generous:
    """A store that grants whatever is asked for, and takes what it is given."""

    def grant(self, worker: str, needs: Sequence[Need]) -> Grant:
        return Grant(amounts={need.window: 10**15 for need in needs}, levels=())

    def flush(self, batch: Batch) -> None:
        pass

    def recalled(self, worker: str) -> dict[str, int]:
        return {}

    def saw(self, worker: str, now_ms: int) -> None:
        pass


class AtOnce(Executor):
    """Threads would be measured too: calls are made where they are asked for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Sent:
    """An attempt that was answered."""

    def outcome(self, granted: Granted) -> Outcome:
        return _OUTCOME


def attempt(number: int) -> Attempt:
    """An attempt as the relay records it."""
    return Attempt(
        request=f"req_01k9zzzzzzzzzzzzzzzzz{number:06d}",
        number=1,
        workspace="ws_01k9zzzzzzzzzzzzzzzzzzzzzz",
        key="key_01k9zzzzzzzzzzzzzzzzzzzzzz",
        member="mem_01k9zzzzzzzzzzzzzzzzzzzzzz",
        tags=(),
        provider="openai",
        provider_key="pkey_01k9zzzzzzzzzzzzzzzzzzzzz",
        requested_model="openai/gpt-5.4-mini",
        answering_model="openai/gpt-5.4-mini",
        price_version="2026-11-01",
        streamed=False,
        started_ms=1_795_000_000_000,
    )


async def measured(journal: Records, budgets_of: Callable[[int], tuple[Budget, ...]], keys: int) -> float:
    """Microseconds of CPU for one hold and its settlement, the median of some rounds, all keys in turn."""
    threads = AtOnce()
    store: SpendStore = Generous()  # pyright: ignore[reportAssignmentType] -- the calls that are made
    spending = Spending(store, SystemClock(), lambda: Worker(journal), moves=threads, reads=threads)
    await spending.start()
    attempts = [attempt(number) for number in range(_HOLDS)]
    budgets = [budgets_of(number) for number in range(keys)]
    for each in budgets:
        async with spending.hold(attempts[0], each, _BOUND, Sent()):
            pass
    took: list[float] = []
    gc.collect()
    gc.freeze()  # as the gateway does once it serves
    for number in range(_ROUNDS):
        await spending.flushed()
        turn = [budgets[(number * _HOLDS + each) % keys] for each in range(_HOLDS)]
        began = time.process_time()
        for one, its in zip(attempts, turn, strict=True):
            async with spending.hold(one, its, _BOUND, Sent()) as hold:
                hold.settle()
        took.append(time.process_time() - began)
    await spending.drain(10)
    return median(took) / _HOLDS * 1e6


def budgets_of(number: int) -> tuple[Budget, ...]:
    """A key's cap and its workspace's monthly budget."""
    return (
        Budget(id=f"bud_{number:026d}", owner="key", limit=10**12),
        Budget(id="bud_ws", owner="ws", owner_kind="workspace", period=Period.MONTHLY, limit=10**14),
    )


async def main() -> None:
    """Prints a table."""
    print(f"{_HOLDS} holds and settlements in two windows each, µs of CPU, median of {_ROUNDS} rounds")
    for keys in (1, 100_000):
        without = await measured(NoJournal(), budgets_of, keys)
        with tempfile.TemporaryDirectory(prefix="zai-bench-") as folder:
            journal = Journal(Path(folder) / "bench.journal", Identity(worker="wrk_bench", boot="boot"))
            with_it = await measured(journal, budgets_of, keys)
            journal.close(unlink=True)
        print(f"{keys:>7,} keys: {without:5.1f} without the journal, {with_it:5.1f} with it")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
