"""Tables: what a terminal and the page get to see."""

import pytest

from bench.figures import Figure, Unit
from bench.floors import Floor
from bench.report import PAGE
from bench.tables import Table, filled, number, spread

FIGURES = [
    Figure(
        row="stream",
        what="requests",
        unit=Unit.PER_SECOND,
        subject=(9_000.0, 10_000.0, 11_000.0),
        control=(20_000.0, 20_000.0, 20_000.0),
    ),
    Figure(row="stream", what="CPU per request", unit=Unit.CPU, subject=(100.0,), control=(40.0,)),
    Figure(row="flat", what="growth", unit=Unit.SHARE, subject=(1.25,)),
]
FLOORS = {"stream: requests": Floor(ratio_least=0.45), "stream: CPU per request": Floor(ratio_most=2.22)}


def test_a_table_for_the_page() -> None:
    lines = Table.of(FIGURES, FLOORS, "Z-AI", "nginx").markdown().splitlines()
    assert lines[0] == "| row | figure | unit | Z-AI | nginx | ratio | floor |"
    assert lines[1] == "| --- | --- | --- | ---: | ---: | ---: | --- |"
    assert lines[2] == (
        "| stream | requests | 1/s | 10,000 (9,000-11,000) | 20,000 | 0.50 (0.45-0.55) | ratio ≥ 0.45 |"
    )
    # The row's name stands once, and what misses its floor says so.
    assert lines[3] == "|  | CPU per request | µs CPU | 100 | 40.0 | 2.50 | ratio ≤ 2.22 MISSED |"
    assert lines[4] == "| flat | growth | % | 1.25 |  |  |  |"


def test_a_table_for_a_terminal_has_columns() -> None:
    head, first, *_ = Table.of(FIGURES, FLOORS, "Z-AI", "nginx").plain().splitlines()
    assert first.index("requests") == head.index("figure")
    assert first.index("20,000") + len("20,000") == head.index("nginx") + len("nginx")


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.123, "0.12"), (12.34, "12.3"), (123.4, "123"), (51_234.5, "51,234"), (-62.0, "-62.0")],
)
def test_a_number_has_the_digits_that_count(value: float, said: str) -> None:
    assert number(value) == said


def test_a_spread_shows_its_extremes_where_there_are_any() -> None:
    assert (spread([]), spread([5.0, 5.0]), spread([1.0, 2.0, 9.0])) == ("", "5.00", "2.00 (1.00-9.00)")


def test_a_place_of_a_page_is_filled_again_and_nothing_else_changes() -> None:
    page = "# A\n\n<!-- x -->\nold\n<!-- end of x -->\n\nrest\n"
    once = filled(page, "x", r"new \1")
    assert once == "# A\n\n<!-- x -->\n\nnew \\1\n\n<!-- end of x -->\n\nrest\n"
    assert filled(once, "x", "third") == filled(page, "x", "third")
    with pytest.raises(ValueError, match="no place"):
        filled(page, "y", "new")


def test_the_page_has_a_place_for_each_command() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in ("bench", "bench-peers"):
        assert "| figures |" in filled(page, name, "| figures |")
