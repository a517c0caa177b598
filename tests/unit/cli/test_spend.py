"""The books of spend as an operator sees them: real books, and what each command prints and refuses."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.bookings import Booker, outcome
from tests.unit.cli.terminal import Terminal
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.spend.ledger import Flag
from zai_gateway.spend.worker import Worker
from zai_gateway.storage.store import Store

CENT = 10_000_000
"""Nano-USD."""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An operator with a key `ci` of 5 USD, whose gateways all began a day ago."""
    terminal = Terminal(tmp_path, {"OPENAI_API_KEY": "sk-1"})
    terminal.ok("admin", "key", "create", "ci", "--spend-cap", "5.00")
    terminal.ok("admin", "provider", "add", "openai", "--key-env", "OPENAI_API_KEY")
    with booking(terminal) as booker:
        booker.open(terminal.clock.now_ms() - 86_400_000, host="far")
    return terminal


@contextmanager
def booking(terminal: Terminal) -> Generator[Booker]:
    """The worker of a gateway on another host."""
    with terminal.books() as books:
        key = books.accounts.api_keys.show(OPERATOR, books.accounts.the_workspace().id, "ci")
        yield Booker(books.spend, key, "wrk_far")


def book(terminal: Terminal, request: str, cost: int, risk: int = 0, number: int = 1) -> None:
    """Books an attempt of an hour ago, in cents."""
    hour_ago = terminal.clock.now_ms() - 3_600_000
    with booking(terminal) as booker:
        what = outcome(cost * CENT, risk * CENT, risk * CENT // 2, provider_id=f"chatcmpl-{request}")
        booker.book(request, what, hour_ago, number)


def key(terminal: Terminal) -> tuple[int, int]:
    """What the key `ci` has spent, and what is unconfirmed of it, in cents."""
    shown = terminal.ok("admin", "key", "show", "ci")
    return shown["spend_micro_usd"] // 10_000, shown["unconfirmed_micro_usd"] // 10_000


def test_what_is_unconfirmed_is_listed_oldest_first(terminal: Terminal) -> None:
    book(terminal, "req_1", 3, 40)
    book(terminal, "req_2", 0, 20)
    book(terminal, "req_3", 9)
    listed = terminal.ok("admin", "spend", "unconfirmed")["unconfirmed"]
    assert [each["request_id"] for each in listed] == ["req_1", "req_2"]
    first = {name: listed[0][name] for name in listed[0] if name not in ("key_id", "workspace_id")}
    assert first == {
        "request_id": "req_1",
        "attempt": 1,
        "provider": "openai",
        "model": "openai/gpt-5.4",
        "provider_request_id": "chatcmpl-req_1",
        "worker_id": "wrk_far",
        "since": "2026-11-18T10:06:40Z",
        "cost_micro_usd": 30_000,
        "cost_usd": "0.03",
        "unconfirmed_micro_usd": 400_000,
        "unconfirmed_usd": "0.40",
        "estimate_micro_usd": 200_000,
    }
    shown = terminal.run("admin", "spend", "unconfirmed", "--limit", "1")
    assert "chatcmpl-req_1" in shown.out
    assert "req_2" not in shown.out
    assert "there may be more (--limit)" in shown.err


def test_one_workspace_s_own(terminal: Terminal) -> None:
    book(terminal, "req_1", 3, 40)
    terminal.ok("admin", "workspace", "create", "Other")
    assert terminal.ok("admin", "spend", "unconfirmed", "--workspace", "my-ws")["unconfirmed"]
    assert terminal.ok("admin", "spend", "unconfirmed", "--workspace", "other") == {"unconfirmed": []}
    assert terminal.ok("admin", "spend", "flagged", "--workspace", "other") == {"flagged": []}
    assert terminal.run("admin", "spend", "unconfirmed", "--workspace", "none").code == 1


@pytest.mark.parametrize(
    ("said", "spent", "freed"), [(("--cost", "0.10"), 10, 330_000), (("--none",), 0, 430_000)]
)
def test_what_it_cost_is_booked_and_the_rest_is_free(
    terminal: Terminal, said: tuple[str, ...], spent: int, freed: int
) -> None:
    book(terminal, "req_1", 3, 40)
    assert key(terminal) == (3, 40)
    told = terminal.ok("admin", "spend", "resolve", "req_1", *said)
    assert (told["cost_micro_usd"], told["booked_before_micro_usd"]) == (spent * 10_000, 30_000)
    assert told["freed_micro_usd"] == freed
    assert key(terminal) == (spent, 0)
    again = terminal.run("admin", "spend", "resolve", "req_1", *said)
    assert (again.code, again.out) == (1, "")
    assert "'zai admin spend unconfirmed' lists what is" in again.err


def test_a_bill_above_the_worst_case_is_booked_and_said(terminal: Terminal) -> None:
    book(terminal, "req_1", 3, 40)
    shown = terminal.run("admin", "spend", "resolve", "req_1", "--attempt", "1", "--cost", "0.50")
    assert shown.code == 0
    assert "0.07 USD above the worst case" in shown.err
    assert key(terminal) == (50, 0)


@pytest.mark.parametrize("options", [(), ("--cost", "1", "--none"), ("--cost", "-1"), ("--cost", "x")])
def test_a_resolution_without_one_cost_is_misuse(terminal: Terminal, options: tuple[str, ...]) -> None:
    shown = terminal.run("admin", "spend", "resolve", "req_1", *options)
    assert (shown.code, shown.out) == (2, "")
    assert "--cost" in shown.err


def test_overruns_and_write_offs_are_listed(terminal: Terminal) -> None:
    book(terminal, "req_left", 0, 40)
    with booking(terminal) as booker:
        over = replace(outcome(7 * CENT), flags=(Flag.OVERRUN,))
        booker.book("req_over", over, terminal.clock.now_ms() - 86_400_000)
    with closing(Store.open(terminal.data)) as store:
        assert store.resolutions.write_off(terminal.clock.now_ms(), terminal.clock.now_ms()) == 1
    listed = terminal.ok("admin", "spend", "flagged")["flagged"]
    assert [(each["request_id"], each["flags"]) for each in listed] == [
        ("req_left", ["written_off"]),
        ("req_over", ["overrun"]),
    ]
    # Its estimate was booked, and its risk ended: the cap counts the difference no more.
    assert (listed[0]["cost_micro_usd"], listed[0]["unconfirmed_micro_usd"]) == (200_000, -400_000)
    one = terminal.ok("admin", "spend", "flagged", "--flag", "overrun")["flagged"]
    assert [each["request_id"] for each in one] == ["req_over"]
    assert terminal.ok("admin", "spend", "flagged", "--since", "2h")["flagged"] == listed[:1]
    assert "chatcmpl-req_left" in terminal.run("admin", "spend", "flagged").out
    assert terminal.run("admin", "spend", "flagged", "--flag", "odd").code == 2


def test_books_that_agree(terminal: Terminal) -> None:
    book(terminal, "req_1", 3, 40)
    told = terminal.ok("admin", "spend", "reconcile")
    assert (told["holds"], told["bill"]) == (True, None)
    assert {each["grade"] for each in told["findings"]} == {"ok"}
    (sums,) = told["workspaces"]
    assert (sums["workspace_name"], sums["agree"], sums["ledger_cost_micro_usd"]) == (
        *("My Workspace", True),
        30_000,
    )
    assert sums["windows_committed_micro_usd"] == sums["leases_granted_micro_usd"] == 430_000
    assert "agrees" in terminal.run("admin", "spend", "reconcile").out


def test_books_that_differ_are_1(terminal: Terminal) -> None:
    book(terminal, "req_1", 3, 40)
    with closing(sqlite3.connect(terminal.data / "zai.db")) as books:
        books.execute("UPDATE ledger SET cost = cost + 1000")
        books.commit()
    shown = terminal.run("admin", "spend", "reconcile", "--json")
    assert (shown.code, shown.json["holds"]) == (1, False)
    assert [each["check"] for each in shown.json["findings"] if each["grade"] == "fail"] == ["ledger"]
    assert "DIFFERS" in terminal.run("admin", "spend", "reconcile").out


@pytest.mark.parametrize(
    ("billed", "difference", "within", "said"),
    [
        ("0.03", 0, True, "the bill is what is booked"),
        ("0.43", 400_000, True, "what is unconfirmed can explain it"),
        ("0.44", 410_000, False, "more was billed than booked and unconfirmed"),
        ("0.02", -10_000, False, "less was billed than booked"),
    ],
)
def test_a_provider_s_bill_beside_what_is_booked(
    terminal: Terminal, billed: str, difference: int, within: bool, said: str
) -> None:
    book(terminal, "req_1", 3, 40)
    asked = ("admin", "spend", "reconcile", "--provider", "openai", "--billed", billed, "--since", "2h")
    bill = terminal.ok(*asked)["bill"]
    assert (bill["booked_micro_usd"], bill["unconfirmed_micro_usd"], bill["attempts"]) == (
        *(30_000, 400_000),
        1,
    )
    assert (bill["difference_micro_usd"], bill["within_unconfirmed"]) == (difference, within)
    assert said in terminal.run(*asked).out
    before = terminal.ok(*asked, "--until", "90m")["bill"]
    assert (before["attempts"], before["until"]) == (0, "2026-11-18T09:36:40Z")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--billed", "1"), 2, "--provider"),
        (("--since", "1h"), 2, "--provider"),
        (("--provider", "openai"), 2, "--billed and --since"),
        (("--provider", "openai", "--billed", "1", "--since", "x"), 2, "--since"),
        (("--provider", "openai", "--billed", "1", "--since", "1h", "--until", "x"), 2, "--until"),
        (("--provider", "openai", "--billed", "1", "--since", "1h", "--until", "2h"), 1, "since, until"),
        (("--provider", "opnai", "--billed", "1", "--since", "1h"), 1, "it has keys at: demo, openai"),
    ],
)
def test_a_bill_that_is_none(terminal: Terminal, options: tuple[str, ...], code: int, said: str) -> None:
    shown = terminal.run("admin", "spend", "reconcile", *options)
    assert (shown.code, shown.out) == (code, "")
    assert said in shown.err


