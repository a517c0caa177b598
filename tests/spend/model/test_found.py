"""Schedules by which the model found mistakes, each as short as it became."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.spend.model.books import in_memory
from tests.spend.model.link import Fate
from tests.spend.model.operator import Operator
from tests.spend.model.process import Making
from tests.spend.model.reckoning import reckon
from tests.spend.model.requests import KEY, OWNERS, Answer, Ask
from tests.spend.model.world import World

KEYS = OWNERS[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path, in_memory(), Making())) as world:
        yield world


@pytest.fixture
def operator(world: World) -> Operator:
    return Operator(world)


def test_a_hold_whose_settlement_was_booked_before_the_journal_lost_it(
    world: World, operator: Operator
) -> None:
    process = world.processes[0]
    request = world.request(process, KEYS, Ask(1), stale=False)
    world.pass_time(0.15)
    world.answer(request, Answer.UNKNOWN, 0)
    world.pass_time(0.15)
    world.reboot(process.host, 7)
    reckon(world, operator)


def test_holds_of_which_a_journal_forgot_that_they_ended_and_their_money_was_used_again(
    world: World, operator: Operator
) -> None:
    operator.edit(KEY.id, 200)
    process = world.processes[0]
    for amount in (1, 100):
        request = world.request(process, KEYS, Ask(amount), stale=False)
        world.answer(request, Answer.EXACT, 0)
    world.request(process, KEYS, Ask(100), stale=False)
    world.reboot(process.host, 7)
    reckon(world, operator)


def test_a_lost_worker_is_adopted_twice_where_the_first_reply_is_lost(
    world: World, operator: Operator
) -> None:
    process = world.processes[0]
    world.request(process, KEYS, Ask(10), stale=False)
    world.reboot(process.host, 10)
    for fates in ((Fate.DONE, Fate.LOST), (Fate.DONE, Fate.DONE, Fate.LOST), ()):
        for worker in process.workers:
            operator.adopt(process, worker, fates)
            world.check()
    reckon(world, operator)


def test_an_overrun_that_the_end_of_another_hold_makes_up_for(world: World, operator: Operator) -> None:
    process = world.processes[0]
    first, second = (world.request(process, KEYS, Ask(amount), stale=False) for amount in (10, 100))
    process.is_paused = True
    world.answer(first, Answer.OVERRUN, 10)
    world.answer(second, Answer.EXACT, 0)
    process.resume()
    for _ in range(20):  # until the lease is forgotten, which is empty by then
        world.pass_time(10)
        world.check()
    reckon(world, operator)


def test_a_process_that_ends_with_an_open_hold_of_a_lost_worker(world: World, operator: Operator) -> None:
    process = world.processes[0]
    world.request(process, KEYS, Ask(4), stale=False)
    operator.give_up(process.workers[0])
    world.request(process, KEYS, Ask(1), stale=False)
    world.pass_time(1.0)
    world.drain(process)
    reckon(world, operator)


def test_money_that_is_given_back_while_a_flush_is_under_way(world: World, operator: Operator) -> None:
    process = world.processes[0]
    operator.edit(KEY.id, None)
    world.answer(world.request(process, KEYS, Ask(100), stale=False), Answer.EXACT, 0)
    process.link.fates.append(Fate.HANGS)
    world.pass_time(0.15)
    operator.edit(KEY.id, 1_000)
    world.request(process, KEYS, Ask(1), stale=False)
    reckon(world, operator)
