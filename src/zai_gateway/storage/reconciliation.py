"""Reconciliation: whether the books of spend agree with one another, workspace by workspace."""

from collections import defaultdict
from pathlib import Path

from sqlalchemy import Connection, and_, func, select

from zai_gateway.care import Finding, Grade, Reconciliation, Sums, doubtful, fine
from zai_gateway.errors import OperatorError
from zai_gateway.spend.budgets import Period
from zai_gateway.storage.inspection import looked_at, schema_finding
from zai_gateway.storage.people_store import all_workspaces
from zai_gateway.storage.rollup_checks import rollup_findings
from zai_gateway.storage.rows import total
from zai_gateway.storage.spend_checks import spend_findings
from zai_gateway.storage.tables import api_key, budget, lease, ledger, window

_MOST_NAMED = 3


def reconcile(data: Path, address: str | None) -> Reconciliation:
    """Compares the books in the directory `data`, or in the PostgreSQL database at `address`.

    Changes nothing. Raises OperatorError and StoreUnavailable, which say what to do.
    """
    with looked_at(data, address) as database, database.read() as connection:
        schema = schema_finding(connection)
        if schema.grade is not Grade.OK:
            raise OperatorError(f"{schema.found} What to do: {schema.do}.")
        return Reconciliation(
            findings=(*spend_findings(connection), _limits(connection), *rollup_findings(connection)),
            sums=_sums(connection),
        )


def _sums(connection: Connection) -> tuple[Sums, ...]:
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    # What a lost worker left stands in an entry for each of its windows, and one of them names the key.
    booked = (
        select(ledger.c.workspace, total(ledger.c.cost).label("cost"), total(ledger.c.risk).label("risk"))
        .where(ledger.c.key != "")
        .group_by(ledger.c.workspace)
    )
    own = and_(budget.c.owner_kind == "key", budget.c.period == Period.TOTAL.value)
    of_keys = window.join(budget, budget.c.id == window.c.budget).join(
        api_key, api_key.c.id == budget.c.owner
    )
    committed = (
        select(api_key.c.workspace, total(window.c.committed).label("committed"))
        .select_from(of_keys)
        .where(own)
        .group_by(api_key.c.workspace)
    )
    leased = (
        select(
            api_key.c.workspace,
            total(lease.c.granted).label("granted"),
            total(lease.c.spent).label("spent"),
            total(lease.c.risk).label("at_risk"),
        )
        .select_from(of_keys.join(lease, lease.c.window == window.c.id))
        .where(own)
        .group_by(api_key.c.workspace)
    )
    for question in (booked, committed, leased):
        for row in connection.execute(question).mappings():
            found[row["workspace"]] |= {str(name): row[name] for name in row if name != "workspace"}
    names = {each.id: each.name for each in all_workspaces(connection)}
    nothing = dict.fromkeys(("cost", "risk", "spent", "at_risk", "granted", "committed"), 0)
    return tuple(
        Sums(workspace=id, name=names.get(id, id), **(nothing | found[id])) for id in sorted({*names, *found})
    )


def _limits(connection: Connection) -> Finding:
    """Windows that have granted more than their budget's limit, which no grant does by itself."""
    other = window.alias("other")
    latest = select(func.max(other.c.start)).where(other.c.budget == window.c.budget).scalar_subquery()
    above = (
        select(window.c.id, window.c.committed, budget.c.limit)
        .join(budget, budget.c.id == window.c.budget)
        .where(budget.c.ended_ms.is_(None), window.c.committed > budget.c.limit, window.c.start == latest)
        .order_by(window.c.id)
    )
    rows = connection.execute(above).all()
    if not rows:
        return fine("limits", "No window has more granted than its budget's limit.")
    named = "; ".join(
        f"window {id} has {committed} of {limit} nano-USD" for id, committed, limit in rows[:_MOST_NAMED]
    )
    more = f"; and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
    return doubtful(
        "limits",
        f"More is granted than the limit now allows: {named}{more}.",
        "nothing, where the limit was lowered; else a provider billed above its own bound, and "
        "'zai admin spend flagged' lists the overruns",
    )
