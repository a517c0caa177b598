"""`make bench`: measures the gateway against nginx as a plain proxy, and says what misses its floor."""

import argparse
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.control import Nginx
from bench.floors import FLOORS, Floors, missed, read
from bench.gateway import Gateway
from bench.load import Tools
from bench.processes import Unusable, end_in_order
from bench.programme import chosen, measured, programme
from bench.report import PAGE, Compared, Report, here, write_page
from bench.rows import Pair
from bench.stage import Bench

_NOT_BY_ITSELF = ("paced-50",)
"""For peers, which do not get farther."""


class Asked(argparse.Namespace):
    """What the command line asks for."""

    only: str
    seconds: float
    rounds: int
    books: str
    uncapped: bool
    floors: Path
    idle: int
    requests: int
    write: bool


def main() -> int:
    """The exit code: 1 where a floor is missed or a row came to nothing, 2 where nothing can be measured."""
    asked = _arguments().parse_args(namespace=Asked())
    say = partial(print, flush=True)
    end_in_order()
    if asked.write and (asked.only or asked.books != "real" or asked.uncapped):
        say("--write takes the whole programme of the gateway as it is: leave the other options out")
        return 2
    try:
        tools, floors = Tools.ready(), read(asked.floors)
        rows = programme(say, idle=asked.idle, requests=asked.requests)
        wanted = chosen(rows, filter(None, asked.only.split(",")))
    except (Unusable, OSError, ValueError) as trouble:
        say(trouble)
        return 2
    if not asked.only:
        wanted = {name: row for name, row in wanted.items() if name not in _NOT_BY_ITSELF}
    gateway = Gateway(capped=not asked.uncapped, books=asked.books == "real")
    pair = Pair(gateway, Nginx(tools.nginx))
    # An nginx that root starts serves as another user, who has to be let in.
    with TemporaryDirectory(prefix="zai-bench-") as folder:
        Path(folder).chmod(0o755)
        bench = Bench(tools, Path(folder), seconds=asked.seconds, rounds=asked.rounds)
        circumstances = here(bench)
        say(circumstances.words)
        compared = measured(bench, pair, wanted, say)
    report = Report(circumstances=circumstances, compared=compared, disturbed=bench.disturbed)
    say(f"\n{report.words(floors)}\n\nKept in {report.kept()}")
    if asked.write:
        write_page("bench", report.words(floors, markdown=True))
        say(f"Written to {PAGE}")
    return _verdict(compared, floors)


def _verdict(compared: tuple[Compared, ...], floors: Floors) -> int:
    short = [figure for each in compared for figure in missed(each.figures, floors)]
    for each in short:
        print(f"misses its floor: {each.name}: {floors[each.name].words}")
    return 1 if short or any(each.failed for each in compared) else 0


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__)
    add = arguments.add_argument
    add("--only", default="", metavar="ROWS", help="these rows, with commas between")
    add("--seconds", type=float, default=4.0, help="of each round (4)")
    add("--rounds", type=int, default=3, help="of each side in each row (3)")
    add(
        "--books",
        choices=("real", "none"),
        default="real",
        help="none: edges and relay alone, without a store",
    )
    add("--uncapped", action="store_true", help="with a key that has no spend cap")
    add(
        "--floors",
        type=Path,
        default=FLOORS,
        metavar="FILE",
        help="what has to be reached (bench/floors.toml)",
    )
    add("--idle", type=int, default=2_000, help="connections kept open in the row idle (2,000)")
    add("--requests", type=int, default=200_000, help="made in the row flat (200,000)")
    add("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
