"""Sample records for the storage tests, and an audit that reads the books without the code under test."""

import json
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
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.model import Rates
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.spend.store import Granted, WorkerLife
from zai_gateway.storage.store import Store
from zai_gateway.storage.windows import put_budget

NOON = 1_767_268_800_000
"""2026-01-01 12:00 UTC, a Thursday."""
DAY = 86_400_000


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


def fixed(nano: int) -> Bound:
    """A worst case that no clamp can lower."""
    return Bound(input_pico=nano * 1_000, output_pico=0, asked=1, most=None, room=None, floor=1)


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


def entry(of: Attempt, granted: Granted, what: Outcome, worker: str = "worker_1") -> Entry:
    at_ms = of.started_ms + 40
    return Entry(attempt=of, seq=0, outcome=what, windows=granted.windows, worker=worker, at_ms=at_ms)


def life(worker: str) -> WorkerLife:
    return WorkerLife(id=worker, host="host", boot="boot", journal=f"/data/{worker}.lock", seen=NOON)


def with_key(store: Store, cap: int | None = None, worker: str = "worker_1") -> tuple[Budget, ...]:
    """Makes a workspace, a key and a worker; gives the key's budgets."""
    key = api_key(cap=cap)
    assert store.accounts.first_start(workspace(), [provider_key()], key, [])
    store.spend.open_worker(life(worker))
    return (budget_of(key),)


def add_budget(place: Place, budget: Budget) -> Budget:
    """Writes a budget of a team: no call of the store makes one yet."""
    with closing(place.database()) as database, database.write() as connection:
        put_budget(connection, budget)
    return budget


def audit(place: Place) -> None:
    """Asserts what has to be true of the books after every step (spend.md, invariants 1, 2 and 4)."""
    windows: dict[str, int] = dict(place.rows('SELECT id, committed FROM "window"'))
    leases = place.rows('SELECT "window", worker, granted, spent, risk FROM lease')
    holds = place.rows("SELECT windows, worker, amount FROM hold")
    ledger = place.rows("SELECT windows, worker, cost, risk FROM ledger")
    held = [(window, worker, amount) for names, worker, amount in holds for window in _names(names)]
    booked = [
        (window, worker, cost, risk) for names, worker, cost, risk in ledger for window in _names(names)
    ]
    for window, committed in windows.items():
        assert committed == sum(lease[2] for lease in leases if lease[0] == window)
    for window, worker, granted, spent, risk in leases:
        mine = [row for row in booked if row[:2] == (window, worker)]
        assert (spent, risk) == (sum(row[2] for row in mine), sum(row[3] for row in mine))
        open_holds = sum(amount for name, holder, amount in held if (name, holder) == (window, worker))
        assert granted == spent + risk + open_holds
    of_leases = {(lease[0], lease[1]) for lease in leases}
    assert {row[:2] for row in booked} | {row[:2] for row in held} <= of_leases


def _names(windows: str | list[str]) -> list[str]:
    # SQLite keeps JSON as text, and PostgreSQL's driver has read it already.
    return json.loads(windows) if isinstance(windows, str) else windows
