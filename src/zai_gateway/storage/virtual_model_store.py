"""The store of virtual models: the names that a workspace gave to models itself."""

from sqlalchemy import Connection, and_, delete, select

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.records import VirtualModel
from zai_gateway.storage.account_writes import NotAsSeen, account_write, as_seen
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import put, record_of, row_of
from zai_gateway.storage.tables import virtual_model


class SqlVirtualModelStore:
    """Implements its part of `accounts.store.AccountStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def virtual_models(self, workspace: str) -> tuple[VirtualModel, ...]:
        with self._database.read() as connection:
            return virtual_models_of(connection, workspace)

    def put_virtual_model(
        self, seen: VirtualModel | None, wanted: VirtualModel | None, audit: AuditRecord
    ) -> bool:
        its = seen or wanted
        if its is None:
            raise ValueError("There is neither a virtual model before nor one after.")
        one = and_(virtual_model.c.workspace == its.workspace, virtual_model.c.name == its.name)
        try:
            with account_write(self._database, audit) as connection:
                row = connection.execute(select(virtual_model).where(one)).mappings().one_or_none()
                as_seen((None if row is None else record_of(VirtualModel, row), seen))
                if wanted is None:
                    connection.execute(delete(virtual_model).where(one))
                else:
                    put(connection, virtual_model, row_of(wanted))
        except NotAsSeen:
            return False
        return True


def virtual_models_of(connection: Connection, workspace: str) -> tuple[VirtualModel, ...]:
    """The workspace's, by name."""
    own = select(virtual_model).where(virtual_model.c.workspace == workspace)
    rows = connection.execute(own).mappings()
    # Sorted here: a database has an order of letters of its own.
    return tuple(sorted((record_of(VirtualModel, row) for row in rows), key=lambda each: each.name))
