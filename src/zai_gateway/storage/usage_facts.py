"""Usage facts: what an entry of the ledger adds to the sums of usage, as SQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Label,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    true,
)

from zai_gateway.spend.ledger import Certainty, Flag
from zai_gateway.storage.entries import BUCKETS
from zai_gateway.storage.histograms import step_of
from zai_gateway.storage.rows import total
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_tables import HISTOGRAMS, SUMS, rollup_late

_TIMES = {"first_token": "first_token_ms", "total": "total_ms"}


def ends_its_request() -> ColumnElement[bool]:
    """Whether an entry is the first one of its request's last attempt: so each request has exactly one.

    What a lost worker left has the attempt 0, and is no request.
    """
    other = ledger.alias("other")
    later = exists().where(other.c.request == ledger.c.request, other.c.attempt > ledger.c.attempt)
    return and_(_is_an_attempt(), ~later)


def ended_its_request() -> ColumnElement[bool]:
    """Whether it is that, or was when it fell behind the fence: then `rollup_late` has it as superseded."""
    late = rollup_late.alias("marked")
    marked = exists().where(
        late.c.request == ledger.c.request,
        late.c.attempt == ledger.c.attempt,
        late.c.seq == ledger.c.seq,
        late.c.superseded,
    )
    return or_(ends_its_request(), and_(_is_an_attempt(), marked))


def sums(ends: ColumnElement[bool]) -> dict[str, ColumnElement[int]]:
    """What an entry adds to each of `usage_tables.SUMS`; `ends` says whether it ends its request."""
    first = _is_an_attempt()
    unsure = ledger.c.certainty != Certainty.EXACT.value
    found: dict[str, ColumnElement[int]] = {
        "requests": _one(ends),
        "attempts": _one(first),
        "errors": _one(and_(ends, _failed())),
        **{name: func.coalesce(ledger.c[name], 0) for name in (*BUCKETS, "cost", "risk")},
        "estimated": _one(and_(first, unsure)),
        "overruns": _one(has_flag(Flag.OVERRUN.value)),
        "written_off": _one(has_flag(Flag.WRITTEN_OFF.value)),
    }
    return {name: found[name] for name in SUMS}


def superseded(column: str) -> ColumnElement[int]:
    """What an entry adds to one of the sums by not ending its request any more."""
    if column == "requests":
        return literal_column("-1", BigInteger)
    return case((_failed(), -1), else_=0) if column == "errors" else literal_column("0", BigInteger)


def totals(of: Mapping[str, ColumnElement[int]]) -> list[Label[int]]:
    """The sums of these columns, under their names."""
    return [total(column).label(name) for name, column in of.items()]


def signs(condition: ColumnElement[bool] | None = None) -> list[Label[Any]]:
    """The steps of all histograms, as `histograms.of_signs` reads them: of what was answered well.

    Of that, what meets the condition.
    """
    well = and_(
        *(_is_an_attempt(), ledger.c.status.between(200, 299), ledger.c.failure.is_(None)),
        true() if condition is None else condition,
    )
    return [
        func.aggregate_strings(
            case((well, literal_column(step_of(f"ledger.{_TIMES[name]}"), Text))), ""
        ).label(name)
        for name in HISTOGRAMS
    ]


def stored_sums(source: FromClause) -> dict[str, ColumnElement[int]]:
    """The sums as columns of something that has them."""
    return {name: source.c[name] for name in SUMS}


def has_flag(flag: str) -> ColumnElement[bool]:
    """Whether an entry has the flag: its flags are a list of words in JSON."""
    return cast(ledger.c.flags, Text).contains(f'"{flag}"', autoescape=True)


def of_a_key() -> ColumnElement[bool]:
    """Whether an entry counts: what a lost worker left has one for each window, of which one names a key."""
    return ledger.c.key != ""


def _is_an_attempt() -> ColumnElement[bool]:
    return and_(ledger.c.attempt > 0, ledger.c.seq == 0)


def _failed() -> ColumnElement[bool]:
    return or_(ledger.c.status >= 400, ledger.c.failure.is_not(None))


def _one(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)
