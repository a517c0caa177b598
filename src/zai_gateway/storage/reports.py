"""Reports: the ledger, read and summed up."""

from sqlalchemy import and_, case, select

from zai_gateway.spend.ledger import Entry
from zai_gateway.spend.reports import UsageRow
from zai_gateway.storage.database import Database
from zai_gateway.storage.entries import BUCKETS, entry_of
from zai_gateway.storage.rows import record_of, total
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_facts import ends_its_request
from zai_gateway.storage.usage_lines import SqlUsageLines
from zai_gateway.storage.usage_reports import SqlUsageReports
from zai_gateway.storage.usage_standings import SqlUsageStandings
from zai_gateway.wire.usage import Usage


class SqlReports(SqlUsageReports, SqlUsageLines, SqlUsageStandings):
    """Implements `spend.reports.Reports` and `accounts.usage_books.UsageReports`, which say what calls do."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    def usage(self, workspace: str, since_ms: int, until_ms: int) -> tuple[UsageRow, ...]:
        key, model = ledger.c.key, ledger.c.answering_model
        summed = [total(ledger.c[name]).label(name) for name in (*BUCKETS, "cost", "risk")]
        within = and_(ledger.c.at_ms >= since_ms, ledger.c.at_ms < until_ms)
        # What a lost worker left stands in an entry for each of its windows, and one of them names the key.
        booked = and_(ledger.c.workspace == workspace, within, ledger.c.key != "")
        ended = total(case((ends_its_request(), 1), else_=0))
        rows = (
            select(key, model.label("model"), ended.label("requests"), *summed)
            .where(booked)
            .group_by(key, model)
            .order_by(key, model)
        )
        with self._database.read() as connection:
            found = connection.execute(rows).mappings().all()
        return tuple(record_of(UsageRow, row, usage=record_of(Usage, row)) for row in found)

    def entries(self, request: str) -> tuple[Entry, ...]:
        rows = select(ledger).where(ledger.c.request == request).order_by(ledger.c.attempt, ledger.c.seq)
        with self._database.read() as connection:
            return tuple(entry_of(row) for row in connection.execute(rows).mappings())
