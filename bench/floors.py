"""Floors: what the gateway must reach, and which figures miss it."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.figures import Figure, Spread

FLOORS = Path(__file__).with_name("floors.toml")


class Floor(Struct, frozen=True, forbid_unknown_fields=True):
    """The bounds of one figure; the ratio is to the control, and its median counts."""

    ratio_least: float | None = None
    ratio_most: float | None = None
    most: float | None = None
    """Of the gateway's own median, in the figure's unit."""

    @property
    def words(self) -> str:
        """The bounds, for a table."""
        said = [
            (self.ratio_least, "ratio ≥ "),
            (self.ratio_most, "ratio ≤ "),
            (self.most, "≤ "),
        ]
        return ", ".join(f"{how}{bound:g}" for bound, how in said if bound is not None)

    def met(self, figure: Figure) -> bool:
        """Whether the figure keeps every bound. A ratio that is not there keeps none."""
        ratio = figure.ratio
        if ratio is None and (self.ratio_least, self.ratio_most) != (None, None):
            return False
        own = Spread.of(figure.subject).median
        return (
            (self.ratio_least is None or (ratio is not None and ratio.median >= self.ratio_least))
            and (self.ratio_most is None or (ratio is not None and ratio.median <= self.ratio_most))
            and (self.most is None or own <= self.most)
        )


Floors = Mapping[str, Floor]
"""By the figure's name."""


def read(file: Path = FLOORS) -> Floors:
    """The floors that stand in a file. Raises ValueError where it says what no floor can."""
    return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), dict[str, Floor])


def missed(figures: Iterable[Figure], floors: Floors) -> list[Figure]:
    """The figures that miss their floor."""
    return [each for each in figures if each.name in floors and not floors[each.name].met(each)]
