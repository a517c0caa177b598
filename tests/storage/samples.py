"""Sample records for the storage tests, and an audit that reads the books without the code under test."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from contextlib import closing

from msgspec.structs import replace

from tests.storage.places import Place
from zai_gateway.accounts.actor import Role, Scope, operator
from zai_gateway.accounts.audit_record import AuditRecord, Subject, audit_record
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.records import (
    ApiKey,
    BudgetOwner,
    BudgetPeriod,
    ManagementKey,
    Member,
    PriceOverride,
    ProviderKey,
    SpendBudget,
    Workspace,
)
from zai_gateway.catalogue.model import Rates
from zai_gateway.spend.budgets import Budget, window_id, window_start
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Outcome
from zai_gateway.spend.store import Batch, Need, WorkerLife
from zai_gateway.storage.leases import CLOSED
from zai_gateway.storage.store import Store
from zai_gateway.storage.windows import put_budget

NOON = 1_767_268_800_000
"""2026-01-01 12:00 UTC, a Thursday."""
DAY = 86_400_000
ME = "worker_1"


def workspace(id: str = "ws_1") -> Workspace:
    return Workspace(id=id, name="My Workspace", slug=f"slug-{id}", created_ms=NOON)


def api_key(id: str = "key_1", cap: int | None = None) -> ApiKey:
    return ApiKey(
        id=id,
        workspace="ws_1",
        name=f"name of {id}",
        prefix="zk_live_0PkU",
        digest=id.encode().ljust(32, b"."),
        budget=f"budget of {id}",
        cap=cap,
        created_ms=NOON,
    )


def provider_key(id: str = "pk_1") -> ProviderKey:
    return ProviderKey(
        id=id,
        workspace="ws_1",
        provider="openai",
        name="main",
        base_url="https://api.openai.com/v1",
        sealed=b"sealed secret",
        created_ms=NOON,
    )


def price(model: str = "openai/gpt-5.4", output: int = 5) -> PriceOverride:
    rates = Rates(input=1, cache_read=2, cache_write=3, cache_write_long=4, output=output)
    return PriceOverride(model=model, rates=rates, version="workspace-1", created_ms=NOON)


def member(id: str = "mem_1", role: Role = Role.MEMBER) -> Member:
    return Member(
        id=id, workspace="ws_1", name=f"name of {id}", email=f"{id}@example.com", role=role, created_ms=NOON
    )


def management_key(id: str = "mgmt_1", made_by: str | None = None) -> ManagementKey:
    return ManagementKey(
        id=id,
        workspace="ws_1",
        name=f"name of {id}",
        prefix="zk_admin_0Pk",
        digest=id.encode().ljust(32, b"."),
        scopes=(Scope.KEYS_READ,),
        made_by=made_by,
        expires_ms=NOON + 1,
        created_ms=NOON,
    )


def monthly(limit: int = 5, owner: str = "ws_1") -> SpendBudget:
    return SpendBudget(
        id=f"monthly of {owner}",
        workspace="ws_1",
        owner_kind=BudgetOwner.WORKSPACE,
        owner=owner,
        period=BudgetPeriod.MONTHLY,
        limit=limit,
    )


def act(deed: Deed = Deed.KEY_UPDATE, id: str = "key_1") -> AuditRecord:
    """The record of something that the operator did."""
    return audit_record(operator(), deed, "ws_1", Subject("api_key", id, f"name of {id}"), {}, NOON)


def recap(store: Store, cap: int | None) -> None:
    """Sets another cap of the key that `with_key` makes."""
    (key,) = store.accounts.keys("ws_1")
    assert store.accounts.replace_key(key, replace(key, cap=cap), act())


def budget_of(key: ApiKey) -> Budget:
    return Budget(id=key.budget, owner=key.id, limit=key.cap)


def attempt(request: str = "req_1", number: int = 1, *, key: str = "key_1", at_ms: int = NOON) -> Attempt:
    return Attempt(
        request=request,
        number=number,
        workspace="ws_1",
        key=key,
        member=None,
        tags=("team:a", "b"),
        provider="openai",
        provider_key="pk_1",
        requested_model="gpt-5.4",
        answering_model="openai/gpt-5.4",
        price_version="2026-01-01",
        streamed=True,
        started_ms=at_ms,
    )


def outcome(cost: int, risk: int = 0) -> Outcome:
    return Outcome(cost=cost, risk=risk, status=200, total_ms=40)


def entry(
    of: Attempt, windows: Collection[str], cost: int, risk: int = 0, *, worker: str = ME, estimate: int = 0
) -> Entry:
    """The first entry of an attempt that held in `windows`."""
    certainty = Certainty.UNCONFIRMED if risk else Certainty.EXACT
    what = replace(outcome(cost, risk), estimate=estimate, certainty=certainty)
    at_ms = of.started_ms + 40
    return Entry(attempt=of, seq=0, outcome=what, windows=tuple(windows), worker=worker, at_ms=at_ms)


def life(worker: str, seen: int = NOON) -> WorkerLife:
    return WorkerLife(id=worker, host="host", boot="boot", journal=f"/data/{worker}.journal", seen=seen)


def with_key(store: Store, cap: int | None = None, worker: str = ME) -> Budget:
    """Makes a workspace, a key and a worker; gives the key's own budget."""
    key = api_key(cap=cap)
    assert store.accounts.first_start(workspace(), [provider_key()], key, [])
    store.spend.open_worker(life(worker))
    return budget_of(key)


