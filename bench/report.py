"""The report of one run: on what machine it was, what was measured, and where it is kept."""

import datetime as dt
import platform
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.figures import Figure
from bench.floors import Floors
from bench.load import HERE, Tools
from bench.processes import Unusable, run
from bench.stage import Bench
from bench.tables import Table, filled
from zai_gateway import __version__

PAGE = HERE.parent / "docs" / "benchmarks.md"
_RESULTS = HERE / "results"
_DISTURBED = 0.05
_ASK_SECONDS = 20.0


class Circumstances(Struct, frozen=True, kw_only=True):
    """When, where and with what a run was."""

    date: str
    machine: str
    cores: tuple[int, int]
    """Of the gateway, and of the load."""
    kernel: str
    versions: dict[str, str]
    seconds: float
    rounds: int

    @property
    def words(self) -> str:
        """One paragraph."""
        with_what = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        where = (
            f"the gateway or its control on core {self.cores[0]}, mock and load on core {self.cores[1]}"
            if self.cores[0] != self.cores[1]
            else "gateway, mock and load on one and the same core, which is all that there is: ratios to the "
            "control are too good"
        )
        return (
            f"{self.date}, {self.machine}, Linux {self.kernel}; {where}; {with_what}; {self.rounds} rounds "
            f"of {self.seconds:g} s each for the gateway and for its control, in turn."
        )


class Compared(Struct, frozen=True, kw_only=True):
    """What was measured of one contender and its control."""

    subject: str
    control: str
    figures: tuple[Figure, ...]
    failed: dict[str, str]
    """Rows that came to nothing, with the reasons."""

    def table(self, floors: Floors) -> Table:
        """With the floors that the figures should keep."""
        return Table.of(self.figures, floors, self.subject, self.control)


class Report(Struct, frozen=True, kw_only=True):
    """Everything that one run found out."""

    circumstances: Circumstances
    compared: tuple[Compared, ...]
    absent: dict[str, str] = {}
    """What could not be set up, with the reasons."""
    disturbed: float
    """The largest share of the gateway's core that went to others while something was measured."""

    def words(self, floors: Floors, *, markdown: bool = False) -> str:
        """Circumstances, tables and what has to be said of them."""
        parts = [self.circumstances.words]
        for each in self.compared:
            table = each.table(floors)
            parts += [table.markdown() if markdown else table.plain()] if each.figures else []
            parts += [f"{each.subject}, {row}: came to nothing: {why}" for row, why in each.failed.items()]
        parts += [f"{name}: not measured: {why}" for name, why in self.absent.items()]
        if self.disturbed > _DISTURBED:
            parts.append(
                f"Disturbed: up to {self.disturbed:.0%} of the gateway's core went to others meanwhile."
            )
        return "\n\n".join(parts)

    def kept(self) -> Path:
        """Writes it down as JSON, and says where."""
        _RESULTS.mkdir(exist_ok=True)
        file = _RESULTS / f"{re.sub(r'[^0-9]', '', self.circumstances.date)}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))
        return file


def here(bench: Bench) -> Circumstances:
    """The circumstances of a run that begins now."""
    versions = {
        "Z-AI": f"{__version__} ({_commit()})",
        "Python": platform.python_version(),
        "nginx": _version(bench.tools),
    }
    return Circumstances(
        date=dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        machine=_processor(),
        cores=(bench.cores.gateway, bench.cores.load),
        kernel=platform.release(),
        versions=versions,
        seconds=bench.seconds,
        rounds=bench.rounds,
    )


def write_page(name: str, text: str) -> None:
    """Puts the text into its place of docs/benchmarks.md."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def _processor() -> str:
    said = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    named = re.search(r"^model name\s*: (.*)$", said, re.M)
    cores = len(re.findall(r"^processor\s*:", said, re.M))
    return f"{named[1] if named else platform.machine()} with {cores} cores"


def _version(tools: Tools) -> str:
    # It tells on stderr, which only a shell's words or its build would bring here: the log of a failed test.
    found = re.search(rb"nginx/(\d+\.\d+\.\d+)", tools.nginx.read_bytes())
    return found[1].decode() if found else "of unknown version"


def _commit() -> str:
    try:
        at = run(("git", "-C", HERE, "rev-parse", "--short", "HEAD"), seconds=_ASK_SECONDS).strip()
        changed = run(
            ("git", "-C", HERE, "status", "--porcelain", "--", "../src"), seconds=_ASK_SECONDS
        ).strip()
    except Unusable:
        return "of no commit"
    return f"{at}, with changes" if changed else at
