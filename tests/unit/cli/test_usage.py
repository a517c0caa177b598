"""The usage report and the spend of keys, from a real ledger."""

from pathlib import Path

import pytest

from tests.bookings import Booker
from tests.unit.cli.terminal import Terminal
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.spend.ledger import Certainty, Outcome
from zai_gateway.wire.usage import Usage

ROW = {
    "key_id",
    "key_name",
    "model",
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_micro_usd",
    "unconfirmed_micro_usd",
}
USED = Usage(input=10, cache_read=20, cache_write=3, cache_write_long=4, output=50, reasoning=6)
DAY = 86_400


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    terminal = Terminal(tmp_path)
    terminal.ok("admin", "key", "create", "ci", "--spend-cap", "5.00")
    return terminal


def spend(terminal: Terminal, request: str, cost: int, risk: int = 0) -> None:
    """Books one answered attempt of the key `ci`, in nano-USD."""
    now = terminal.clock.now_ms()
    certainty = Certainty.ESTIMATED if risk else Certainty.EXACT
    what = Outcome(cost=cost, risk=risk, certainty=certainty, usage=USED, status=200, total_ms=5)
    with terminal.books() as books:
        key = books.accounts.api_keys.show(OPERATOR, books.accounts.the_workspace().id, "ci")
        booker = Booker(books.spend, key, f"worker-{request}")
        booker.open(now)
        booker.book(request, what, now)
        books.spend.close_worker(booker.worker)


def test_usage_sums_by_key_and_model_and_rounds_once(terminal: Terminal) -> None:
    spend(terminal, "req_1", cost=1_000_400)
    spend(terminal, "req_2", cost=2_000_400, risk=500)
    told = terminal.ok("admin", "usage")
    assert set(told) == {"since", "until", "rows", "total"}
    (row,) = told["rows"]
    assert set(row) == ROW
    assert (row["key_name"], row["model"], row["requests"]) == ("ci", "openai/gpt-5.4", 2)
    assert (row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"]) == (20, 40, 14)
    assert (row["output_tokens"], row["reasoning_tokens"]) == (100, 12)
    assert (row["cost_micro_usd"], row["unconfirmed_micro_usd"]) == (3_001, 1)
    assert told["total"] == {
        "requests": 2,
        "cost_micro_usd": 3_001,
        "cost_usd": "0.0030008",
        "unconfirmed_micro_usd": 1,
    }
    assert (told["since"], told["until"]) == (None, "2026-11-18T11:06:40Z")


def test_since_leaves_out_what_is_older(terminal: Terminal) -> None:
    spend(terminal, "req_1", cost=1_000)
    terminal.clock.move(2 * DAY)
    spend(terminal, "req_2", cost=2_000)
    assert terminal.ok("admin", "usage", "--since", "1d")["total"]["cost_micro_usd"] == 2
    assert terminal.ok("admin", "usage", "--since", "4w")["total"]["cost_micro_usd"] == 3
    assert terminal.ok("admin", "usage", "--since", "2026-11-19")["total"]["cost_micro_usd"] == 2
    whole = terminal.ok("admin", "usage", "--since", "49h")
    assert (whole["since"], whole["total"]["cost_micro_usd"]) == ("2026-11-18T10:06:40Z", 3)


def test_usage_in_words_is_a_table_and_a_sum(terminal: Terminal) -> None:
    spend(terminal, "req_1", cost=18_234_000)
    shown = terminal.run("admin", "usage")
    assert (shown.code, shown.err) == (0, "")
    heads, row, total = shown.out.splitlines()
    assert heads.split()[:2] == ["key", "model"]
    assert row.split() == ["ci", "openai/gpt-5.4", "1", "10", "20", "7", "50", "0.018234", "0.00"]
    assert total == "1 request, 0.018234 USD."


def test_an_empty_ledger_is_no_rows(terminal: Terminal) -> None:
    told = terminal.ok("admin", "usage")
    assert (told["rows"], told["total"]["requests"], told["total"]["cost_usd"]) == ([], 0, "0.00")


def test_keys_show_what_they_spent(terminal: Terminal) -> None:
    spend(terminal, "req_1", cost=18_234_001, risk=1_000_000)
    shown = terminal.ok("admin", "key", "show", "ci")
    assert (shown["spend_micro_usd"], shown["spend_usd"]) == (18_235, "0.018234001")
    assert shown["unconfirmed_micro_usd"] == 1_000
    listed = terminal.ok("admin", "key", "list")["keys"]
    assert [key["spend_micro_usd"] for key in listed] == [0, 18_235]


@pytest.mark.parametrize(
    "since", ["yesterday", "7", "7y", "2026-13-01", "99999999w", "9999-12-31T23:59:59-12:00"]
)
def test_a_time_that_is_none_is_misuse(terminal: Terminal, since: str) -> None:
    shown = terminal.run("admin", "usage", "--since", since)
    assert (shown.code, shown.out) == (2, "")
    assert "--since" in shown.err
