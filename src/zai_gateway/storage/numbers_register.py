"""The register of numbers: what each worker said of itself last."""

from collections.abc import Mapping

from sqlalchemy import update

from zai_gateway.storage import tables
from zai_gateway.storage.database import Database


class SqlNumbersRegister:
    """Implements `spend.store.NumbersRegister`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, worker: str, numbers: Mapping[str, int | float]) -> None:
        told = update(tables.worker).where(tables.worker.c.id == worker).values(numbers=dict(numbers))
        with self._database.write() as connection:
            connection.execute(told)
