"""Tables of figures, for a terminal and for a page, and the places of a page that they fill."""

import re
from collections.abc import Sequence

from msgspec import Struct

from bench.figures import Figure, Spread
from bench.floors import Floors

_HEAD = ("row", "figure", "unit")
_RIGHT = 3
"""Columns from here on are numbers."""


class Table(Struct, frozen=True):
    """Lines of cells under a head."""

    head: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, figures: Sequence[Figure], floors: Floors, subject: str, control: str) -> "Table":
        """What was measured of a subject and its control, with the floors that it should keep."""
        lines: list[tuple[str, ...]] = []
        for before, each in zip([None, *figures], figures, strict=False):
            floor = floors.get(each.name)
            verdict = "" if floor is None else floor.words + ("" if floor.met(each) else " MISSED")
            row = "" if before is not None and before.row == each.row else each.row
            cells = (spread(each.subject), spread(each.control), _ratio(each.ratio), verdict)
            lines.append((row, each.what, each.unit.value, *cells))
        return cls((*_HEAD, subject, control, "ratio", "floor"), tuple(lines))

    def plain(self) -> str:
        """In columns of equal width, for a terminal."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.lines, strict=True)]
        return "\n".join(self._aligned(line, widths) for line in (self.head, *self.lines))

    def markdown(self) -> str:
        """For a page."""
        rule = ["---:" if _RIGHT <= place < len(self.head) - 1 else "---" for place in range(len(self.head))]
        return "\n".join("| " + " | ".join(line) + " |" for line in (self.head, rule, *self.lines))

    def _aligned(self, line: Sequence[str], widths: Sequence[int]) -> str:
        last = len(widths) - 1
        cells = [
            cell.rjust(width) if _RIGHT <= place < last else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()


def spread(values: Sequence[float]) -> str:
    """The median, and between which values it lies; nothing of no values."""
    if not values:
        return ""
    of = Spread.of(values)
    return number(of.median) if of.low == of.high else f"{number(of.median)} ({_between(of)})"


def number(value: float) -> str:
    """A number with three digits that count, or all of those before the point."""
    if abs(value) >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def filled(page: str, name: str, text: str) -> str:
    """The page with `text` between its marks of that name. Raises ValueError where it has none."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    parted = re.compile(f"({re.escape(start)}\n).*?(\n?{re.escape(end)})", re.S)
    if len(parted.findall(page)) != 1:
        raise ValueError(f"the page has no place between {start} and {end}")
    return parted.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page)


def _ratio(of: Spread | None) -> str:
    if of is None:
        return ""
    digits = 2 if of.median >= 0.1 else 4
    if of.low == of.high:
        return f"{of.median:.{digits}f}"
    return f"{of.median:.{digits}f} ({of.low:.{digits}f}-{of.high:.{digits}f})"


def _between(of: Spread) -> str:
    return f"{number(of.low)}-{number(of.high)}"
