"""The ledger's rows: SQLite gets them by their places, so each has to have the same ones."""

from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.storage.entries import ledger_row
from zai_gateway.storage.tables import ledger
from zai_gateway.wire.usage import Usage

ATTEMPT = Attempt(
    request="req_1",
    number=1,
    workspace="wks_1",
    key="key_1",
    member=None,
    tags=("a",),
    provider="openai",
    provider_key=None,
    requested_model="m",
    answering_model="m",
    price_version=None,
    streamed=False,
    started_ms=1,
)


def row(usage: Usage | None) -> dict[str, object]:
    outcome = Outcome(cost=1, usage=usage, status=200, total_ms=1)
    entry = Entry(attempt=ATTEMPT, seq=1, outcome=outcome, windows=("w",), worker="wrk_1", at_ms=2)
    return ledger_row(entry, list)


def test_each_row_has_every_column_in_one_order_whether_its_usage_is_known_or_not() -> None:
    unknown, known = row(None), row(Usage(input=3, output=4, searches=1))
    assert list(unknown) == list(known)
    assert set(known) == {column.name for column in ledger.c}
    assert known["searches"] == 1
    assert unknown["input"] is None
