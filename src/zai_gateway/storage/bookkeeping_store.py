"""The store of bookkeeping: unconfirmed attempts, flagged rows and sums of the ledger, and workers."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Text, and_, case, cast, func, or_, select, true

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.spend_books import Booked, FlaggedEntry, UnconfirmedAttempt, WorkerStanding
from zai_gateway.spend.budgets import Period
from zai_gateway.spend.ledger import Flag
from zai_gateway.storage.account_writes import NotAsSeen, account_write, as_seen
from zai_gateway.storage.cases import Case, cases
from zai_gateway.storage.database import Database
from zai_gateway.storage.leases import CLOSED
from zai_gateway.storage.resolutions import end_case, open_case
from zai_gateway.storage.rows import record_of, total
from zai_gateway.storage.tables import budget, lease, ledger, unconfirmed, window, worker
from zai_gateway.storage.worker_register import lose_worker


class SqlBookkeepingStore:
    """Implements `accounts.bookkeeping.SpendAdministration`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unconfirmed_attempts(
        self, workspace: str | None, request: str | None, most: int
    ) -> tuple[UnconfirmedAttempt, ...]:
        oldest = (
            select(unconfirmed.c.request, unconfirmed.c.attempt)
            .where(
                true() if workspace is None else unconfirmed.c.workspace == workspace,
                true() if request is None else unconfirmed.c.request == request,
            )
            .order_by(unconfirmed.c.at_ms, unconfirmed.c.request, unconfirmed.c.attempt)
            .limit(most)
        )
        with self._database.read() as connection:
            names = [(of, number) for of, number in connection.execute(oldest)]
            return tuple(_attempt(each) for each in cases(connection, names).values())

    def flagged_entries(
        self, workspace: str | None, flags: Sequence[str], since_ms: int, most: int
    ) -> tuple[FlaggedEntry, ...]:
        rows = (
            select(ledger, ledger.c.answering_model.label("model"))
            .where(
                true() if workspace is None else ledger.c.workspace == workspace,
                ledger.c.at_ms >= since_ms,
                or_(*(_has(flag) for flag in flags)),
            )
            .order_by(ledger.c.at_ms.desc(), ledger.c.request.desc(), ledger.c.attempt, ledger.c.seq)
            .limit(most)
        )
        with self._database.read() as connection:
            return tuple(record_of(FlaggedEntry, row) for row in connection.execute(rows).mappings())

    def booked(self, workspace: str, provider: str, since_ms: int, until_ms: int) -> Booked:
        # Booked after they began, which the index knows.
        within = and_(
            ledger.c.workspace == workspace,
            ledger.c.at_ms >= since_ms,
            ledger.c.started_ms >= since_ms,
            ledger.c.started_ms < until_ms,
        )
        written_off = case((_has(Flag.WRITTEN_OFF.value), ledger.c.cost), else_=0)
        sums = select(
            total(case((ledger.c.seq == 0, 1), else_=0)).label("attempts"),
            total(ledger.c.cost).label("cost"),
            total(written_off).label("written_off"),
            total(ledger.c.risk).label("risk"),
        ).where(within, ledger.c.provider == provider)
        # What a lost worker left stands in an entry for each of its windows, and one of them names the key.
        lost = select(total(ledger.c.risk)).where(within, ledger.c.attempt == 0, ledger.c.key != "")
        with self._database.read() as connection:
            row = connection.execute(sums).mappings().one()
            return record_of(Booked, row, lost=connection.execute(lost).scalar_one())

    def resolve_attempt(self, seen: UnconfirmedAttempt, cost: int, now_ms: int, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                found = open_case(connection, (seen.request, seen.attempt))
                if found is None or _attempt(found) != seen:
                    raise NotAsSeen
                end_case(connection, found, cost - seen.cost, now_ms)
        except NotAsSeen:
            return False
        return True

    def worker_standings(self) -> tuple[WorkerStanding, ...]:
        with self._database.read() as connection:
            rows = connection.execute(_STANDINGS).mappings().all()
        return tuple(record_of(WorkerStanding, row) for row in rows)

    def lose_worker(self, worker: str, now_ms: int, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((lose_worker(connection, worker, now_ms) is None, False))
        except NotAsSeen:
            return False
        return True


def _attempt(case: Case) -> UnconfirmedAttempt:
    first = case.entries[0]
    of, ids = first.attempt, [each.outcome.provider_request_id for each in case.entries]
    return UnconfirmedAttempt(
        request=of.request,
        attempt=of.number,
        workspace=of.workspace,
        key=of.key,
        provider=of.provider,
        model=of.answering_model,
        provider_request_id=next(filter(None, ids), None),
        worker=first.worker,
        since_ms=first.at_ms,
        cost=case.cost,
        risk=case.risk,
        estimate=case.estimate,
    )


def _has(flag: str) -> ColumnElement[bool]:
    """Whether a row has the flag: its flags are a list of words in JSON."""
    return cast(ledger.c.flags, Text).contains(f'"{flag}"', autoescape=True)


# Each request holds the same in all of its windows, and one of them is its key's own total.
_OF_KEYS = and_(budget.c.owner_kind == "key", budget.c.period == Period.TOTAL.value)
_LEASES = (
    select(
        lease.c.worker,
        total(lease.c.granted - lease.c.spent - lease.c.risk).label("leased"),
        total(lease.c.risk).label("risk"),
    )
    .join_from(lease, window, window.c.id == lease.c.window)
    .join(budget, budget.c.id == window.c.budget)
    .where(_OF_KEYS)
    .group_by(lease.c.worker)
    .subquery()
)
_STANDINGS = (
    select(
        *(worker.c.id, worker.c.host, worker.c.state, worker.c.seen.label("seen_ms"), worker.c.numbers),
        func.coalesce(_LEASES.c.leased, 0).label("leased"),
        func.coalesce(_LEASES.c.risk, 0).label("risk"),
    )
    .outerjoin(_LEASES, _LEASES.c.worker == worker.c.id)
    .where(worker.c.state != CLOSED)
    .order_by(worker.c.id)
)
