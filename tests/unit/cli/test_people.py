"""Workspaces, members, management keys, budgets and the audit at the terminal."""

from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal
from zai_gateway.accounts import keys


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_a_workspace_has_keys_of_its_own(terminal: Terminal) -> None:
    made = terminal.ok("admin", "workspace", "create", "Data Tools")
    assert set(made) == {"id", "name", "slug", "rpm", "tpm", "concurrency", "created_at"}
    for ref in (made["id"], "data-tools", "Data Tools"):
        terminal.ok("admin", "key", "create", f"by {len(ref)}", "--workspace", ref)
    listed = terminal.ok("admin", "key", "list", "--workspace", "data-tools")["keys"]
    assert [key["name"] for key in listed] == [f"by {len(made['id'])}", "by 10", "by 10"]
    assert [key["name"] for key in terminal.ok("admin", "key", "list")["keys"]] == ["first-key"]
    assert terminal.run("admin", "key", "show", "by 10").code == 1
    renamed = terminal.ok("admin", "workspace", "rename", "data-tools", "--name", "Platform")
    assert (renamed["name"], renamed["slug"]) == ("Platform", "data-tools")
    assert [each["name"] for each in terminal.ok("admin", "workspace", "list")["workspaces"]] == [
        "My Workspace",
        "Platform",
    ]
    assert "Platform" in terminal.run("admin", "workspace", "list").out


def test_a_workspace_has_rate_limits(terminal: Terminal) -> None:
    limited = terminal.ok("admin", "workspace", "update", "My Workspace", "--rpm", "600", "--tpm", "5")
    assert (limited["rpm"], limited["tpm"], limited["concurrency"]) == (600, 5, None)
    changed = terminal.ok("admin", "workspace", "update", "My Workspace", "--no-tpm", "--concurrency", "9")
    assert (changed["rpm"], changed["tpm"], changed["concurrency"]) == (600, None, 9)
    assert "600 requests/min, 9 at once" in terminal.run("admin", "workspace", "list").out
    nothing = terminal.run("admin", "workspace", "update", "My Workspace")
    assert nothing.code == 2
    (record, _) = terminal.ok("admin", "audit", "list", "--deed", "workspace.update")["audit"]
    assert record["changes"] == {
        "tpm": {"before": 5, "after": None},
        "concurrency": {"before": None, "after": 9},
    }


def test_what_stands_in_a_workspace_is_of_it(terminal: Terminal) -> None:
    terminal.ok("admin", "workspace", "create", "Tools")
    there = ("--workspace", "tools")
    terminal.ok("admin", "provider", "add", "demo", *there)
    terminal.ok("admin", "price", "set", "openai/m", "--input", "1", "--output", "1", *there)
    terminal.ok("admin", "budget", "set", "5", *there)
    for command, document in (
        (("provider", "list"), "provider_keys"),
        (("price", "list"), "prices"),
        (("budget", "list"), "budgets"),
    ):
        assert len(terminal.ok("admin", *command, *there)[document]) == 1
    assert terminal.ok("admin", "price", "list")["prices"] == []
    assert terminal.ok("admin", "budget", "list")["budgets"] == []
    assert terminal.ok("admin", "usage", *there)["rows"] == []


def test_members_come_change_and_go(terminal: Terminal) -> None:
    ana = terminal.ok("admin", "member", "add", "Ana@Example.com", "--role", "owner")
    assert (ana["name"], ana["email"], ana["role"], ana["removed_at"]) == (
        *("Ana", "ana@example.com", "owner", None),
    )
    ben = terminal.ok("admin", "member", "add", "ben@example.com", "--name", "Benjamin")
    assert (ben["name"], ben["role"]) == ("Benjamin", "member")
    changed = terminal.ok(
        *(
            "admin",
            "member",
            "update",
            "Benjamin",
            "--role",
            "admin",
            "--name",
            "Ben",
            "--email",
            "b@example.com",
        )
    )
    assert (changed["name"], changed["role"], changed["email"]) == ("Ben", "admin", "b@example.com")
    assert terminal.ok("admin", "member", "show", "B@EXAMPLE.COM") == changed
    refused = terminal.run("admin", "member", "remove", "Ana")
    assert (refused.code, "last owner" in refused.err) == (1, True)
    assert terminal.ok("admin", "member", "remove", ben["id"])["removed_at"] == "2026-11-18T11:06:40Z"
    assert [each["name"] for each in terminal.ok("admin", "member", "list")["members"]] == ["Ana"]
    assert "ana@example.com" in terminal.run("admin", "member", "list").out
    for arguments in (("update", "Ana"), ("add", "x@example.com", "--role", "king")):
        assert terminal.run("admin", "member", *arguments).code == 2


