"""`make bench-console`: measures the console on large books, and paced streams beside a heavy page of it."""

import argparse
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.administered import visited, written
from bench.beside import Beside, streams_beside
from bench.console_books import Scale
from bench.figures import Figure
from bench.floors import FLOORS, Floor, Floors, missed, read
from bench.load import Load, Tools
from bench.processes import Unusable, end_in_order
from bench.programme import Say
from bench.report import PAGE, Compared, Report, here, write_page
from bench.screens import PAGES_ROW, found_ids, heaviest, pages, reports, taken
from bench.stage import Bench, Pace
from bench.visitor import sign_in

_MOST = Floor(most=100)
"""Milliseconds of a page or report, at the median."""
_MOST_BESIDE = Floor(ratio_most=1.5)
"""Of a chunk on its way beside a page, p99: what two rounds without anything differ by as well."""
_STREAM_MS = 4_000


class Asked(argparse.Namespace):
    """What the command line asks for."""

    books: Path | None
    keys: int
    entries: int
    times: int
    streams: int
    apart: int
    page: str
    seconds: float
    rounds: int
    write: bool


def main() -> int:
    """The exit code: 1 where a floor is missed or a row came to nothing, 2 where nothing can be measured."""
    asked = _arguments().parse_args(namespace=Asked())
    say = partial(print, flush=True)
    end_in_order()
    try:
        tools, floors = Tools.ready(), dict(read(FLOORS))
        with TemporaryDirectory(prefix="zai-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            bench = Bench(tools, folder, seconds=asked.seconds, rounds=asked.rounds)
            circumstances = here(bench)
            say(circumstances.words)
            books = asked.books or written(folder, Scale(keys=asked.keys, entries=asked.entries), say)
            compared = _measured(bench, books, asked, say)
    except (Unusable, OSError, ValueError) as trouble:
        say(trouble)
        return 2
    floors |= _floors(figure for part in compared for figure in part.figures)
    report = Report(circumstances=circumstances, compared=compared, disturbed=bench.disturbed)
    say(f"\n{report.words(floors)}\n\nKept in {report.kept()}")
    if asked.write:
        write_page("bench-console", report.words(floors, markdown=True))
        say(f"Written to {PAGE}")
    return _verdict(compared, floors)


def _measured(bench: Bench, books: Path, asked: Asked, say: Say) -> tuple[Compared, ...]:
    """The pages, and then streams beside the heaviest of them. Raises Unusable."""
    pace = Pace(chunks=_STREAM_MS // asked.apart, milliseconds=asked.apart)
    load = Load(stream=True, connections=asked.streams)
    with bench.upstream(pace) as upstream, visited(bench, books, upstream) as (side, visitor):
        ids = found_ids(visitor)
        shown: list[Figure] = []
        failed: dict[str, str] = {}
        if asked.times:
            for row, paths in zip(PAGES_ROW, (pages(ids), reports(ids)), strict=True):
                say(f"{row}: {len(paths)} of them, {asked.times} times each ...")
                found, failing = taken(visitor, row, paths, asked.times)
                shown += found
                failed |= failing
        page = asked.page or pages(ids)[heaviest(shown).what]
        every = (
            Beside(
                name=f"{asked.streams} streams beside {page.partition('?')[0]}",
                done=lambda: visitor.see(page),
            ),
            Beside(name=f"{asked.streams} streams beside signing in", done=lambda: sign_in(side.target.port)),
        )
        figures: list[Figure] = []
        for each in every:
            say(f"{each.name} ...")
            try:
                figures += streams_beside(bench, side, each, load, pace)
            except Unusable as trouble:
                failed[each.name] = str(trouble)
                say(f"  came to nothing: {trouble}")
    return (
        Compared(subject="Z-AI", control="", figures=tuple(shown), failed=failed),
        Compared(subject="beside", control="without", figures=tuple(figures), failed={}),
    )


def _floors(figures: Iterable[Figure]) -> Floors:
    """Of pages and reports, and of streams beside a page; what signing in beside them does is only told."""
    return {
        each.name: _MOST if each.row in PAGES_ROW else _MOST_BESIDE
        for each in figures
        if each.row in PAGES_ROW or ("/w/" in each.row and each.what.endswith("on its way, p99"))
    }


def _verdict(compared: tuple[Compared, ...], floors: Floors) -> int:
    short = [figure for each in compared for figure in missed(each.figures, floors)]
    for each in short:
        print(f"misses its floor: {each.name}: {floors[each.name].words}")
    return 1 if short or any(each.failed for each in compared) else 0


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="make bench-console", description=__doc__)
    add = arguments.add_argument
    add("--books", type=Path, metavar="DIR", help="a copy of these is taken (bench.console_books made them)")
    add("--keys", type=int, default=1_000, help="of new books (1,000)")
    add("--entries", type=int, default=1_000_000, help="of their ledger (1,000,000)")
    add("--times", type=int, default=20, help="that each page is asked; 0: none is (20)")
    add("--streams", type=int, default=500, help="open at once (500)")
    add("--apart", type=int, default=40, help="milliseconds between chunks of a stream (40)")
    add("--page", default="", help="the path of the page beside the streams (the heaviest)")
    add("--seconds", type=float, default=4.0, help="of each round (4)")
    add("--rounds", type=int, default=3, help="of streams, with and without (3)")
    add("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
