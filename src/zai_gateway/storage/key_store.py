"""The store of what may spend: API keys and budgets."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, select, true

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.records import ApiKey, SpendBudget
from zai_gateway.accounts.store import BudgetChange
from zai_gateway.storage.account_writes import NotAsSeen, account_write, as_seen, generation
from zai_gateway.storage.budget_rows import budget_of, insert_budget, limit_budget, standing_budgets
from zai_gateway.storage.database import Database
from zai_gateway.storage.key_rows import insert_key, key_is_there, keys_where, member_is_there, update_key
from zai_gateway.storage.tables import api_key


class SqlKeyStore:
    """Implements its part of `accounts.store.Administration`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keys(self, workspace: str) -> tuple[ApiKey, ...]:
        with self._database.read() as connection:
            return keys_where(connection, api_key.c.workspace == workspace)

    def key_names(self, workspace: str, member: str | None) -> Mapping[str, str]:
        theirs = true() if member is None else api_key.c.member == member
        names = select(api_key.c.id, api_key.c.name).where(api_key.c.workspace == workspace, theirs)
        with self._database.read() as connection:
            return dict(connection.execute(names).all())

    def add_key(self, key: ApiKey, audit: AuditRecord, budgets: Sequence[BudgetChange] = ()) -> bool:
        try:
            with account_write(self._database, audit, *_records(budgets)) as connection:
                as_seen(
                    (member_is_there(connection, key.member, key.workspace), True),
                    (key_is_there(connection, key.id), False),
                )
                insert_key(connection, key, generation(connection))
                _write_budgets(connection, budgets)
        except NotAsSeen:
            return False
        return True

    def replace_key(
        self,
        seen: ApiKey,
        key: ApiKey,
        audit: AuditRecord | None,
        budgets: Sequence[BudgetChange] = (),
    ) -> bool:
        records = (*(() if audit is None else (audit,)), *_records(budgets))
        try:
            with account_write(self._database, *records) as connection:
                now = next(iter(keys_where(connection, api_key.c.id == key.id)), None)
                as_seen((now and replace(now, last_used_ms=seen.last_used_ms), seen))
                restored = seen.revoked_ms is not None and key.revoked_ms is None
                if key.member != seen.member or restored:
                    as_seen((member_is_there(connection, key.member, key.workspace), True))
                update_key(connection, key, generation(connection))
                _write_budgets(connection, budgets)
        except NotAsSeen:
            return False
        return True

    def budgets(self, workspace: str) -> tuple[SpendBudget, ...]:
        with self._database.read() as connection:
            return standing_budgets(connection, workspace)

    def put_budget(self, seen: SpendBudget | None, budget: SpendBudget | None, audit: AuditRecord) -> bool:
        changes = (BudgetChange(seen=seen, wanted=budget, audit=audit),)
        try:
            with account_write(self._database, audit) as connection:
                _write_budgets(connection, changes)
        except NotAsSeen:
            return False
        return True


def _records(budgets: Sequence[BudgetChange]) -> tuple[AuditRecord, ...]:
    return tuple(change.audit for change in budgets)


def _write_budgets(connection: Connection, budgets: Sequence[BudgetChange]) -> None:
    for change in budgets:
        seen, wanted = change.seen, change.wanted
        its = seen or wanted
        if its is None:
            raise ValueError("There is neither a budget before nor one after.")
        as_seen((budget_of(connection, its.owner, its.period), seen))
        if wanted is None:
            limit_budget(connection, its.id, None, change.audit.at_ms)
        elif seen is None:
            insert_budget(connection, wanted)
        else:
            limit_budget(connection, wanted.id, wanted.limit)
