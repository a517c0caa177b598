"""The state machine: what a schedule can do to the world, in any order, and the settings it is run with."""

import os
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.spend.model.books import Opening
from tests.spend.model.link import Fate
from tests.spend.model.operator import Operator
from tests.spend.model.process import Making
from tests.spend.model.reckoning import reckon
from tests.spend.model.requests import BUDGETS, OWNERS, Answer, Ask, Kind, Stage
from tests.spend.model.world import World
from zai_gateway.spend.budgets import Budget

T = TypeVar("T")

some = st.integers(0, 999)
"""Which of those that there are: the rest of a division chooses."""
parts = st.integers(0, 10)
"""Tenths."""
asks = st.builds(Ask, st.integers(1, 400), st.sampled_from(Kind))
_MOST_TELLING = (Fate.HANGS, Fate.LOST, Fate.LOST, Fate.STRAYS, Fate.STRAYS)
fates = st.lists(st.sampled_from((*Fate, *_MOST_TELLING)), min_size=1, max_size=4)
limits = st.none() | st.integers(0, 30).map(lambda hundreds: hundreds * 100)
_MOST_PROCESSES = 4


class End(Enum):
    """How a process ends."""

    KILL = "at once"
    KILL_IN_A_WRITE = "in the middle of the next record of its journal"
    DRAIN = "in order"
    REBOOT = "its host loses its power, and the end of its journal with it"
    WRECK = "with its disk"


class Machine(RuleBasedStateMachine):
    """Drives the world, and looks at it after each step and at the end."""

    def __init__(self, opening: Opening, making: Making) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        # Kept in memory where a system has such a place: no disk is tested here.
        self._folder = TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
        self.world = World(Path(self._folder.name), opening, making)
        self.operator = Operator(self.world)

    @invariant()
    def all_is_true(self) -> None:
        self.world.check()
        self.world.restart()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                reckon(self.world, self.operator)
        finally:
            self.world.close()
            self._folder.cleanup()

    # What clients and providers do

    @rule(number=some, owner=some, wishes=st.lists(asks, min_size=1, max_size=5), stale=st.booleans())
    def ask(self, number: int, owner: int, wishes: list[Ask], stale: bool) -> None:
        process = _of(self.world.serving, number)
        for wish in wishes:
            if process.is_dead:
                return  # in the middle of a write
            self.world.request(process, _of(OWNERS, owner), wish, stale=stale)

    @rule(number=some, owner=some, wish=asks)
    def ask_one(self, number: int, owner: int, wish: Ask) -> None:
        self.world.request(_of(self.world.serving, number), _of(OWNERS, owner), wish, stale=False)

    @precondition(lambda self: self.world.in_flight)
    @rule(number=some, answer=st.sampled_from(Answer), part=parts)
    def answer(self, number: int, answer: Answer, part: int) -> None:
        self.world.answer(_of(self.world.in_flight, number), answer, part)

    @precondition(lambda self: self.world.in_flight)
    @rule(part=parts)
    def answer_all(self, part: int) -> None:
        for request in self.world.in_flight:
            if request.stage is Stage.SENT:
                self.world.answer(request, Answer.EXACT, part)

    @precondition(lambda self: self.world.homes)
    @rule(number=some, part=parts)
    def leave(self, number: int, part: int) -> None:
        self.world.leave(_of(tuple(self.world.homes), number), part)

    @rule()
    def recall(self) -> None:
        self.operator.recall()

    # What time does

    @rule(seconds=st.sampled_from((0.05, 0.15, 0.3, 1.0, 3.0)))
    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from((12.0, 65.0, 700.0)))
    def wait_long(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        self.world.pass_time(0.3)

    @rule()
    def turn_the_day(self) -> None:
        self.world.turn_the_day()

    # What goes wrong

    @rule(number=some, fates=fates)
    def trouble(self, number: int, fates: list[Fate]) -> None:
        _of(self.world.living, number).link.fates.extend(fates)

    @precondition(lambda self: self.world.hanging)
    @rule(number=some)
    def deliver(self, number: int) -> None:
        _of(self.world.hanging, number).deliver()

    @rule(number=some, owner=some, wish=asks)
    def ask_while_it_returns(self, number: int, owner: int, wish: Ask) -> None:
        process = _of(self.world.serving, number)
        self.operator.recall()
        process.link.fates.appendleft(Fate.HANGS)
        self.world.pass_time(0.3)
        if not process.is_dead:
            self.world.request(process, _of(OWNERS, owner), wish, stale=False)

    @rule(number=some)
    def cut_or_mend(self, number: int) -> None:
        link = _of(self.world.living, number).link
        link.is_cut = not link.is_cut

    @rule(number=some)
    def pause_or_resume(self, number: int) -> None:
        process = _of(self.world.living, number)
        if process.is_paused:
            process.resume()
        else:
            process.is_paused = True

    @precondition(lambda self: self.world.bank.under_way)
    @rule(number=some)
    def land(self, number: int) -> None:
        self.world.bank.land_one(_of(self.world.bank.under_way, number))

    # How processes begin and end

    @precondition(lambda self: len(self.world.living) < _MOST_PROCESSES)
    @rule(number=some)
    def start(self, number: int) -> None:
        self.world.start(_of(self.world.hosts, number))

    @rule(end=st.sampled_from(End), number=some, part=parts)
    def end(self, end: End, number: int, part: int) -> None:
        world = self.world
        process = _of(world.living, number)
        if end is End.KILL:
            world.kill(process, part)
        elif end is End.KILL_IN_A_WRITE:
            for worker in process.workers:
                worker.journal.cut = number
        elif end is End.WRECK:
            world.wreck(process, part)
        elif end is End.REBOOT:
            world.reboot(process.host, part)
        elif not process.is_ending():
            world.drain(process)

    @precondition(lambda self: self.world.workers)
    @rule(number=some, fates=st.just(list[Fate]()) | fates)
    def adopt(self, number: int, fates: list[Fate]) -> None:
        process, worker = _of(self.world.workers, number)
        self.operator.adopt(process, worker, fates)

    # What operators do

    @precondition(lambda self: self.world.workers)
    @rule(number=some)
    def give_up(self, number: int) -> None:
        _, worker = _of(self.world.workers, number)
        self.operator.give_up(worker)

    @rule(budget=st.sampled_from(BUDGETS), limit=limits)
    def edit(self, budget: Budget, limit: int | None) -> None:
        self.operator.edit(budget.id, limit)

    @precondition(lambda self: self.operator.unconfirmed)
    @rule(number=some)
    def resolve(self, number: int) -> None:
        self.operator.resolve(_of(self.operator.unconfirmed, number))

    @precondition(lambda self: self.operator.unconfirmed)
    @rule()
    def write_off(self) -> None:
        self.operator.write_off()


def _of(there: Sequence[T], number: int) -> T:
    return there[number % len(there)]
