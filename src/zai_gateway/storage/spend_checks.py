"""What has to be true of the books of spend after every step, asked of them as they are."""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from sqlalchemy import BigInteger, Connection, Text, and_, cast, func, select

from zai_gateway.care import Finding, doubtful, fine, wrong
from zai_gateway.money import usd
from zai_gateway.spend.budgets import Period
from zai_gateway.storage.leases import CLOSED
from zai_gateway.storage.rows import total
from zai_gateway.storage.tables import budget, lease, ledger, unconfirmed, window, worker
from zai_gateway.storage.windows import LIVE

_MOST_NAMED = 3
"""How many of those that break a rule a finding names."""
_BOOKS_WRONG = (
    "do not mend it by hand: make a backup of the books as they are now, for whoever looks into it, keep the "
    "caps of these budgets low until then, and report it with what was found here"
)


class Holder(Struct, frozen=True, kw_only=True):
    """A worker that was not closed, and the money that it has leased."""

    id: str
    host: str
    journal: str | None
    """The path of the file that it keeps locked while it lives, on its own host."""
    amount: int
    """Nano-USD that it was granted, and that are neither spent nor at risk in the books yet."""


def spend_findings(connection: Connection) -> tuple[Finding, ...]:
    """Whether the sums of the books agree: the rules 1, 2 and 4 of the spend protocol."""
    return (
        _agreement("windows", "every window has granted what its leases hold", _unequal_windows(connection)),
        _agreement("leases", "every lease covers what was spent of it", _overdrawn_leases(connection)),
        _agreement("ledger", "the ledger adds up to what the leases say", _unequal_sums(connection)),
        _agreement("risks", "all risk that is left is listed as unconfirmed", _unlisted_risks(connection)),
    )


def unconfirmed_finding(connection: Connection) -> Finding:
    """What may have been spent, and nobody confirmed."""
    this = and_(ledger.c.request == unconfirmed.c.request, ledger.c.attempt == unconfirmed.c.attempt)
    # What a lost worker left stands in an entry for each of its windows, and one of them names the key.
    of_keys = select(total(ledger.c.risk)).join_from(unconfirmed, ledger, this).where(ledger.c.key != "")
    risk = connection.execute(of_keys).scalar_one()
    entries = connection.execute(select(func.count()).select_from(unconfirmed)).scalar_one()
    if not entries:
        return fine("unconfirmed", "No amount is unconfirmed.")
    return doubtful(
        "unconfirmed",
        f"{usd(risk)} USD of {_count(entries, 'request')} that were cut off are unconfirmed, and "
        "count against the caps.",
        "look them up ('zai admin spend unconfirmed') in what the providers billed, and say what they cost "
        "('zai admin spend resolve')",
    )


def holders(connection: Connection) -> tuple[Holder, ...]:
    """The workers that live, or are dead and not adopted yet."""
    # Each request holds the same in all of its windows, and one of them is its key's own total.
    own = and_(budget.c.owner_kind == "key", budget.c.period == Period.TOTAL.value)
    held = (
        select(total(lease.c.granted - lease.c.spent - lease.c.risk))
        .join_from(lease, window, window.c.id == lease.c.window)
        .join(budget, budget.c.id == window.c.budget)
        .where(lease.c.worker == worker.c.id, own)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(worker.c.id, worker.c.host, worker.c.journal, held)
        .where(worker.c.state == LIVE)
        .order_by(worker.c.id)
    )
    return tuple(
        Holder(id=id, host=host, journal=journal, amount=amount) for id, host, journal, amount in rows
    )


def _unequal_windows(connection: Connection) -> Iterator[str]:
    granted = total(lease.c.granted)
    rows = connection.execute(
        select(window.c.id, window.c.committed, granted)
        .outerjoin(lease, lease.c.window == window.c.id)
        .group_by(window.c.id, window.c.committed)
        .having(window.c.committed != granted)
        .order_by(window.c.id)
    )
    for id, committed, leased in rows:
        yield f"window {id} has {committed} and its leases {leased} nano-USD"


def _overdrawn_leases(connection: Connection) -> Iterator[str]:
    rows = connection.execute(
        select(lease).where(lease.c.granted < lease.c.spent + lease.c.risk).order_by(lease.c.window)
    )
    for row in rows:
        used = row.spent + row.risk
        yield f"{row.worker} was granted {row.granted} in {row.window} and used {used} nano-USD"


def _unequal_sums(connection: Connection) -> Iterator[str]:
    booked = _booked(connection)
    rows = select(lease.c.window, lease.c.worker, lease.c.spent, lease.c.risk).order_by(lease.c.window)
    for window_id, worker_id, spent, risk in connection.execute(rows):
        cost, unsure = booked.pop((window_id, worker_id), (0, 0))
        if (cost, unsure) != (spent, risk):
            yield (
                f"the lease of {worker_id} in {window_id} has {spent}+{risk} and the ledger {cost}+{unsure} "
                "nano-USD"
            )
    for (window_id, worker_id), sums in sorted(booked.items()):
        if sums != (0, 0):  # what cost nothing needs no lease
            yield f"the ledger has entries of {worker_id} in {window_id}, where it has no lease"


def _unlisted_risks(connection: Connection) -> Iterator[str]:
    key = (ledger.c.request, ledger.c.attempt)
    risk = total(ledger.c.risk)
    at_risk = {
        (request, attempt): left
        for request, attempt, left in connection.execute(select(*key, risk).group_by(*key).having(risk != 0))
    }
    listed = select(unconfirmed.c.request, unconfirmed.c.attempt)
    named = {(request, attempt) for request, attempt in connection.execute(listed)}
    for request, attempt in sorted(named ^ set(at_risk)):
        left = at_risk.get((request, attempt), 0)
        how = "" if (request, attempt) in named else "not "
        yield f"attempt {attempt} of {request} has a risk of {left} nano-USD, and is {how}listed"


def _booked(connection: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """The ledger's cost and risk by window and worker, with the workers that are closed as one."""
    # A list in JSON is taken apart by another function in each of the databases.
    if connection.dialect.name == "sqlite":
        names = func.json_each(ledger.c.windows).table_valued("value")
    else:
        names = func.json_array_elements_text(ledger.c.windows).table_valued("value").render_derived()
    name = cast(names.c.value, Text)
    holder = func.coalesce(worker.c.id, CLOSED)
    rows = connection.execute(
        select(name, holder, total(ledger.c.cost), total(ledger.c.risk))
        .select_from(ledger.join(names, onclause=cast(1, BigInteger) == 1))
        .outerjoin(worker, worker.c.id == ledger.c.worker)
        .group_by(name, holder)
    )
    return {(window_id, worker_id): (cost, risk) for window_id, worker_id, cost, risk in rows}


def _agreement(check: str, rule: str, offences: Iterable[str]) -> Finding:
    found = list(offences)
    if not found:
        return fine(check, f"{rule[0].upper()}{rule[1:]}.")
    named = "; ".join(found[:_MOST_NAMED])
    more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return wrong(check, f"It is not so that {rule}: {named}{more}.", _BOOKS_WRONG)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