def add_budget(place: Place, budget: Budget) -> Budget:
    """Writes a budget of a team: no call of the store makes one yet."""
    with closing(place.database()) as database, database.write() as connection:
        put_budget(connection, budget)
    return budget


def window(budget: Budget, at_ms: int = NOON) -> str:
    return window_id(budget.id, window_start(budget.period, at_ms))


def need(budget: Budget, amount: int, want: int = 0, at_ms: int = NOON) -> Need:
    start = window_start(budget.period, at_ms)
    return Need(
        window=window(budget, at_ms),
        budget=budget.id,
        start_ms=start,
        need=amount,
        want=max(want, amount),
    )


def lease(store: Store, amount: int, *budgets: Budget, worker: str = ME) -> bool:
    """Leases exactly so much of each; False where that was refused."""
    granted = store.spend.grant(worker, [need(each, amount) for each in budgets]).amounts
    if granted is not None:
        assert granted == {window(each): amount for each in budgets}
    return granted is not None


class Flushes:
    """Flushes of one worker, each of which goes on where the last one ended."""

    def __init__(self, store: Store, worker: str = ME) -> None:
        self.spend, self.worker, self.applied = store.spend, worker, 0

    def batch(
        self,
        *entries: Entry,
        back: Mapping[str, int] | None = None,
        shortfall: Mapping[str, int] | None = None,
        answers: Mapping[str, int] | None = None,
    ) -> Batch:
        return Batch(
            worker=self.worker,
            start=self.applied,
            end=self.applied + len(entries),
            entries=entries,
            shortfall=shortfall or {},
            back=back or {},
            answers=answers or {},
            at_ms=NOON + 1_000,
        )

    def flush(
        self,
        *entries: Entry,
        back: Mapping[str, int] | None = None,
        shortfall: Mapping[str, int] | None = None,
        answers: Mapping[str, int] | None = None,
    ) -> None:
        batch = self.batch(*entries, back=back, shortfall=shortfall, answers=answers)
        self.spend.flush(batch)
        self.applied = batch.end


def spend(store: Store, budget: Budget, cost: int, risk: int = 0, request: str = "req_1") -> Entry:
    """Leases, spends and books so much, as the first settlement of its worker."""
    assert lease(store, cost + risk, budget)
    flushes = Flushes(store)
    flushes.applied = store.spend.worker(ME).applied
    booked = entry(attempt(request), [window(budget)], cost, risk)
    flushes.flush(booked)
    return booked


def audit(place: Place) -> None:
    """Asserts what has to be true of the books after every step (spend.md, invariants 1, 2 and 4)."""
    windows: dict[str, int] = dict(place.rows('SELECT id, committed FROM "window"'))
    leases = place.rows('SELECT "window", worker, granted, spent, risk FROM lease')
    workers = {id for (id,) in place.rows("SELECT id FROM worker")}
    ledger = place.rows("SELECT windows, worker, cost, risk, request, attempt FROM ledger")
    booked: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    risks: Counter[tuple[str, int]] = Counter()
    for names, worker, cost, risk, request, number in ledger:
        risks[request, number] += risk
        for name in _names(names):
            sums = booked[name, worker if worker in workers else CLOSED]
            sums[0] += cost
            sums[1] += risk
    for id, committed in windows.items():
        assert committed == sum(row[2] for row in leases if row[0] == id)
    for id, worker, granted, spent, risk in leases:
        assert [spent, risk] == booked.pop((id, worker), [0, 0])
        assert granted >= spent + risk
        assert granted == spent + risk or worker != CLOSED
    assert all(sums == [0, 0] for sums in booked.values())
    listed = {(request, number) for request, number in place.rows("SELECT request, attempt FROM unconfirmed")}
    assert listed == {name for name, risk in risks.items() if risk}
    assert min(risks.values(), default=0) >= 0


def _names(windows: str | list[str]) -> list[str]:
    # SQLite keeps JSON as text, and PostgreSQL's driver has read it already.
    return json.loads(windows) if isinstance(windows, str) else windows
