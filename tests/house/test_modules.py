"""Every module opens with one sentence, is short enough to read, and leaves the environment to settings."""

import ast
import re

import pytest

from tests.house.tree import ROOT, SOURCE, modules

PYTHON = [ROOT / name for name in ("src", "tests", "prices", "vendors", "bench")]


def opening_fault(source: str) -> str | None:
    """What is wrong with the opening sentence of a module; None where nothing is."""
    tree = ast.parse(source)
    if not tree.body:
        return None
    docstring = ast.get_docstring(tree)
    if docstring is None:
        return "has no docstring"
    opening = " ".join(docstring.split("\n\n")[0].split())
    if not opening.endswith("."):
        return "does not open with a sentence that ends"
    if re.search(r"(?<!e\.g)(?<!i\.e)[.!?]\s+[A-Z]", opening):
        return "opens with more than one sentence"
    return None


def environment_reads(source: str) -> list[str]:
    """Where a module reads the environment, by itself or through a library's option."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "getenvb"):
                found.append(f"line {node.lineno}: os.{node.attr}")
            case ast.ImportFrom(module="os", names=names):
                taken = {name.name for name in names} & {"environ", "environb", "getenv", "getenvb"}
                found += [f"line {node.lineno}: {name}" for name in sorted(taken)]
            case ast.keyword(arg="envvar", value=value) if not _is_none(value):
                found.append(f"line {value.lineno}: envvar")
            case _:
                pass
    return found


def test_only_the_upstream_and_the_terminal_speak_http_outwards() -> None:
    # import-linter knows top-level modules only, and `http` and `urllib` have harmless parts as well.
    callers = {name for name, source in modules() if _imports(source) & {"http.client", "urllib.request"}}
    assert callers == {str((SOURCE / "cli" / "gateway.py").relative_to(ROOT))}


def _imports(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=str(module), names=names):
                found |= {module, *(f"{module}.{name.name}" for name in names)}
            case _:
                pass
    return found


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def test_every_module_opens_with_one_sentence() -> None:
    every = [module for folder in PYTHON for module in modules(folder)]
    faults = {name: fault for name, source in every if (fault := opening_fault(source))}
    assert faults == {}


def test_no_file_is_too_long_to_know_ones_way_in() -> None:
    lengths = {name: source.count("\n") for folder in PYTHON for name, source in modules(folder)}
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_only_the_settings_read_the_environment() -> None:
    settings = str((SOURCE / "settings.py").relative_to(ROOT))
    readers = {name: reads for name, source in modules() if (reads := environment_reads(source))}
    readers.pop(settings, None)
    assert readers == {}


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('"""A store: it keeps what it is given."""\n', None),
        ('"""Wraps a long\nsentence over lines (RFC 9110, e.g. section 5)."""\n', None),
        ('"""A store.\n\nMore of it. And more."""\n', None),
        ("", None),
        ("x = 1\n", "has no docstring"),
        ('"""A store"""\n', "does not open with a sentence that ends"),
        ('"""A store. It keeps things."""\n', "opens with more than one sentence"),
    ],
)
def test_the_rule_on_openings_tells_good_from_bad(source: str, fault: str | None) -> None:
    assert opening_fault(source) == fault


@pytest.mark.parametrize(
    "source",
    [
        "import os\nx = os.environ['A']",
        "import os\nx = os.getenv('A')",
        "from os import environ",
        "option(envvar='A')",
    ],
)
def test_the_rule_on_the_environment_sees_every_way_to_read_it(source: str) -> None:
    assert environment_reads(source)
