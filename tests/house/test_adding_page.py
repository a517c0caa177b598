"""docs/adding-a-provider.md: its files are there, its row and its prices are those in force."""

import ast
import re
from textwrap import dedent
from typing import Any

import pytest

from prices.vendor_table import VENDORS, Vendor
from tests.house.tree import ROOT
from zai_gateway.dialects import anthropic_messages, gemini
from zai_gateway.dialects.dialect import Dialect
from zai_gateway.providers.common import AS_OPENAI, OPEN_ENDED, ROUTING
from zai_gateway.providers.provider import Provider
from zai_gateway.providers.registry import provider

PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text(encoding="utf-8")
BLOCKS = [dedent(block) for block in re.findall(r"```python\n(.*?)^ *```", PAGE, re.S | re.M)]
KNOWN: dict[str, Any] = {"AS_OPENAI": AS_OPENAI, "OPEN_ENDED": OPEN_ENDED, "ROUTING": ROUTING}


def built(source: str, shape: type) -> Any:
    """What a call of `shape` with keyword arguments makes, its values literals or names from KNOWN."""
    statement = ast.parse(source.strip()).body[0]
    assert isinstance(statement, ast.Assign | ast.Expr)
    call = statement.value
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    assert call.func.id == shape.__name__
    assert call.args == []
    return shape(**{keyword.arg or "": value_of(keyword.value) for keyword in call.keywords})


def value_of(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return KNOWN[node.id]
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        assert node.func.id == "frozenset"
        return frozenset(ast.literal_eval(node.args[0]))
    return ast.literal_eval(node)


def test_its_row_is_the_one_in_force() -> None:
    assert built(BLOCKS[0], Provider) == provider("deepseek")


def test_its_prices_are_those_in_force() -> None:
    told = built(BLOCKS[1], Vendor)
    assert told == next(vendor for vendor in VENDORS if vendor.name == told.name)
    assert len(BLOCKS) == 2


def test_its_files_are_there() -> None:
    named = re.findall(r"`((?:src|tests|prices|vendors|docs)/[\w./-]+)`", PAGE)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_its_fields_are_a_rows() -> None:
    table = PAGE[PAGE.index("| field |") : PAGE.index("Guess none")]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)
    }
    assert len(named) > 10
    assert named <= set(Provider.__struct_fields__)


@pytest.mark.parametrize("folder", [anthropic_messages, gemini])
def test_its_functions_are_those_of_a_dialect(folder: Any) -> None:
    named = re.findall(r"^\| `(\w+)\(", PAGE, re.M)
    assert set(named) == {name for name in vars(Dialect) if not name.startswith("_")}
    assert len(named) == 4
    assert all(callable(getattr(folder, name)) for name in named)


def test_its_commands_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"`make ([a-z-]+)`", PAGE))
    assert commands == {"prices", "providers", "check", "test"}
    assert all(re.search(rf"^{command}:", makefile, re.M) for command in commands)
