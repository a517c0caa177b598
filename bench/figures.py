"""Figures: what was measured of the gateway and of its control, round by round, and their ratios."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from statistics import median
from typing import Self

from msgspec import Struct


class Unit(StrEnum):
    """What a figure counts."""

    PER_SECOND = "1/s"
    CPU = "µs CPU"
    """Of all threads and children of the process, for each request or chunk."""
    TIME = "µs"
    MILLISECONDS = "ms"
    MEMORY = "MB"
    MEMORY_EACH = "kB"
    SHARE = "%"


class Spread(Struct, frozen=True):
    """The median of some rounds, between the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of at least one value."""
        return cls(median(values), min(values), max(values))


class Figure(Struct, frozen=True, kw_only=True):
    """One figure of one row: the rounds of the gateway, and those of its control between them."""

    row: str
    what: str
    unit: Unit
    subject: tuple[float, ...]
    control: tuple[float, ...] = ()
    """Empty where there is nothing to compare with; else as many as of the subject."""
    related: bool = True
    """Whether the ratio of both says anything: that of two small differences does not."""

    @property
    def name(self) -> str:
        """What floors.toml calls it."""
        return f"{self.row}: {self.what}"

    @property
    def ratio(self) -> Spread | None:
        """Subject to control, each round with the one that followed it; None without a control."""
        if not self.related or not self.control or not all(self.control):
            return None
        pairs = zip(self.subject, self.control, strict=True)
        return Spread.of([ours / theirs for ours, theirs in pairs])


class Sample(Struct, frozen=True, kw_only=True):
    """One round of one side."""

    count: int
    """Requests that were answered, or chunks that arrived."""
    seconds: float
    cpu: float
    """Seconds of CPU that the process used meanwhile."""
    p50: float
    """Microseconds: of a whole answer, or of a chunk under way from the upstream to the client."""
    p99: float
    others: float = 0.0
    """The share of the core that went to anything else than the process."""
    rss: float = 0.0
    """Bytes, at its beginning."""

    @property
    def rate(self) -> float:
        """Requests or chunks a second."""
        return self.count / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of CPU for each request or chunk."""
        return self.cpu / self.count * 1_000_000

    @property
    def busy(self) -> float:
        """The share of one core that the process used, in percent."""
        return self.cpu / self.seconds * 100


class Rounds(Struct, frozen=True, kw_only=True):
    """The rounds of one row, in turn: of the subject, of the control, and where it is needed of neither."""

    row: str
    subject: tuple[Sample, ...]
    control: tuple[Sample, ...]
    direct: tuple[Sample, ...] = ()
    """Of the upstream, with nothing between."""

    def of_requests(self) -> list[Figure]:
        """What a row of requests says: at full load, so that the time of an answer says nothing."""
        return [
            self._figure("requests", Unit.PER_SECOND, lambda each: each.rate),
            self._figure("CPU per request", Unit.CPU, lambda each: each.cpu_each),
            self._figure("core in use", Unit.SHARE, lambda each: each.busy, related=False),
        ]

    def of_streams(self, what: str) -> Figure:
        """What a row says of one sort of streams, beside another: the cost of each, or of each chunk."""
        return self._figure(what, Unit.CPU, lambda each: each.cpu_each)

    def of_answers(self) -> list[Figure]:
        """What a row of single requests says, one after another."""
        return self._added("an answer")

    def of_chunks(self) -> list[Figure]:
        """What a row of paced streams says."""
        return [*self._chunks(), *self._added("a chunk")]

    def of_chunks_beside(self) -> list[Figure]:
        """What a row of paced streams says whose control is the same gateway."""
        return [
            *self._chunks(),
            self._figure("a chunk on its way, p50", Unit.TIME, lambda each: each.p50),
            self._figure("a chunk on its way, p99", Unit.TIME, lambda each: each.p99),
        ]

    def _chunks(self) -> list[Figure]:
        return [
            self._figure("CPU per chunk", Unit.CPU, lambda each: each.cpu_each),
            self._figure("chunks", Unit.PER_SECOND, lambda each: each.rate),
            self._figure("core in use", Unit.SHARE, lambda each: each.busy, related=False),
        ]

    def _added(self, what: str) -> list[Figure]:
        """What both sides add to the time over the upstream alone."""
        figures: list[Figure] = []
        for share in ("p50", "p99"):
            sides = [
                tuple(
                    getattr(each, share) - getattr(without, share)
                    for each, without in zip(side, self.direct, strict=True)
                )
                for side in (self.subject, self.control)
            ]
            figures.append(
                Figure(
                    row=self.row,
                    what=f"time added to {what}, {share}",
                    unit=Unit.TIME,
                    subject=sides[0],
                    control=sides[1],
                    related=False,
                )
            )
        return figures

    def _figure(
        self, what: str, unit: Unit, value: Callable[[Sample], float], *, related: bool = True
    ) -> Figure:
        ours, theirs = tuple(map(value, self.subject)), tuple(map(value, self.control))
        return Figure(row=self.row, what=what, unit=unit, subject=ours, control=theirs, related=related)
