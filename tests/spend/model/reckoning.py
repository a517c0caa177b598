"""The reckoning after a schedule: all comes back, all is booked once, and what is left can be spent."""

from tests.spend.model.link import Fate
from tests.spend.model.operator import Operator
from tests.spend.model.requests import OWNERS, Answer, Ask, Stage
from tests.spend.model.world import World
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.store import Need

_STEP_SECONDS = 0.3
_MOST_STEPS = 100
_IDLE_SECONDS = 61.0


def reckon(world: World, operator: Operator) -> None:
    """Ends all trouble, and raises a violation where something of it stays."""
    _heal(world)
    _end_all_requests(world)
    _land_what_is_late(world)
    _return_idle_leases(world)
    _end_all_processes(world)
    _adopt_all(world, operator)
    _hold_against_the_bills(world, operator)
    _spend_the_rest(world)


def _heal(world: World) -> None:
    for process in world.living:
        process.link.fates.clear()
        process.link.is_cut = False
    for process in world.living:
        process.resume()
        while process.hangs:
            process.deliver()
    world.check()


def _end_all_requests(world: World) -> None:
    for _ in range(_MOST_STEPS):
        for request in world.in_flight:
            world.answer(request, Answer.EXACT, 7)
        _step(world)
        if not world.homes:
            return
    names = [f"{request.name}: {request.stage}" for request in world.homes]
    world.bank.require(False, f"requests that never end: {names}")
    world.check()


def _land_what_is_late(world: World) -> None:
    # A step may land others, and begin some.
    while late := world.bank.under_way:
        world.bank.land_one(late[0])
        _step(world)


def _return_idle_leases(world: World) -> None:
    """What nobody holds goes back while its worker lives: else a part of a cap would be lost for long."""
    if not world.living:
        return
    world.pass_time(_IDLE_SECONDS)
    for _ in range(_MOST_STEPS):
        _step(world)
        if not _left(world):
            return
    world.bank.require(False, f"leases that never come back: {_left(world)}")
    world.check()


def _left(world: World) -> dict[tuple[str, str], int]:
    there = {worker.id for process in world.living for worker in process.workers}
    leases = world.bank.picture.leases.items()
    left = {key: its.granted - its.spent - its.risk for key, its in leases if key[1] in there}
    return {key: amount for key, amount in left.items() if amount}


def _end_all_processes(world: World) -> None:
    """Every other one ends in order, and the rest by a kill."""
    for number, process in enumerate(world.living):
        if process.is_ending():
            continue
        if number % 2:
            world.drain(process)
        else:
            world.kill(process, 5)
    for _ in range(_MOST_STEPS):
        if not world.living:
            return
        _step(world)
    world.bank.require(False, "a process that never ends")
    world.check()


def _adopt_all(world: World, operator: Operator) -> None:
    for process, worker in world.workers:
        # Once more than needed: who comes second must find nothing to do.
        operator.adopt(process, worker, [Fate.LOST])
        world.check()
        if worker.journal.is_there:
            operator.adopt(process, worker)
        world.check()
    world.bank.require(not world.workers, f"journals that nobody can adopt: {world.workers}")
    world.bank.require(not world.bank.books.store.live_workers(), "workers that live for ever")
    world.check()


def _hold_against_the_bills(world: World, operator: Operator) -> None:
    for request in world.requests.values():
        case, settled = world.bank.cases.get(request.name), request.settled
        if settled is not None and not world.is_unsynced(request.worker):
            written = case is not None and case.first == (settled.cost, settled.risk)
            world.bank.require(written, f"{request.name}: its settlement is lost, or another one")
    for case in operator.unconfirmed:
        operator.resolve(case)
        world.check()
    for window, committed in world.bank.picture.committed.items():
        cost, risk = world.bank.booked(window)
        world.bank.require(committed == cost, f"{window}: {committed} committed, {cost} spent")
        world.bank.require(risk == 0, f"{window}: a risk of {risk} that nobody can resolve")
        beyond = world.bills.billed[window] - cost
        if world.bills.written_off[window]:
            listed = world.bills.written_off[window] + world.bills.beyond[window]
            world.bank.require(beyond <= listed, f"{window}: {beyond} is nowhere listed")
        else:
            world.bank.require(beyond == 0, f"{window}: {cost} booked, {world.bills.billed[window]} billed")
    world.check()


def _spend_the_rest(world: World) -> None:
    """The whole remainder of each window with a limit can be granted again, and nothing beside it."""
    host = world.hosts[0]
    world.start(host)
    process = world.processes[-1]
    for budgets in OWNERS:
        rooms = [world.remainder(budget) for budget in budgets]
        rest = min((room for room in rooms if room is not None), default=0)
        if rest > 0:
            request = world.request(process, budgets, Ask(rest), stale=False)
            for _ in range(_MOST_STEPS):
                if request.stage is not Stage.WAITING:
                    break
                _step(world)
            world.bank.require(request.stage is Stage.SENT, f"{rest} are left and cannot be spent")
            world.check()
            world.answer(request, Answer.FAILED, 0)
        _refuse_more(world, process.workers[-1].id, rest)
    world.check()


def _refuse_more(world: World, worker: str, rest: int) -> None:
    store = world.bank.books.store
    for budget in world.bank.budgets.values():
        room = world.remainder(budget)
        if room is not None:
            id, start = world.window(budget)
            more = Need(window=id, budget=budget.id, start_ms=start, need=max(room, 0) + 1, want=0)
            try:
                refused = store.grant(worker, [more]).amounts is None
            except StoreUnavailable:
                refused = True
            world.bank.require(refused or rest < 0, f"{id}: more than is left was granted")


def _step(world: World) -> None:
    world.pass_time(_STEP_SECONDS)
    world.check()
