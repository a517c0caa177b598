"""A workspace's own prices from the terminal."""

from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal
from zai_gateway.catalogue.model import Rates
from zai_gateway.cli.acting import OPERATOR

FIELDS = {
    "model",
    "input_micro_usd_per_million",
    "output_micro_usd_per_million",
    "cache_read_micro_usd_per_million",
    "cache_write_micro_usd_per_million",
    "version",
    "created_at",
}
SET = ("admin", "price", "set")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def kept(terminal: Terminal) -> dict[str, Rates]:
    with terminal.books() as books:
        prices = books.accounts.prices.list(OPERATOR, books.accounts.the_workspace().id)
    return {price.model: price.rates for price in prices}


def test_set_keeps_usd_per_million_as_pico_usd_per_token(terminal: Terminal) -> None:
    told = terminal.ok(*SET, "openai/own", "--input", "0.75", "--output", "4.50")
    assert set(told) == FIELDS
    assert (told["model"], told["input_micro_usd_per_million"]) == ("openai/own", 750_000)
    assert told["output_micro_usd_per_million"] == 4_500_000
    expected = Rates(
        input=750_000, cache_read=750_000, cache_write=750_000, cache_write_long=750_000, output=4_500_000
    )
    assert kept(terminal) == {"openai/own": expected}


def test_cache_prices_stand_apart_where_they_are_given(terminal: Terminal) -> None:
    terminal.ok(
        *SET, "openai/own", "--input", "1", "--output", "2", "--cache-read", "0", "--cache-write", "1.25"
    )
    expected = Rates(
        input=1_000_000, cache_read=0, cache_write=1_250_000, cache_write_long=1_250_000, output=2_000_000
    )
    assert kept(terminal) == {"openai/own": expected}


def test_a_second_price_takes_the_place_of_the_first(terminal: Terminal) -> None:
    terminal.ok(*SET, "openai/own", "--input", "1", "--output", "2")
    terminal.ok(*SET, "openai/own", "--input", "3", "--output", "4")
    listed = terminal.ok("admin", "price", "list")
    assert set(listed) == {"prices"}
    assert [price["input_micro_usd_per_million"] for price in listed["prices"]] == [3_000_000]


def test_list_in_words_is_in_usd_per_million(terminal: Terminal) -> None:
    terminal.ok(*SET, "openai/own", "--input", "0.075", "--output", "4.5")
    shown = terminal.run("admin", "price", "list")
    assert shown.code == 0
    assert shown.out.splitlines()[1].split() == ["openai/own", "0.075", "0.075", "0.075", "4.50"]


def test_remove_gives_the_catalogue_its_say_again(terminal: Terminal) -> None:
    terminal.ok(*SET, "openai/own", "--input", "1", "--output", "2")
    assert terminal.ok("admin", "price", "remove", "openai/own") == {"model": "openai/own", "removed": True}
    assert kept(terminal) == {}
    again = terminal.run("admin", "price", "remove", "openai/own")
    assert (again.code, again.out) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("openai/own", "--input", "1"), 2),
        (("openai/own", "--input", "one", "--output", "2"), 2),
        (("openai/own", "--input", "1", "--output", "0.0000001"), 2),
        (("--input", "1", "--output", "2"), 2),
        (("own", "--input", "1", "--output", "2"), 1),
        (("nobody/own", "--input", "1", "--output", "2"), 1),
        (("openai/own", "--input", "9999999", "--output", "2"), 1),
    ],
)
def test_what_cannot_be_is_one_line(terminal: Terminal, arguments: tuple[str, ...], code: int) -> None:
    shown = terminal.run(*SET, *arguments)
    assert (shown.code, shown.out) == (code, "")
    assert (shown.err.startswith("zai: "), shown.err.count("\n")) == (True, 1)
