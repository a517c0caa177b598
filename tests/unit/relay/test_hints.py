"""Hints: the name that was meant is found among thousands, and what is no slip is not looked for."""

import pytest

from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.providers.registry import PROVIDERS
from zai_gateway.relay.hints import close_names

CATALOGUE = Catalogue.load()
NAMES = [model.name for row in PROVIDERS for model in CATALOGUE.models(row.name)]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("opnai/gpt-5.4-mini", "openai/gpt-5.4-mini"),
        ("openai/gpt-5.4-mnii", "openai/gpt-5.4-mini"),
        ("openai/gpt-54-mini", "openai/gpt-5.4-mini"),
        ("gpt-5.4-mini", "openai/gpt-5.4-mini"),
        ("mistral/mistral-large-lastest", "mistral/mistral-large-latest"),
    ],
)
def test_what_was_meant_is_found(slip: str, meant: str) -> None:
    assert meant in close_names(slip, [*NAMES, "mistral/mistral-large-latest"])


def test_what_looks_like_nothing_gives_nothing() -> None:
    assert close_names("zzzzzzzz", NAMES) == []
    assert close_names("x" * 200, ["x" * 199]) == []
    assert close_names("", NAMES) == []
    assert close_names("ab", []) == []
