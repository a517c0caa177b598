"""Usage standings: where every budget stands in its period, and what of its money is not settled."""

from contextlib import closing

from sqlalchemy import insert

from tests.storage.places import Place
from tests.storage.samples import (
    ME,
    NOON,
    Flushes,
    act,
    api_key,
    attempt,
    entry,
    lease,
    monthly,
    window,
    with_key,
)
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.accounts.usage_books import Pending
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.storage.rows import row_of
from zai_gateway.storage.store import Store
from zai_gateway.storage.tables import budget

JANUARY, FEBRUARY = 1_767_225_600_000, 1_769_904_000_000


def test_every_budget_in_its_period(store: Store, place: Place) -> None:
    cap = with_key(store, cap=1_000)
    assert store.accounts.add_key(api_key("key_2"), act())
    assert store.accounts.put_budget(None, monthly(500), act())
    of_month = Budget(id="monthly of ws_1", owner="ws_1", owner_kind="workspace", period=Period.MONTHLY)
    assert lease(store, 60, cap, of_month)
    both = [window(cap), window(of_month)]
    Flushes(store).flush(entry(attempt(), both, 20, 5))
    found = {each.budget: each for each in store.reports.standings("ws_1", NOON)}
    assert set(found) == {"budget of key_1", "budget of key_2", "monthly of ws_1"}
    own = found["budget of key_1"]
    assert (own.spent, own.risk, own.limit, own.since_ms, own.resets_ms) == (20, 5, 1_000, 0, None)
    unused = found["budget of key_2"]
    assert (unused.spent, unused.risk, unused.owner, unused.owner_kind) == (0, 0, "key_2", BudgetOwner.KEY)
    team = found["monthly of ws_1"]
    assert (team.spent, team.limit, team.period) == (20, 500, BudgetPeriod.MONTHLY)
    assert (team.since_ms, team.resets_ms) == (JANUARY, FEBRUARY)
    (_, _, later) = store.reports.standings("ws_1", FEBRUARY)
    assert (later.budget, later.spent, later.risk, later.since_ms) == ("monthly of ws_1", 0, 0, FEBRUARY)
    assert store.reports.standings("ws_2", NOON) == ()


def test_what_is_pending(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    nothing = Pending()
    assert store.reports.pending("ws_1", None) == nothing
    assert lease(store, 60, cap)
    Flushes(store).flush(entry(attempt(), [window(cap)], 20, 5), entry(attempt("req_2"), [window(cap)], 1))
    found = Pending(leased=34, unconfirmed=5, attempts=1)
    assert store.reports.pending("ws_1", None) == store.reports.pending("ws_1", ["key_1"]) == found
    assert store.reports.pending("ws_1", ["key_2"]) == store.reports.pending("ws_1", []) == nothing
    assert store.reports.pending("ws_2", None) == nothing
    store.resolutions.resolve("req_1", 1, 5, NOON)
    assert store.reports.pending("ws_1", None) == Pending(leased=34)
    # What is left of a lost worker's lease is of no request.
    store.spend.lose(ME, NOON)
    assert store.reports.pending("ws_1", None) == Pending(unconfirmed=34)


def test_a_budget_that_ended_stands_nowhere(store: Store, place: Place) -> None:
    with_key(store)
    ended = row_of(monthly()) | {"resource": "spend", "ended_ms": NOON}
    with closing(place.database()) as database, database.write() as connection:
        connection.execute(insert(budget), ended)
    assert [each.budget for each in store.reports.standings("ws_1", NOON)] == ["budget of key_1"]