def test_workers_are_shown_with_their_numbers(terminal: Terminal) -> None:
    with booking(terminal) as booker:
        booker.lease(12 * CENT)
    with closing(Store.open(terminal.data)) as store:
        numbers = {"grants": 4, "recalls": 1, "flush_lag": 0.25, "journal_bytes": 4_096, "open_holds": 2}
        store.numbers.tell("wrk_far", numbers | {"at_ms": terminal.clock.now_ms()})
    (worker,) = terminal.ok("admin", "spend", "workers")["workers"]
    assert worker == {
        "id": "wrk_far",
        "host": "far",
        "state": "live",
        "lives_here": False,
        "seen_at": "2026-11-17T11:06:40Z",
        "leased_micro_usd": 120_000,
        "unconfirmed_micro_usd": 0,
        "numbers": numbers | {"at": "2026-11-18T11:06:40Z"},
    }
    _, row = terminal.run("admin", "spend", "workers").out.splitlines()
    assert row.split() == [
        *("wrk_far", "far", "live", "2026-11-17T11:06:40Z", "0.12", "0.00"),
        *("4", "1", "2", "0.2", "4", "KiB"),
    ]


def test_a_lost_worker_s_lease_is_unconfirmed_until_it_is_resolved(terminal: Terminal) -> None:
    with booking(terminal) as booker:
        booker.lease(12 * CENT)
    shown = terminal.run("admin", "spend", "lost", "wrk_far")
    assert shown.code == 0
    assert "0.12 USD that it had leased" in shown.out
    assert "zai admin spend resolve" in shown.err
    assert key(terminal) == (0, 12)
    (left,) = terminal.ok("admin", "spend", "unconfirmed")["unconfirmed"]
    assert (left["attempt"], left["unconfirmed_usd"], left["model"]) == (0, "0.12", "")
    terminal.ok("admin", "spend", "resolve", left["request_id"], "--cost", "0.05")
    assert key(terminal) == (5, 0)
    (worker,) = terminal.ok("admin", "spend", "workers")["workers"]
    assert (worker["state"], worker["leased_micro_usd"]) == ("lost", 0)
    deeds = [each["deed"] for each in terminal.ok("admin", "audit", "list", "--every-workspace")["audit"]]
    assert deeds[:2] == ["spend.resolve", "worker.lose"]
    assert terminal.ok("admin", "spend", "reconcile")["holds"]


def test_a_worker_that_lives_here_is_not_given_up_without_force(terminal: Terminal) -> None:
    with closing(Store.open(terminal.data)) as store:
        worker = Worker("wrk_here", terminal.data / "workers", shared=True)
        worker.open(store.spend, terminal.clock.now_ms() - 3_600_000)
        try:
            refused = terminal.run("admin", "spend", "lost", "wrk_here")
            assert (refused.code, refused.out) == (1, "")
            assert "its journal in this data directory is locked" in refused.err
            shown = terminal.ok("admin", "spend", "workers")["workers"]
            assert {each["id"]: each["lives_here"] for each in shown} == {"wrk_far": False, "wrk_here": True}
            assert terminal.ok("admin", "spend", "lost", "wrk_here", "--force")["lives_here"]
        finally:
            worker.abandon()
    assert "is not known: it ended" in terminal.run("admin", "spend", "lost", "wrk_9").err
