"""Tags, members, near_cap, search and rotation of API keys at the terminal."""

from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal
from zai_gateway.accounts import keys


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    terminal = Terminal(tmp_path)
    terminal.ok("admin", "member", "add", "ana@example.com")
    return terminal


def listed(terminal: Terminal, *options: str) -> list[str]:
    return [key["name"] for key in terminal.ok("admin", "key", "list", *options)["keys"]]


def test_every_term_is_set_changed_and_taken_away(terminal: Terminal) -> None:
    ana = terminal.ok("admin", "member", "show", "ana")["id"]
    terms = ("--near-cap", "refuse", "--member", "ana@example.com", "--tag", "b", "--tag", "a", "--tag", "b")
    made = terminal.ok("admin", "key", "create", "ci", *terms)
    assert (made["near_cap"], made["member_id"], made["tags"]) == ("refuse", ana, ["b", "a"])
    assert (made["last_used_at"], made["retiring"]) == (None, [])
    changed = terminal.ok("admin", "key", "update", "ci", "--near-cap", "clamp", "--tag", "c", "--no-member")
    assert (changed["near_cap"], changed["member_id"], changed["tags"]) == ("clamp", None, ["c"])
    again = terminal.ok("admin", "key", "update", "ci", "--member", ana, "--no-tags")
    assert (again["near_cap"], again["member_id"], again["tags"]) == ("clamp", ana, [])
    shown = terminal.run("admin", "key", "show", "ci").out
    assert ana in shown
    assert "near the cap" in shown


def test_rate_limits_are_set_changed_and_taken_away(terminal: Terminal) -> None:
    made = terminal.ok("admin", "key", "create", "ci", "--rpm", "60", "--tpm", "200000")
    assert (made["rpm"], made["tpm"], made["concurrency"]) == (60, 200_000, None)
    changed = terminal.ok("admin", "key", "update", "ci", "--rpm", "5", "--no-tpm", "--concurrency", "2")
    assert (changed["rpm"], changed["tpm"], changed["concurrency"]) == (5, None, 2)
    again = terminal.ok("admin", "key", "update", "ci", "--no-rpm", "--no-concurrency")
    assert (again["rpm"], again["tpm"], again["concurrency"]) == (None, None, None)
    terminal.ok("admin", "key", "update", "ci", "--tpm", "200000", "--rpm", "60")
    assert "60 requests/min, 200,000 tokens/min" in terminal.run("admin", "key", "show", "ci").out
    for wrong in (("--rpm", "0"), ("--rpm", "5", "--no-rpm"), ("--tpm", "many"), ("--concurrency", "-1")):
        refused = terminal.run("admin", "key", "update", "ci", *wrong)
        assert (refused.code, refused.out) == (2, "")
    too_many = terminal.run("admin", "key", "update", "ci", "--rpm", "1000000000001")
    assert (too_many.code, too_many.err) == (*(1, "zai: rpm: a whole number from 1 to 1,000,000,000,000.\n"),)


def test_keys_are_found_by_what_is_known_of_them(terminal: Terminal) -> None:
    alpha = terminal.ok("admin", "key", "create", "Alpha", "--tag", "x", "--member", "ana")
    terminal.ok("admin", "key", "create", "alphabet", "--tag", "y", "--expires", "1h")
    terminal.ok("admin", "key", "create", "beta", "--tag", "x")
    terminal.ok("admin", "key", "revoke", "beta")
    assert listed(terminal, "--search", "ALPHA") == ["Alpha", "alphabet"]
    assert listed(terminal, "--search", alpha["prefix"]) == ["Alpha"]
    assert listed(terminal, "--search", alpha["id"][:20])[:1] == ["Alpha"]
    assert listed(terminal, "--tag", "x") == ["Alpha", "beta"]
    assert listed(terminal, "--tag", "x", "--status", "active") == ["Alpha"]
    assert listed(terminal, "--member", "ana") == ["Alpha"]
    assert listed(terminal, "--status", "revoked") == ["beta"]
    terminal.clock.move(3_600)
    assert listed(terminal, "--status", "expired") == ["alphabet"]
    assert listed(terminal, "--search", "nothing") == []


def test_a_rotated_key_keeps_everything_but_its_secret(terminal: Terminal) -> None:
    made = terminal.ok("admin", "key", "create", "ci", "--spend-cap", "5", "--tag", "x")
    rotated = terminal.ok("admin", "key", "rotate", "ci")
    assert keys.well_formed(rotated["key"])
    assert rotated["prefix"] == rotated["key"][:12]
    assert rotated["retiring"] == [{"prefix": made["prefix"], "retires_at": "2026-11-19T11:06:40Z"}]
    differing = {name for name in made if made[name] != rotated[name]}
    assert differing == {"key", "prefix", "retiring"}
    terminal.clock.move(86_400)
    assert terminal.ok("admin", "key", "show", "ci")["retiring"] == []
    assert terminal.ok("admin", "key", "rotate", "ci", "--overlap", "0")["retiring"] == []


def test_a_rotation_in_words_gives_the_secret_alone_on_stdout(terminal: Terminal) -> None:
    made = terminal.ok("admin", "key", "create", "ci")
    shown = terminal.run("admin", "key", "rotate", "ci", "--overlap", "1h")
    assert shown.code == 0
    assert keys.well_formed(shown.out.removesuffix("\n"))
    assert shown.out.strip() not in shown.err
    assert f"{made['prefix']}... is valid until 2026-11-18T12:06:40Z." in shown.err


def test_too_many_secrets_are_refused(terminal: Terminal) -> None:
    terminal.ok("admin", "key", "create", "ci")
    for _ in range(5):
        terminal.ok("admin", "key", "rotate", "ci")
    refused = terminal.run("admin", "key", "rotate", "ci")
    assert (refused.code, refused.out) == (1, "")
    assert "5 earlier secrets that are still valid" in refused.err
    assert terminal.ok("admin", "key", "rotate", "ci", "--overlap", "0")["retiring"] == []


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("rotate", "ci", "--overlap", "soon"), "--overlap"),
        (("rotate", "ci", "--overlap", "-1h"), ""),
        (("create", "ci", "--near-cap", "never"), "--near-cap"),
        (("list", "--status", "dead"), "--status"),
        (("update", "ci", "--member", "ana", "--no-member"), "--no-member"),
        (("update", "ci", "--tag", "x", "--no-tags"), "--no-tags"),
    ],
)
def test_misuse_is_2_and_one_line(terminal: Terminal, arguments: tuple[str, ...], option: str) -> None:
    shown = terminal.run("admin", "key", *arguments)
    assert (shown.code, shown.out) == (2, "")
    assert option in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "ci", "--member", "ben"), "no member 'ben'"),
        (("create", "ci", "--tag", "two words"), "tags"),
        (("rotate", "nobody"), "nobody"),
        (("rotate", "first-key", "--overlap", "91d"), "overlap: from 0 to 90 days"),
        (("list", "--workspace", "elsewhere"), "no workspace 'elsewhere'"),
    ],
)
def test_a_refusal_is_1_and_one_line(terminal: Terminal, arguments: tuple[str, ...], said: str) -> None:
    shown = terminal.run("admin", "key", *arguments)
    assert (shown.code, shown.out) == (1, "")
    assert said in shown.err
    assert shown.err.count("\n") == 1