def test_a_management_key_is_shown_once(terminal: Terminal) -> None:
    made = terminal.ok(
        *("admin", "management-key", "create", "ci", "--scope", "keys:write", "--scope", "keys:read")
    )
    assert keys.well_formed(made["key"], keys.ADMIN)
    assert (made["prefix"], made["scopes"]) == (made["key"][:12], ["keys:read", "keys:write"])
    assert (made["made_by"], made["expires_at"], made["status"]) == (None, "2027-02-16T11:06:40Z", "active")
    (listed,) = terminal.ok("admin", "management-key", "list")["management_keys"]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert made["key"] not in terminal.run("admin", "management-key", "list").out
    assert terminal.ok("admin", "management-key", "revoke", "ci")["status"] == "revoked"
    shown = terminal.run(
        "admin", "management-key", "create", "ci-2", "--scope", "audit:read", "--expires", "1h"
    )
    assert keys.well_formed(shown.out.removesuffix("\n"), keys.ADMIN)
    assert "until 2026-11-18T12:06:40Z" in shown.err
    terminal.clock.move(3_600)
    statuses = [key["status"] for key in terminal.ok("admin", "management-key", "list")["management_keys"]]
    assert statuses == ["revoked", "expired"]
    for arguments in (("x",), ("x", "--scope", "everything")):
        assert terminal.run("admin", "management-key", "create", *arguments).code == 2


def test_budgets_of_the_workspace_a_member_and_a_key(terminal: Terminal) -> None:
    terminal.ok("admin", "member", "add", "ana@example.com")
    terminal.ok("admin", "key", "create", "ci", "--spend-cap", "9")
    made = terminal.ok("admin", "budget", "set", "5.5")
    assert (made["owner_kind"], made["owner_name"], made["period"]) == (
        *("workspace", "My Workspace", "monthly"),
    )
    assert (made["limit_micro_usd"], made["limit_usd"], made["spend_micro_usd"]) == (5_500_000, "5.50", 0)
    terminal.ok("admin", "budget", "set", "1", "--member", "ana@example.com", "--period", "daily")
    terminal.ok("admin", "budget", "set", "2", "--key", "ci", "--period", "weekly")
    listed = terminal.ok("admin", "budget", "list")["budgets"]
    assert [(each["owner_name"], each["period"], each["limit_usd"]) for each in listed] == [
        ("ci", "total", "9.00"),
        ("ci", "weekly", "2.00"),
        ("ana", "daily", "1.00"),
        ("My Workspace", "monthly", "5.50"),
    ]
    assert terminal.ok("admin", "budget", "set", "6")["id"] == made["id"]
    assert "6.00" in terminal.run("admin", "budget", "list").out
    assert (
        terminal.ok("admin", "budget", "remove", "--key", "ci", "--period", "weekly")["limit_usd"] == "2.00"
    )
    assert terminal.run("admin", "budget", "remove", "--key", "ci", "--period", "weekly").code == 1
    assert terminal.run("admin", "budget", "set", "1", "--key", "ci", "--period", "total").code == 1
    for arguments in (("set",), ("set", "x"), ("set", "1", "--key", "ci", "--member", "ana")):
        assert terminal.run("admin", "budget", *arguments).code == 2


def test_the_audit_tells_what_the_operator_did(terminal: Terminal) -> None:
    made = terminal.ok("admin", "key", "create", "ci", "--spend-cap", "5")
    terminal.ok("admin", "key", "update", "ci", "--spend-cap", "7")
    (newest,) = terminal.ok("admin", "audit", "list", "--limit", "1")["audit"]
    assert newest == {
        "id": newest["id"],
        "at": "2026-11-18T11:06:40Z",
        "workspace_id": newest["workspace_id"],
        "actor_kind": "operator",
        "actor_id": "operator",
        "actor_name": "operator",
        "address": "cli",
        "deed": "key.update",
        "object_kind": "api_key",
        "object_id": made["id"],
        "object_name": "ci",
        "changes": {"cap": {"before": 5_000_000_000, "after": 7_000_000_000}},
    }
    deeds = [each["deed"] for each in terminal.ok("admin", "audit", "list", "--object", "ci")["audit"]]
    assert deeds == ["key.update", "key.create"]
    older = terminal.ok("admin", "audit", "list", "--object", "ci", "--before", newest["id"])["audit"]
    assert [each["deed"] for each in older] == ["key.create"]
    assert made["key"] not in terminal.run("admin", "audit", "list", "--json").out
    terminal.ok("admin", "workspace", "create", "Tools")
    assert (
        terminal.ok("admin", "audit", "list", "--deed", "workspace.create", "--search", "Tools")["audit"]
        == []
    )
    elsewhere = terminal.ok("admin", "audit", "list", "--every-workspace", "--search", "tools")["audit"]
    assert [each["deed"] for each in elsewhere] == ["workspace.create"]
    words = terminal.run("admin", "audit", "list").out
    assert "key.update" in words
    terminal.clock.move(3_600)
    assert terminal.ok("admin", "audit", "list", "--since", "30m", "--actor", "operator")["audit"] == []
    for arguments in (("--limit", "0"), ("--since", "x"), ("--every-workspace", "--workspace", "tools")):
        assert terminal.run("admin", "audit", "list", *arguments).code == 2


def test_a_long_address_gives_a_name_all_the_same(terminal: Terminal) -> None:
    long = "x" * 150
    assert terminal.ok("admin", "member", "add", f"{long}@example.com")["name"] == long[:100]
