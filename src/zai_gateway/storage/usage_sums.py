"""Usage sums: one question about a stretch of time, answered by the rollup and what is not rolled up yet."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Label,
    Select,
    Table,
    Text,
    case,
    literal_column,
    select,
    union_all,
)

from zai_gateway.accounts.usage_books import Dimension, Span, UsageQuery
from zai_gateway.storage.histograms import of_signs, unpacked
from zai_gateway.storage.rollup import progress_of
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_facts import (
    ended_its_request,
    ends_its_request,
    of_a_key,
    signs,
    sums,
    superseded,
    totals,
)
from zai_gateway.storage.usage_spans import Stretch, pieces
from zai_gateway.storage.usage_tables import HISTOGRAMS, SUMS, rollup_late, usage_of_each, usage_rollup

Place = tuple[int, str]
"""A start and an id; 0 and nothing where neither is told apart."""
_LEDGER = {"key": ledger.c.key, "model": ledger.c.answering_model, "provider": ledger.c.provider}
# By name: PostgreSQL groups by no constant.
_PLACE: list[ColumnElement[Any]] = [literal_column("id"), literal_column("start")]
_TOLD_APART = {
    "each": {"model", "provider", "key"},
    "model": {"model", "provider"},
    "model_key": {"model", "provider", "key"},
    "key": {"key"},
    "key_provider": {"provider", "key"},
}


class _Facts(Struct, frozen=True):
    """What entries add up to, as SQL: to say it takes longer than to have it answered."""

    sums: Mapping[str, Label[int]]
    signs: tuple[Label[Any], ...]


def _facts(counts: Mapping[str, ColumnElement[int]], of: ColumnElement[bool] | None = None) -> _Facts:
    summed = dict(zip(counts, totals(counts), strict=True))
    return _Facts(summed, tuple(signs(of)))


_TAIL = _facts(sums(ends_its_request()))
_LATE = _facts(
    {
        name: case((rollup_late.c.superseded, superseded(name)), else_=column)
        for name, column in sums(ended_its_request()).items()
    },
    ~rollup_late.c.superseded,
)


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of a workspace."""

    workspace: str
    query: UsageQuery
    by: Dimension | None = None
    only: tuple[str, ...] | None = None
    """The ids that are told; None: all."""
    span: Span | None = None
    columns: tuple[str, ...] = SUMS
    histograms: bool = False


class Counted(Struct):
    """What was counted, by start and id: sums in the order of the question's columns, and histograms in that
    of `HISTOGRAMS`."""

    sums: dict[Place, list[int]]
    histograms: dict[Place, list[int]]


def counted(connection: Connection, question: Question) -> Counted:
    """What the books say; in one transaction that sees one state of them."""
    found = Counted({}, {})
    if question.query.keys == ():
        return found
    width = len(question.columns)
    stretch, rolled = Stretch.of(question.query), progress_of(connection).rolled_ms
    rows = _rolled(question, pieces(stretch, rolled, _spans(question)))
    if rows and question.columns:
        for id, start, *values in connection.execute(_added_up(question, rows)):
            found.sums[start, id] = values
    if rows and question.histograms:
        for id, start, first_token, whole in connection.execute(_histograms(rows)):
            _add(found.histograms, (start, id), (unpacked(first_token), unpacked(whole)))
    for unrolled in (_tail(question, stretch, rolled), _late(question, stretch, rolled)):
        for id, start, *values in connection.execute(unrolled):
            _add(found.sums, (start, id), values[:width])
            if question.histograms:
                _add(found.histograms, (start, id), [of_signs(each) for each in values[width:]])
    return found


def _add(to: dict[Place, list[int]], place: Place, more: Sequence[int]) -> None:
    there = to.get(place)
    to[place] = list(more) if there is None else [one + other for one, other in zip(there, more, strict=True)]


def _grain(question: Question) -> str:
    """The rows that answer it, as few as there are."""
    query, by = question.query, question.by
    if query.keys is None:
        if by is not Dimension.KEY:
            return "model"
        if query.model is not None:
            return "model_key"
        return "key" if query.provider is None else "key_provider"
    whole = query.model is None and query.provider is None and by in {None, Dimension.KEY}
    return "key" if whole else "each"


def _spans(question: Question) -> tuple[str, ...]:
    if question.span is Span.HOUR:
        return ("hour",)
    weekly = question.span is None and _grain(question) in {"key", "key_provider"}
    return ("week", "day", "hour") if weekly else ("day", "hour")


