"""Links at the terminal: the first owner's, an invitation and another password, each as it can be opened."""

import re
from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal
from zai_gateway.accounts.identity import LinkKind, OpenLink, Origin

PASSWORD = "eight rivers run"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def opened(terminal: Terminal, url: str) -> OpenLink:
    """What the link is for; its path is where the console takes it."""
    path = re.fullmatch(r"https?://[^/]+/(setup|invitation|reset)/([\w-]{43})", url)
    assert path is not None
    with terminal.books() as books:
        looked = books.accounts.people.look(path[2])
    assert looked.kind.value == path[1]
    return looked


def set_up(terminal: Terminal) -> None:
    with terminal.books() as books:
        link = books.accounts.people.setup_link()
        assert link is not None
        books.accounts.people.set_up(
            link.token,
            email="ana@example.com",
            name="Ana",
            password=PASSWORD,
            workspace_name=None,
            origin=Origin(address=None),
        )


def test_a_set_up_link_is_printed_until_somebody_has_signed_up(terminal: Terminal) -> None:
    made = terminal.ok("admin", "setup-link")
    assert made["url"].startswith("http://127.0.0.1:8011/setup/")
    assert (made["kind"], made["expires_at"]) == ("setup", "2026-11-19T11:06:40Z")
    assert opened(terminal, made["url"]).kind is LinkKind.SETUP
    set_up(terminal)
    refused = terminal.run("admin", "setup-link")
    assert (refused.code, refused.out) == (1, "")
    assert "Somebody has signed up already" in refused.err


def test_a_member_is_invited_by_a_link_that_stands_alone_on_stdout(terminal: Terminal) -> None:
    terminal.ok("admin", "workspace", "create", "Tools")
    terminal.ok("admin", "member", "add", "ben@example.com", "--workspace", "tools", "--role", "admin")
    there = ("--workspace", "tools", "--public-url", "https://llm.example.com/,http://zai")
    shown = terminal.run("admin", "member", "invite", "ben@example.com", *there)
    assert shown.code == 0
    assert shown.out.startswith("https://llm.example.com/invitation/")
    assert "makes whoever opens it that member, once, until 2026-11-25T11:06:40Z" in shown.err
    assert "invitation" not in shown.err
    looked = opened(terminal, shown.out.strip())
    assert (looked.email, looked.workspace and looked.workspace.name) == ("ben@example.com", "Tools")
    assert terminal.run("admin", "member", "invite", "nobody", "--workspace", "tools").code == 1


def test_a_password_is_reset_by_a_link(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {"ZAI_PUBLIC_URL": "https://llm.example.com"})
    set_up(terminal)
    made = terminal.ok("admin", "person", "reset-password", "ANA@example.com")
    assert made["url"].startswith("https://llm.example.com/reset/")
    assert opened(terminal, made["url"]).email == "ana@example.com"
    unknown = terminal.run("admin", "person", "reset-password", "ben@example.com")
    assert (unknown.code, unknown.out) == (1, "")
    assert "Nobody has an account here with the e-mail ben@example.com" in unknown.err
    assert terminal.run("admin", "person", "reset-password", "ben").err.startswith("zai: email: 'ben'")
