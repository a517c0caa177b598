"""The page on spending names tests that are there, and the settings and numbers that there are."""

import re

import pytest

from tests.house.tree import ROOT
from zai_gateway.settings import Environment, Limits
from zai_gateway.spend.contact import FENCE_SECONDS
from zai_gateway.spend.sizes import FULL_SECONDS, IDLE_SECONDS, LOW_SECONDS
from zai_gateway.spend.spending import Numbers

PAGE = (ROOT / "docs" / "spend.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


def section(title: str) -> str:
    """What the page says under a heading."""
    found = re.search(rf"^##+ {title}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_the_page_names_is_there(file: str, test: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    name = test or r"test_\w+"
    assert re.search(rf"^(async )?def {name}\(", text, re.M)


def test_each_invariant_has_a_test_of_its_own() -> None:
    rows = re.findall(r"^\| (\d) \| (.*?) \| (.*) \|$", section("The five invariants"), re.M)
    assert [number for number, *_ in rows] == ["1", "2", "3", "4", "5"]
    assert [rule for _, rule, proven in rows if "`tests/" not in proven] == []


def test_every_number_that_a_worker_tells_is_explained() -> None:
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section("What to watch"), re.M)))
    assert set(told) == set(Numbers.__struct_fields__)


def test_the_time_to_confirm_is_the_documented_one() -> None:
    assert Environment({}).assume_after == 24 * 3_600
    assert "`24h`" in section("Settings")


def test_every_torture_is_named() -> None:
    named = re.findall(r"`(tests/torture/\w+\.py)::(\w+)`", section("Under torture"))
    there = [
        (f"tests/torture/{file.name}", test)
        for file in (ROOT / "tests" / "torture").glob("test_*.py")
        for test in re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.M)
    ]
    assert sorted(named) == sorted(there)


def test_the_fixed_times_are_the_documented_ones() -> None:
    limits, said = Limits(), " ".join(section("Settings").split())
    assert f"{limits.line_seconds:g} s in line" in said
    assert f"{limits.store_seconds:g} s for an answer of the database" in said
    assert f"{limits.recall_seconds:g} s for another worker" in said
    assert f"{IDLE_SECONDS:g} s until an idle lease goes back" in said
    assert f"{FENCE_SECONDS / 60:g} minutes without the database" in said
    moves = section("States and moves")
    assert f"{LOW_SECONDS:g} s of its recent spending are left, to {FULL_SECONDS:g} s of it" in moves
