"""The account store: all that accounts keep, and the first start, which writes some of each."""

from collections.abc import Sequence

from sqlalchemy import insert

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.records import ApiKey, ProviderKey, Workspace
from zai_gateway.storage import tables
from zai_gateway.storage.account_writes import NotAsSeen, account_write, as_seen, generation
from zai_gateway.storage.bookkeeping_store import SqlBookkeepingStore
from zai_gateway.storage.database import Database
from zai_gateway.storage.directory_store import SqlDirectoryStore
from zai_gateway.storage.import_store import SqlImportStore
from zai_gateway.storage.key_rows import insert_key
from zai_gateway.storage.key_store import SqlKeyStore
from zai_gateway.storage.link_store import SqlLinkStore
from zai_gateway.storage.people_store import SqlPeopleStore, all_workspaces
from zai_gateway.storage.provider_store import SqlProviderStore
from zai_gateway.storage.rows import row_of
from zai_gateway.storage.sign_in_store import SqlSignInStore
from zai_gateway.storage.virtual_model_store import SqlVirtualModelStore


class SqlAccountStore(
    SqlDirectoryStore,
    SqlPeopleStore,
    SqlSignInStore,
    SqlLinkStore,
    SqlKeyStore,
    SqlProviderStore,
    SqlVirtualModelStore,
    SqlImportStore,
    SqlBookkeepingStore,
):
    """Implements `accounts.store.AccountStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    def first_start(
        self,
        workspace: Workspace,
        provider_keys: Sequence[ProviderKey],
        key: ApiKey,
        audit: Sequence[AuditRecord],
    ) -> bool:
        if self.workspaces():
            return False
        try:
            with account_write(self._database, *audit) as connection:
                # Asked again: another process may have been first since.
                as_seen((all_workspaces(connection), ()))
                connection.execute(insert(tables.workspace), row_of(workspace))
                for position, each in enumerate(provider_keys):
                    connection.execute(insert(tables.provider_key), row_of(each) | {"position": position})
                insert_key(connection, key, generation(connection))
        except NotAsSeen:
            return False
        return True
