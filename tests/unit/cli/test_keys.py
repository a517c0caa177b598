"""API keys from the terminal, on real books."""

from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal
from zai_gateway.accounts.keys import digest, well_formed
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.money import NANO_PER_USD

KEY_FIELDS = {
    "near_cap",
    "rpm",
    "tpm",
    "concurrency",
    "member_id",
    "tags",
    "last_used_at",
    "retiring",
    "id",
    "prefix",
    "name",
    "status",
    "spend_micro_usd",
    "spend_usd",
    "unconfirmed_micro_usd",
    "spend_cap_micro_usd",
    "spend_cap_usd",
    "allow",
    "fallback_model",
    "unbounded_allowance_micro_usd",
    "unbounded_allowance_usd",
    "expires_at",
    "revoked_at",
    "created_at",
}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_create_prints_the_key_once_and_all_its_terms(terminal: Terminal) -> None:
    made = terminal.ok(
        *(
            "admin",
            "key",
            "create",
            "ci",
            "--spend-cap",
            "5.00",
            "--allow",
            "openai/*",
            "--allow",
            "demo/echo",
        ),
        *("--fallback", "openai/gpt-5.4-mini", "--expires", "30d"),
    )
    assert set(made) == KEY_FIELDS | {"key"}
    assert well_formed(made["key"])
    assert made["prefix"] == made["key"][:12]
    assert (made["name"], made["status"], made["revoked_at"]) == ("ci", "active", None)
    assert (made["spend_micro_usd"], made["spend_usd"], made["unconfirmed_micro_usd"]) == (0, "0.00", 0)
    assert (made["spend_cap_micro_usd"], made["spend_cap_usd"]) == (5_000_000, "5.00")
    assert (made["allow"], made["fallback_model"]) == (["openai/*", "demo/echo"], "openai/gpt-5.4-mini")
    assert (made["created_at"], made["expires_at"]) == ("2026-11-18T11:06:40Z", "2026-12-18T11:06:40Z")
    shown = terminal.ok("admin", "key", "show", made["id"])
    assert shown == {name: value for name, value in made.items() if name != "key"}
    with terminal.books() as books:
        kept = books.accounts.api_keys.show(OPERATOR, books.accounts.the_workspace().id, "ci")
    assert (kept.digest, kept.cap) == (digest(made["key"]), 5 * NANO_PER_USD)


def test_create_without_terms_sets_none(terminal: Terminal) -> None:
    made = terminal.ok("admin", "key", "create", "plain")
    assert (made["spend_cap_micro_usd"], made["spend_cap_usd"], made["allow"]) == (None, None, [])
    assert (made["fallback_model"], made["expires_at"]) == (None, None)


def test_create_in_words_gives_the_key_alone_on_stdout(terminal: Terminal) -> None:
    shown = terminal.run("admin", "key", "create", "ci")
    assert shown.code == 0
    assert well_formed(shown.out.removesuffix("\n"))
    assert "shown only now" in shown.err
    assert shown.out.strip() not in shown.err


def test_list_shows_every_key_and_what_it_spent(terminal: Terminal) -> None:
    terminal.ok("admin", "key", "create", "ci", "--spend-cap", "0.50")
    listed = terminal.ok("admin", "key", "list")
    assert set(listed) == {"keys"}
    assert [key["name"] for key in listed["keys"]] == ["first-key", "ci"]
    assert all(set(key) == KEY_FIELDS for key in listed["keys"])
    in_words = terminal.run("admin", "key", "list")
    assert (in_words.code, in_words.err) == (0, "")
    heads, first, second = in_words.out.splitlines()
    assert heads.split()[0] == "name"
    assert ("demo/*" in first, "0.50" in second) == (True, True)


def test_a_key_goes_by_name_until_two_have_it(terminal: Terminal) -> None:
    first = terminal.ok("admin", "key", "create", "twin")
    assert terminal.ok("admin", "key", "show", "twin")["id"] == first["id"]
    second = terminal.ok("admin", "key", "create", "twin")
    shown = terminal.run("admin", "key", "show", "twin")
    assert (shown.code, shown.out) == (1, "")
    assert first["id"] in shown.err
    assert second["id"] in shown.err


