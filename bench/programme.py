"""The programme: every row that can be measured, by its name, and the measuring of one after another."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from bench import resting, rows, translated
from bench.figures import Figure
from bench.load import Load
from bench.processes import Unusable
from bench.report import Compared
from bench.rows import Pair
from bench.stage import Bench, Pace

Row = Callable[[Bench, Pair], list[Figure]]
Say = Callable[[str], None]

TRANSLATED = "translated"
"""The row that compares the gateway with itself, not with a control."""
_CHUNKS, _APART = 200, 20
"""Of a paced stream: four seconds of 50 chunks a second."""
_BODIES = (10, 100, 1000)


def programme(say: Say, *, idle: int, requests: int) -> dict[str, Row]:
    """All rows in their order: `idle` connections are kept open, `requests` made while memory is watched."""
    pace = Pace(chunks=_CHUNKS, milliseconds=_APART)
    large = {f"body-{size}": partial(_requests, load=Load(kilobytes=size)) for size in _BODIES}
    chosen: dict[str, Callable[..., list[Figure]]] = {
        "non-stream": partial(_requests, load=Load()),
        "stream": partial(_requests, load=Load(stream=True)),
        "tls": partial(_requests, load=Load(), tls=True),
        "tls-stream": partial(_requests, load=Load(stream=True), tls=True),
        **large,
        "answer": rows.answers,
        **{f"paced-{number}": partial(rows.paced, streams=number, pace=pace) for number in (50, 300, 700)},
        TRANSLATED: partial(translated.streams, open_ones=300, pace=pace),
        "start": resting.starts,
        "idle": partial(resting.idle, connections=idle),
        "flat": partial(resting.flat, requests=requests, say=say),
    }
    return {name: partial(_named, row, name) for name, row in chosen.items()}


def measured(bench: Bench, pair: Pair, wanted: Mapping[str, Row], say: Say) -> tuple[Compared, ...]:
    """One row after another; a table of its own has what is compared with a stream passed, not a control."""
    tables = {pair.control.name: dict(wanted)}
    if TRANSLATED in wanted:
        tables[translated.PASSED] = {TRANSLATED: tables[pair.control.name].pop(TRANSLATED)}
    return tuple(_compared(bench, pair, control, rows, say) for control, rows in tables.items() if rows)


def _compared(bench: Bench, pair: Pair, control: str, wanted: Mapping[str, Row], say: Say) -> Compared:
    figures: list[Figure] = []
    failed: dict[str, str] = {}
    for name, row in wanted.items():
        say(f"{pair.subject.name}: {name} ...")
        try:
            figures += row(bench, pair)
        except Unusable as trouble:
            failed[name] = str(trouble)
            say(f"  came to nothing: {trouble}")
    return Compared(subject=pair.subject.name, control=control, figures=tuple(figures), failed=failed)


def chosen(all_rows: Mapping[str, Row], names: Iterable[str]) -> dict[str, Row]:
    """The rows of these names, in the programme's order; all without names. Raises Unusable."""
    wanted = set(names)
    if unknown := wanted - set(all_rows):
        raise Unusable(f"no row is called {', '.join(sorted(unknown))}: there are {', '.join(all_rows)}")
    return {name: row for name, row in all_rows.items() if not wanted or name in wanted}


def _named(row: Callable[..., list[Figure]], name: str, bench: Bench, pair: Pair) -> list[Figure]:
    return row(bench, pair, name)


def _requests(bench: Bench, pair: Pair, name: str, *, load: Load, tls: bool = False) -> list[Figure]:
    return rows.requests(bench, pair, name, load, tls=tls)
