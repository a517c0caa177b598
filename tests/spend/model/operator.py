"""The operators of the model: they edit limits, find out the truth, adopt the dead, and may be wrong."""

from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from tests.spend.model.link import Fate, Link
from tests.spend.model.process import ModelWorker, Process
from tests.spend.model.requests import Stage
from tests.spend.model.world import World
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.adoption import adopt


class Operator:
    """What is done to the books from outside, or from beside a dead process."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._bank = world.bank

    @property
    def unconfirmed(self) -> list[str]:
        """The cases of which the truth can be known by now, by their requests."""
        open_cases = [name for name, case in self._bank.cases.items() if case.risk > 0]
        return [name for name in open_cases if self._is_settled(name)]

    def give_up(self, worker: ModelWorker) -> None:
        """An operator declares the worker lost, be it so or not."""
        Link(self._bank).give_up(worker.id)

    def adopt(self, process: Process, worker: ModelWorker, fates: Sequence[Fate] = ()) -> None:
        """Someone on the host of a worker looks whether it is dead, and finishes what it began."""
        link, host = Link(self._bank, fates), process.host
        with suppress(StoreUnavailable):
            found = adopt(worker.id, worker.journal.path, link, host.boot_id, self._world.clock.now_ms())
            is_dead = worker.journal.is_dead
            self._bank.require(found is None or is_dead, f"{worker.id} lives, and was adopted")

    def edit(self, budget: str, limit: int | None) -> None:
        """An operator sets another limit."""
        before = self._world.old_limits[budget] = self._bank.budgets[budget]
        self._bank.edit(replace(before, limit=limit))

    def resolve(self, case: str) -> None:
        """An operator finds out what a case came to."""
        worker, windows = self._bank.cases[case].worker, self._bank.cases[case].windows
        request = self._world.requests.get(case)
        number, truth = 1, 0
        if request is not None:
            truth = request.billed
        else:
            number = 0
            (window,) = windows
            missing = (each for each in self._world.requests.values() if each.name not in self._bank.cases)
            truth = sum(each.billed for each in missing if each.worker == worker and window in each.windows)
        cost = truth - self._bank.cases[case].cost
        books, now = self._bank.books, self._world.clock.now_ms()
        self._bank.transact("resolve", None, lambda: books.resolve(case, number, cost, now))

    def write_off(self) -> None:
        """Nobody waits for confirmations any longer."""
        before = {name: case.risk for name, case in self._bank.cases.items()}
        costs = {name: case.cost for name, case in self._bank.cases.items()}
        now = self._world.clock.now_ms()
        self._bank.transact("write_off", None, lambda: self._bank.books.write_off(now))
        self._bank.audit()
        for name, risk in before.items():
            case = self._bank.cases[name]
            if risk > 0:
                less = risk - (case.cost - costs[name])
                self._world.bills.written_off.update(dict.fromkeys(case.windows, less))

    def recall(self) -> None:
        """Somebody asks for all that the workers do not use."""
        Link(self._bank).recall(tuple(self._bank.picture.committed), 2_000)

    # Inside

    def _is_settled(self, case: str) -> bool:
        request = self._world.requests.get(case)
        if request is not None:
            return request.stage is not Stage.SENT
        worker = self._bank.cases[case].worker
        busy = {its.id for process in self._world.living for its in process.workers}
        busy |= {its.id for _, its in self._world.workers} | {late.worker for late in self._bank.under_way}
        return worker not in busy
