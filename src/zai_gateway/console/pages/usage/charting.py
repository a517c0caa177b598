"""Charts of usage as tables of numbers, which are shown under each chart and which it is drawn of; pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup
from msgspec import Struct

from zai_gateway.accounts.usage_books import LatencySlice, Percentiles, Slice, Sums
from zai_gateway.console.rendering import shown_compact, shown_number, shown_usd
from zai_gateway.wire.usage import Usage

MOST = 8
"""How many keys, models or providers have a colour of their own."""
_NOTHING = "-"


class Column(Struct, frozen=True, kw_only=True):
    """One series of a chart."""

    title: str
    look: str
    """The class that gives its colour."""
    whole: str = ""
    """What it comes to in all."""


class Chart(Struct, frozen=True, kw_only=True):
    """A chart, and the table that has the same numbers."""

    id: str
    title: str
    unit: str
    """`usd`, `count` or `ms`."""
    columns: Sequence[Column]
    rows: Sequence[tuple[int, Sequence[str]]]
    """When each begins, in milliseconds since 1970, and what its columns have."""
    totals: Sequence[str] = ()
    """Of each row all columns together; empty where they are not added."""

    @property
    def cells(self) -> Iterator[tuple[int, Markup]]:
        """The rows as cells of a table: there are thousands, and a template takes long over each."""
        for number, (start, row) in enumerate(self.rows):
            every = (*row, self.totals[number]) if self.totals else row
            yield start, Markup("<td>") + Markup("</td><td>").join(every) + Markup("</td>")

    @property
    def stacked(self) -> bool:
        """Whether its columns stand on each other; else they are lines."""
        return bool(self.totals)


def spend_chart(slices: Sequence[Slice], names: Callable[[str], str]) -> Chart:
    """Spending by whatever the slices are taken apart by; `names` says how each id is called."""
    whole: dict[str, int] = {}
    for each in slices:
        whole[each.id or ""] = whole.get(each.id or "", 0) + each.sums.cost
    ids = sorted(whole, key=lambda each: (each == "", -whole[each], each))
    columns = [
        Column(
            title=names(id) if id else "All others",
            look=f"s{number}" if id else "s9",
            whole=shown_usd(whole[id]),
        )
        for number, id in enumerate(ids, 1)
    ]
    costs: dict[int, dict[str, int]] = {}
    for each in slices:
        costs.setdefault(each.start_ms, {})[each.id or ""] = each.sums.cost
    return Chart(
        id="spend",
        title="Spend",
        unit="usd",
        columns=columns,
        rows=[(start, [_usd(of.get(id, 0)) for id in ids]) for start, of in sorted(costs.items())],
        totals=[_usd(sum(of.values())) for _, of in sorted(costs.items())],
    )


def count_charts(spans: Mapping[int, Sums]) -> tuple[Chart, Chart]:
    """Requests, and tokens, in each span."""
    return (
        _stacked(
            ("requests", "Requests"),
            (("Answered", "good", lambda sums: sums.requests - sums.errors), ("Failed", "bad", _errors)),
            spans,
        ),
        _stacked(
            ("tokens", "Tokens"),
            (
                ("Input", "t1", lambda sums: sums.usage.prompt - sums.usage.cache_read),
                ("Cached input", "t2", lambda sums: sums.usage.cache_read),
                ("Output", "t3", lambda sums: sums.usage.output),
            ),
            spans,
        ),
    )


def latency_chart(slices: Iterable[LatencySlice]) -> Chart:
    """How long answers took."""
    return Chart(
        id="latency",
        title="How long answers took",
        unit="ms",
        columns=[
            Column(title="First token, p50", look="l1"),
            Column(title="First token, p95", look="l1 is-dashed"),
            Column(title="Total, p50", look="l2"),
            Column(title="Total, p95", look="l2 is-dashed"),
        ],
        rows=[(each.start_ms, [*_times(each.first_token), *_times(each.total)]) for each in slices],
    )


def together(slices: Iterable[Slice]) -> Mapping[int, Sums]:
    """The requests, errors and tokens of each span, whatever it is taken apart by."""
    spans: dict[int, list[Sums]] = {}
    for each in slices:
        spans.setdefault(each.start_ms, []).append(each.sums)
    return {start: _added(parts) for start, parts in spans.items()}


def _added(parts: Sequence[Sums]) -> Sums:
    """Without what no chart tells."""
    if len(parts) == 1:
        return parts[0]
    return Sums(
        requests=sum(each.requests for each in parts),
        errors=sum(each.errors for each in parts),
        usage=Usage(
            input=sum(each.usage.prompt - each.usage.cache_read for each in parts),
            cache_read=sum(each.usage.cache_read for each in parts),
            output=sum(each.usage.output for each in parts),
        ),
    )


def _stacked(
    called: tuple[str, str],
    counts: Sequence[tuple[str, str, Callable[[Sums], int]]],
    spans: Mapping[int, Sums],
) -> Chart:
    numbers = [[count(sums) for _, _, count in counts] for sums in spans.values()]
    wholes = [sum(column) for column in zip(*numbers, strict=True)] or [0] * len(counts)
    return Chart(
        id=called[0],
        title=called[1],
        unit="count",
        columns=[
            Column(title=title, look=look, whole=shown_compact(whole))
            for (title, look, _), whole in zip(counts, wholes, strict=True)
        ],
        rows=[(start, [_count(number) for number in row]) for start, row in zip(spans, numbers, strict=True)],
        totals=[_count(sum(row)) for row in numbers],
    )


def _errors(sums: Sums) -> int:
    return sums.errors


def _usd(nano: int) -> str:
    return shown_usd(nano) if nano else _NOTHING


def _count(number: int) -> str:
    return shown_number(number) if number else _NOTHING


def _times(of: Percentiles) -> tuple[str, str]:
    return _ms(of.p50_ms), _ms(of.p95_ms)


def _ms(time: int | None) -> str:
    return _NOTHING if time is None else shown_number(time)
