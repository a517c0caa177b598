"""The store of what may spend: API keys and budgets."""

from msgspec.structs import replace

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.records import ApiKey, SpendBudget
from zai_gateway.storage.account_writes import NotAsSeen, account_write, as_seen, generation
from zai_gateway.storage.budget_rows import budget_of, insert_budget, limit_budget, standing_budgets
from zai_gateway.storage.database import Database
from zai_gateway.storage.key_rows import insert_key, keys_where, member_is_there, update_key
from zai_gateway.storage.tables import api_key


class SqlKeyStore:
    """Implements its part of `accounts.store.Administration`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keys(self, workspace: str) -> tuple[ApiKey, ...]:
        with self._database.read() as connection:
            return keys_where(connection, api_key.c.workspace == workspace)

    def add_key(self, key: ApiKey, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((member_is_there(connection, key.member, key.workspace), True))
                insert_key(connection, key, generation(connection))
        except NotAsSeen:
            return False
        return True

    def replace_key(self, seen: ApiKey, key: ApiKey, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                now = next(iter(keys_where(connection, api_key.c.id == key.id)), None)
                as_seen((now and replace(now, last_used_ms=seen.last_used_ms), seen))
                if key.member != seen.member:
                    as_seen((member_is_there(connection, key.member, key.workspace), True))
                update_key(connection, key, generation(connection))
        except NotAsSeen:
            return False
        return True

    def budgets(self, workspace: str) -> tuple[SpendBudget, ...]:
        with self._database.read() as connection:
            return standing_budgets(connection, workspace)

    def put_budget(self, seen: SpendBudget | None, budget: SpendBudget | None, audit: AuditRecord) -> bool:
        its = seen or budget
        if its is None:
            raise ValueError("There is neither a budget before nor one after.")
        try:
            with account_write(self._database, audit) as connection:
                as_seen((budget_of(connection, its.owner, its.period), seen))
                if budget is None:
                    limit_budget(connection, its.id, None, audit.at_ms)
                elif seen is None:
                    insert_budget(connection, budget)
                else:
                    limit_budget(connection, budget.id, budget.limit)
        except NotAsSeen:
            return False
        return True
