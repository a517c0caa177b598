"""Nothing in the project names a machine, a registry's address or anybody's secret."""

import re
from collections.abc import Iterator

import pytest

from tests.house.tree import text_files

# Written so that no pattern matches itself.
PATTERNS = {
    "a path of one machine": r"(?<![\w.$}])/([w]ork|[f]arm|[r]oot|[h]ome/\w\w+|[U]sers/\w+|tmp/[b]ash_jobs)/",
    "the address of a registry": r"[p]ypi\.org|files[.]pythonhosted|registry[.]npmjs|(--|extra-)index[-]url",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE [K]EY-----",
    "a provider's secret": r"\b(sk-(?=[\w-]*\d)[\w-]{32,}|AKIA[0-9A-Z]{16}|gh[pousr]_\w{36})\b",
}


def leaks(text: str) -> Iterator[str]:
    """What a text gives away, each with its line."""
    for number, line in enumerate(text.splitlines(), 1):
        for kind, pattern in PATTERNS.items():
            if found := re.search(pattern, line):
                yield f"line {number}: {kind}: {found[0][:12]}..."


def test_no_file_gives_anything_away() -> None:
    files = list(text_files())
    assert any(name == "pyproject.toml" for name, _ in files)
    found = {name: lines for name, text in files if (lines := list(leaks(text)))}
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "open('/" + "work/data')",
        "cd /home/" + "ada/z-ai",
        "--extra-index" + "-url https://example.com/simple",
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        "sk-proj-" + "a1" * 24,
        "AKIA" + "A1B2" * 4,
    ],
)
def test_the_rule_sees_each_kind(line: str) -> None:
    assert list(leaks(f"first line\n{line}\n"))