def _rolled(question: Question, starts: Mapping[str, list[int]]) -> list[Select[*tuple[Any, ...]]]:
    """The rows of the rollup, for each span that they are of."""
    grain = _grain(question)
    found: list[Select[*tuple[Any, ...]]] = []
    for span, some in starts.items():
        # By the hour only the table of each has models with their keys.
        each = grain == "each" or (grain == "model_key" and span == "hour")
        rows = _rows(question, usage_of_each if each else usage_rollup, "each" if each else grain)
        of = usage_of_each.c if each else usage_rollup.c
        found.append(rows.where(of.span == span, of.start_ms.in_(some)))
    return found


def _rows(question: Question, of: Table, grain: str) -> Select[*tuple[Any, ...]]:
    query = question.query
    names = {
        "model": None if query.model is None else [query.model],
        "provider": None if query.provider is None else [query.provider],
        "key": query.keys,
    }
    told = _TOLD_APART[grain]
    conditions = [
        of.c.workspace == question.workspace,
        *(of.c[name] == "" for name in names if name not in told),
        *(of.c[name].in_(wanted) for name, wanted in names.items() if wanted is not None),
    ]
    if of is usage_rollup:
        conditions.append(of.c.grain == grain)
    if question.by is not None and question.only is not None:
        conditions.append(of.c[question.by.value].in_(question.only))
    id = literal_column("''", Text) if question.by is None else of.c[question.by.value]
    parts = id.label("id"), _start(question, of.c.start_ms), *(of.c[name] for name in (*SUMS, *HISTOGRAMS))
    return select(*parts).where(*conditions)


def _added_up(question: Question, rows: list[Select[*tuple[Any, ...]]]) -> Select[*tuple[Any, ...]]:
    every = union_all(*rows).subquery()
    summed = totals({name: every.c[name] for name in question.columns})
    return select(every.c.id, every.c.start, *summed).group_by(*_PLACE)


def _histograms(rows: list[Select[*tuple[Any, ...]]]) -> Select[*tuple[Any, ...]]:
    every = union_all(*rows).subquery()
    columns = (every.c[name] for name in HISTOGRAMS)
    return select(every.c.id, every.c.start, *columns).where(every.c.total.is_not(None))


def _tail(question: Question, stretch: Stretch, rolled: int) -> Select[*tuple[Any, ...]]:
    """What the rollup does not have yet, straight from the ledger."""
    since = max(stretch.since_ms, rolled)
    rows = _booked(question, _TAIL, (since, stretch.until_ms))
    return rows.where(ledger.c.workspace == question.workspace)


def _late(question: Question, stretch: Stretch, rolled: int) -> Select[*tuple[Any, ...]]:
    """What came too late for the rollup."""
    since, until = stretch.since_ms, min(stretch.until_ms, rolled)
    return _booked(question, _LATE, (since, until)).where(
        *(rollup_late.c[name] == ledger.c[name] for name in ("request", "attempt", "seq")),
        rollup_late.c.workspace == question.workspace,
        rollup_late.c.at_ms >= since,
        rollup_late.c.at_ms < until,
    )


def _booked(question: Question, facts: _Facts, time: tuple[int, int]) -> Select[*tuple[Any, ...]]:
    query, (since, until) = question.query, time
    id = literal_column("''", Text) if question.by is None else _LEDGER[question.by.value]
    columns = [facts.sums[name] for name in question.columns]
    rows = (
        select(
            *(id.label("id"), _start(question, ledger.c.at_ms)),
            *(*columns, *(facts.signs if question.histograms else ())),
        )
        .where(ledger.c.at_ms >= since, ledger.c.at_ms < until, of_a_key())
        .group_by(*_PLACE)
    )
    if question.by is not None and question.only is not None:
        rows = rows.where(id.in_(question.only))
    if query.keys is not None:
        rows = rows.where(ledger.c.key.in_(query.keys))
    if query.model is not None:
        rows = rows.where(ledger.c.answering_model == query.model)
    return rows if query.provider is None else rows.where(ledger.c.provider == query.provider)


def _start(question: Question, at: ColumnElement[int]) -> Label[int]:
    """The start of the part of the timeline in which a moment is."""
    span = question.span
    return (
        literal_column("0", BigInteger) if span is None else at - at % literal_column(str(span.ms))
    ).label("start")