def test_update_changes_what_is_named_and_nothing_else(terminal: Terminal) -> None:
    made = terminal.ok(
        "admin", "key", "create", "ci", "--spend-cap", "5", "--allow", "a/*", "--expires", "1d"
    )
    raised = terminal.ok("admin", "key", "update", "ci", "--spend-cap", "7.5")
    assert raised["spend_cap_usd"] == "7.50"
    assert {name for name in raised if raised[name] != made[name]} == {"spend_cap_micro_usd", "spend_cap_usd"}
    renamed = terminal.ok(
        *("admin", "key", "update", "ci", "--name", "cd", "--allow", "b/*", "--allow", "c/*"),
        *("--fallback", "b/x", "--expires", "2027-01-31"),
    )
    assert (renamed["name"], renamed["allow"]) == ("cd", ["b/*", "c/*"])
    assert (renamed["fallback_model"], renamed["expires_at"]) == ("b/x", "2027-01-31T00:00:00Z")
    freed = terminal.ok(
        *(
            "admin",
            "key",
            "update",
            made["id"],
            "--no-spend-cap",
            "--allow-any",
            "--no-fallback",
            "--no-expires",
        )
    )
    assert (freed["spend_cap_micro_usd"], freed["allow"]) == (None, [])
    assert (freed["fallback_model"], freed["expires_at"]) == (None, None)


def test_a_cap_of_zero_is_a_cap(terminal: Terminal) -> None:
    made = terminal.ok("admin", "key", "create", "ci", "--spend-cap", "0")
    assert (made["spend_cap_micro_usd"], made["spend_cap_usd"]) == (0, "0.00")
    terminal.ok("admin", "key", "update", "ci", "--no-spend-cap")
    assert terminal.ok("admin", "key", "update", "ci", "--spend-cap", "0")["spend_cap_micro_usd"] == 0


def test_revoke_ends_a_key_for_good(terminal: Terminal) -> None:
    terminal.ok("admin", "key", "create", "ci")
    revoked = terminal.ok("admin", "key", "revoke", "ci")
    assert (revoked["status"], revoked["revoked_at"]) == ("revoked", "2026-11-18T11:06:40Z")
    refused = terminal.run("admin", "key", "update", "ci", "--spend-cap", "1")
    assert (refused.code, refused.out) == (1, "")
    assert "revoked" in refused.err


def test_a_key_expires_by_the_clock(terminal: Terminal) -> None:
    terminal.ok("admin", "key", "create", "ci", "--expires", "90m")
    terminal.clock.move(90 * 60)
    assert terminal.ok("admin", "key", "show", "ci")["status"] == "expired"


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("create",), "NAME"),
        (("create", "ci", "--spend-cap", "five"), "--spend-cap"),
        (("create", "ci", "--spend-cap", "-1"), ""),
        (("create", "ci", "--spend-cap", "0.0000000001"), "--spend-cap"),
        (("create", "ci", "--expires", "soon"), "--expires"),
        (("create", "ci", "--expires", "2020-01-01"), "--expires"),
        (("create", "ci", "--no-such"), "--no-such"),
        (("create", "ci", "two"), "two"),
        (("update", "ci"), "what to change"),
        (("update", "ci", "--spend-cap", "5", "--no-spend-cap"), "--no-spend-cap"),
        (("update", "ci", "--allow", "a/*", "--allow-any"), "--allow-any"),
        (("update", "ci", "--fallback", "a/b", "--no-fallback"), "--no-fallback"),
        (("update", "ci", "--expires", "1d", "--no-expires"), "--no-expires"),
        (("show",), "KEY"),
        (("shw", "ci"), "show"),
    ],
)
def test_misuse_is_2_and_one_line(terminal: Terminal, arguments: tuple[str, ...], option: str) -> None:
    shown = terminal.run("admin", "key", *arguments)
    assert (shown.code, shown.out) == (2, "")
    assert option in shown.err
    assert (shown.err.startswith("zai: "), shown.err.count("\n")) == (True, 1)
    assert not (terminal.data / "vault.key").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", " "), "name"),
        (("create", "ci", "--allow", "two words"), "allow"),
        (("create", "ci", "--fallback", "no-provider"), "fallback"),
        (("show", "nobody"), "first-key"),
        (("update", "nobody", "--spend-cap", "1"), "nobody"),
        (("revoke", "nobody"), "nobody"),
    ],
)
def test_a_refusal_is_1_and_one_line(terminal: Terminal, arguments: tuple[str, ...], said: str) -> None:
    shown = terminal.run("admin", "key", *arguments)
    assert (shown.code, shown.out) == (1, "")
    assert said in shown.err
    assert (shown.err.startswith("zai: "), shown.err.count("\n")) == (True, 1)


def test_data_has_one_default_and_another_place_is_another_gateway(
    terminal: Terminal, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    terminal.ok("admin", "key", "create", "here")
    terminal.ok("admin", "key", "create", "there", "--data", str(elsewhere))
    names = [key["name"] for key in terminal.ok("admin", "key", "list", "--data", str(elsewhere))["keys"]]
    assert names == ["first-key", "there"]
    assert terminal.run("admin", "key", "show", "there").code == 1
