"""What is pinned is what is asked for, by hash and from nowhere in particular, and the papers agree."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT
from zai_gateway import __version__

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
GROUPS: Mapping[str, list[str | dict[str, str]]] = PROJECT["dependency-groups"]
LOCKS = ("run", "dev")


def group(name: str) -> list[Requirement]:
    """The requirements of a dependency group, with those of the groups that it includes."""
    found: list[Requirement] = []
    for entry in GROUPS[name]:
        found += [Requirement(entry)] if isinstance(entry, str) else group(entry["include-group"])
    return found


def pins(lock: str) -> dict[str, str]:
    """The version of every pinned distribution."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^(\S+)==(\S+)", text, re.M)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_lock_names_an_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=\S)", text, flags=re.M)[1:]
    assert len(entries) == len(pins(lock)) > 0
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "-url" not in text


def test_the_locks_pin_what_the_project_asks_for() -> None:
    for lock, wanted in (("run", RUNTIME + group("build")), ("dev", RUNTIME + group("dev"))):
        pinned = pins(lock)
        off = [str(need) for need in wanted if not _met(need, pinned)]
        assert off == [], f"run make lock: requirements/{lock}.txt is out of date"


def test_tests_run_on_what_users_run() -> None:
    run, dev = pins("run"), pins("dev")
    assert {name: (version, dev.get(name)) for name, version in run.items() if dev.get(name) != version} == {}


def test_every_dependency_says_why_it_is_here() -> None:
    reasons = (ROOT / "docs/adr/0002-dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^- \*\*([\w.-]+)\*\*: \S.*", reasons, re.M))
    assert explained == {need.name for need in RUNTIME + group("dev")}


def test_the_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.M)
    assert newest is not None
    assert newest[1] == __version__


def _met(need: Requirement, pinned: Mapping[str, str]) -> bool:
    version = pinned.get(canonicalize_name(need.name))
    return version is not None and need.specifier.contains(version)
