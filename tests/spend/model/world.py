"""The world of the model: hosts, processes and providers on one bank; and what must be true of it."""

from collections.abc import Sequence
from pathlib import Path

from tests.spend.model.alarm import Alarm
from tests.spend.model.bank import Bank
from tests.spend.model.bills import Bills
from tests.spend.model.books import Opening
from tests.spend.model.link import Link
from tests.spend.model.loop import ModelClock
from tests.spend.model.process import Host, Making, ModelWorker, Process, forget
from tests.spend.model.requests import BUDGETS, Answer, Ask, Request, Stage
from tests.spend.samples import attempt
from zai_gateway.errors import Code, Failure
from zai_gateway.spend.budgets import Budget, window_id, window_start
from zai_gateway.spend.ledger import Outcome

_REMEMBERED = 0.31
"""Seconds: what the store said is good enough to refuse by for a little less."""


class World:
    """Everything that a schedule can touch. Each move is followed by `check`."""

    def __init__(self, folder: Path, opening: Opening, making: Making) -> None:
        self.clock = ModelClock()
        self.bank = Bank(opening(self.clock.now_ms, BUDGETS), self.clock, *BUDGETS)
        self.hosts = [Host(folder / f"host_{number}") for number in (1, 2)]
        for host in self.hosts:
            host.folder.mkdir()
        self.processes: list[Process] = []
        self.requests: dict[str, Request] = {}
        self.homes: dict[Request, Process] = {}
        """The processes of the requests that wait or are in flight."""
        self.bills = Bills()
        self.old_limits: dict[str, Budget] = {}
        """The budgets as they were before their last edits."""
        self._making = making
        self._unsynced: set[str] = set()
        """Workers whose host lost its power: of their journals the end may be missing."""
        self._alarm = Alarm(self.bank)
        for host in self.hosts:
            self.start(host)

    def close(self) -> None:
        """Lets go of everything."""
        self._alarm.off()
        for process in self.living:
            process.kill()
        self.bank.books.close()

    # Who there is

    @property
    def living(self) -> list[Process]:
        """The processes that are not dead."""
        return [each for each in self.processes if not each.is_dead]

    @property
    def serving(self) -> list[Process]:
        """Those that take requests."""
        return [each for each in self.living if not each.is_ending()]

    @property
    def hanging(self) -> list[Process]:
        """Those with a call that hangs."""
        return [each for each in self.living if each.hangs]

    @property
    def workers(self) -> list[tuple[Process, ModelWorker]]:
        """The workers with a journal on a disk."""
        pairs = [(process, worker) for process in self.processes for worker in process.workers]
        return [pair for pair in pairs if pair[1].journal.is_there]

    @property
    def in_flight(self) -> list[Request]:
        """Requests that their providers work on."""
        return [each for each in self.homes if each.stage is Stage.SENT and not each.is_answered]

    def window(self, budget: Budget) -> tuple[str, int]:
        """The id of a budget's window at this moment, and when it began."""
        start = window_start(budget.period, self.clock.now_ms())
        return window_id(budget.id, start), start

    def remainder(self, budget: Budget) -> int | None:
        """What is left of a budget now; None where it has no limit."""
        limit = self.bank.budgets[budget.id].limit
        return None if limit is None else limit - self.bank.picture.committed.get(self.window(budget)[0], 0)

    def is_unsynced(self, worker: str) -> bool:
        """Whether the end of the worker's journal may be missing, as its host lost its power or its disk."""
        return worker in self._unsynced

    # Moves

    def start(self, host: Host) -> None:
        """A process starts."""
        name = f"process_{len(self.processes) + 1}"
        self.processes.append(Process(name, host, self.bank, self.clock, self, self._making))

    def restart(self) -> None:
        """What died is started again, where nothing else serves on its host."""
        for host in self.hosts:
            if not any(process.host is host for process in self.serving):
                self.start(host)

    def request(self, process: Process, budgets: Sequence[Budget], ask: Ask, *, stale: bool) -> Request:
        """A client asks; where `stale`, its process has not heard of the last edits of the limits."""
        number = len(self.requests) + 1
        request = Request(attempt(f"req_{number}"), tuple(budgets), ask, self.clock.monotonic())
        self.requests[request.name] = request
        self.homes[request] = process
        now = self.bank.budgets
        known = tuple((self.old_limits if stale else now).get(each.id, now[each.id]) for each in budgets)
        process.begin(request, known)
        return request

    def answer(self, request: Request, answer: Answer, part: int) -> None:
        """The provider of the request answers, and bills."""
        process = self.homes[request]
        if not process.is_dead:
            self.bills.ended(request, answer, part)
            process.answer(request)

    def leave(self, request: Request, part: int) -> None:
        """The client of the request goes away; if its provider has it already, it bills all the same."""
        process = self.homes[request]
        if process.is_dead:
            return
        if request.stage is Stage.SENT and not request.is_answered:
            self.bills.ended(request, Answer.ESTIMATED, part)
        process.leave(request)

    def pass_time(self, seconds: float) -> None:
        """Time goes on, and whoever is not paused sees it."""
        self.clock.move(seconds)
        self._run()

    def turn_the_day(self) -> None:
        """The next day begins."""
        self.clock.turn_the_day()
        self.bank.relieve()
        self._run()

    def kill(self, process: Process, part: int) -> None:
        """`kill -9`; of what its providers work on, so many tenths are billed."""
        process.kill()
        self.bury(part)

    def drain(self, process: Process) -> None:
        """It ends in order: nobody waits in its lines any more, but providers may be at work for it."""
        for request, its in tuple(self.homes.items()):
            if its is process and request.stage is Stage.WAITING:
                self.leave(request, 0)
        if not process.is_dead:
            process.drain()

    def reboot(self, host: Host, part: int) -> None:
        """The host loses its power: so many tenths of what its journals gained last are there again."""
        for process in self.living:
            if process.host is host:
                process.kill()
        host.boot += 1
        for process, worker in self.workers:
            journal = worker.journal
            if process.host is host and worker.id not in self._unsynced:
                self._unsynced.add(worker.id)
                start = journal.begins_at + (journal.size - journal.begins_at) * part // 10
                forget(journal.path, start, journal.size)
        self.bury(part)

    def wreck(self, process: Process, part: int) -> None:
        """The process dies with its disk, and an operator says so."""
        self.kill(process, part)
        for worker in process.workers:
            self._unsynced.add(worker.id)
            worker.journal.path.unlink(missing_ok=True)
            Link(self.bank).give_up(worker.id)

    # What the processes say (`process.Watch`)

    def held(self, request: str, worker: str, windows: tuple[str, ...], amount: int) -> None:
        its = self.requests[request]
        its.worker, its.windows, its.amount = worker, windows, amount

    def sent(self, request: Request) -> None:
        request.stage = Stage.SENT
        self.bills.sent(request)

    def written(self, request: str, outcome: Outcome | None) -> None:
        its = self.requests[request]
        self._ended(its, Stage.RELEASED if outcome is None else Stage.WRITTEN)
        its.settled = outcome

    def refused(self, request: Request, trouble: Exception) -> None:
        request.stage = Stage.REFUSED
        process = self.homes.pop(request)
        if isinstance(trouble, Failure) and trouble.code is Code.SPEND_CAP_REACHED:
            news = max(self.bank.relieved_at, process.resumed_at)
            if request.since > news + _REMEMBERED:
                self.bank.require(self._is_short(request), f"{request.name}: 402 was untrue")

    # What must be true

    def check(self) -> None:
        """Raises the first violation."""
        self.bury(5)
        self.bank.audit()
        committed = self.bank.picture.committed
        for window, exposed in self.bills.exposed.items():
            slack = self.bills.written_off[window]
            held = committed.get(window, 0)
            self.bank.require(exposed <= held + slack, f"{window}: {exposed} of {held} may be billed")
            ceiling = self.bank.ceilings.get(window)
            if ceiling is not None:
                self.bank.require(exposed <= ceiling + slack, f"{window}: {exposed}, the cap was {ceiling}")
                beyond = self.bills.beyond[window] + slack
                self.bank.require(held <= ceiling + beyond, f"{window}: {held} committed above {ceiling}")
        if self.bank.violation is not None:
            raise self.bank.violation

    # Inside

    def _run(self) -> None:
        for process in self.living:
            process.run()

    def bury(self, part: int) -> None:
        """The requests of processes that died: their providers end them, and nobody hears it."""
        for request, process in tuple(self.homes.items()):
            if process.is_dead:
                if request.stage is Stage.SENT:
                    if not request.is_answered:
                        self.bills.ended(request, Answer.UNKNOWN, part)
                    self._ended(request, Stage.ORPHANED)
                else:
                    self.homes.pop(request, None)
            elif request.stage in {Stage.RELEASED, Stage.WRITTEN}:
                del self.homes[request]

    def _ended(self, request: Request, stage: Stage) -> None:
        if request.stage is Stage.SENT:
            self.bills.closed(request)
        request.stage = stage
        self.homes.pop(request, None)

    def _is_short(self, request: Request) -> bool:
        """Whether what is spent or unconfirmed leaves less than the request needs."""
        self.bank.audit()
        for budget in request.budgets:
            limit = self.bank.budgets[budget.id].limit
            if limit is not None and sum(self.bank.booked(self.window(budget)[0])) + request.least > limit:
                return True
        return False
