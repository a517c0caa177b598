"""How much a Gemini of the catalogue is told to think, and what is said where it cannot be as asked."""

import json
from typing import Any

import pytest

from tests.dialects.gemini_asking import USER, encoded
from zai_gateway.dialects import anthropic_front
from zai_gateway.dialects.dialect import Encoded
from zai_gateway.dialects.gemini import GeminiPlan, encode, traits_of
from zai_gateway.wire.chat import parse


def budgeted(model: str, least: int, most: int, off: str | None) -> GeminiPlan:
    return GeminiPlan(
        model=model, traits=traits_of(model), least_budget=least, most_budget=most, off=off, budgets=True
    )


def by_levels(*levels: str) -> GeminiPlan:
    return GeminiPlan(model="gemini-4-x", traits=traits_of("gemini-4-x"), efforts=levels, budgets=False)


PRO = budgeted("gemini-2.5-pro", 128, 32_768, None)
FLASH = budgeted("gemini-2.5-flash", 1, 24_576, "zero")
LITE = budgeted("gemini-2.5-flash-lite", 512, 24_576, "zero")
ALL = by_levels("minimal", "low", "medium", "high")
TWO = by_levels("low", "high")
SHOWN = {"includeThoughts": True}


def thinking(sent: Encoded) -> Any:
    return json.loads(sent.body).get("generationConfig", {}).get("thinkingConfig")


@pytest.mark.parametrize(
    ("plan", "members", "wanted", "dropped"),
    [
        (PRO, {"reasoning": {"max_tokens": 50_000}}, {"thinkingBudget": 32_768}, "reasoning.max_tokens"),
        (FLASH, {"reasoning": {"max_tokens": 50_000}}, {"thinkingBudget": 24_576}, "reasoning.max_tokens"),
        (LITE, {"reasoning": {"max_tokens": 100}}, {"thinkingBudget": 512}, "reasoning.max_tokens"),
        (LITE, {"reasoning": {"max_tokens": -7}}, {"thinkingBudget": 512}, "reasoning.max_tokens"),
        (LITE, {"reasoning": {"max_tokens": 600}}, {"thinkingBudget": 600}, None),
        (PRO, {"reasoning": {"max_tokens": -1}}, {"thinkingBudget": -1}, None),
        (PRO, {"reasoning_effort": "max"}, {"thinkingBudget": 32_768}, None),
        (FLASH, {"reasoning_effort": "medium"}, {"thinkingBudget": 8192}, None),
        (
            FLASH,
            {"reasoning_effort": "low", "reasoning": {"max_tokens": 600}},
            {"thinkingBudget": 600},
            "reasoning_effort",
        ),
        (
            FLASH,
            {"reasoning": {"effort": "low", "max_tokens": 600}},
            {"thinkingBudget": 600},
            "reasoning.effort",
        ),
        (ALL, {"reasoning_effort": "minimal"}, {"thinkingLevel": "MINIMAL"}, None),
        (TWO, {"reasoning_effort": "minimal"}, {"thinkingLevel": "LOW"}, None),
        (TWO, {"reasoning_effort": "medium"}, {"thinkingLevel": "HIGH"}, None),
        (TWO, {"reasoning_effort": "max"}, {"thinkingLevel": "HIGH"}, None),
        (ALL, {"reasoning": {"max_tokens": 1024}}, {"thinkingLevel": "LOW"}, "reasoning.max_tokens"),
        (ALL, {"reasoning": {"max_tokens": 5000}}, {"thinkingLevel": "MEDIUM"}, "reasoning.max_tokens"),
        (ALL, {"reasoning": {"max_tokens": 50_000}}, {"thinkingLevel": "HIGH"}, "reasoning.max_tokens"),
        (ALL, {"reasoning": {"max_tokens": -1}}, {}, None),
        (ALL, {"reasoning": {"enabled": True}}, {}, None),
    ],
)
def test_thinking(
    plan: GeminiPlan, members: dict[str, Any], wanted: dict[str, Any], dropped: str | None
) -> None:
    sent = encoded(plan, **members)
    assert thinking(sent) == wanted | SHOWN
    assert sent.dropped == (() if dropped is None else (dropped,))


@pytest.mark.parametrize(
    ("plan", "wanted", "honoured"),
    [
        (PRO, {"thinkingBudget": 128}, False),
        (FLASH, {"thinkingBudget": 0}, True),
        (ALL, {"thinkingLevel": "MINIMAL"}, False),
        (TWO, {"thinkingLevel": "LOW"}, False),
    ],
)
@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"reasoning_effort": "none"}, "reasoning_effort"),
        ({"reasoning": {"effort": "none"}}, "reasoning"),
        ({"reasoning": {"enabled": False}}, "reasoning"),
        ({"reasoning": {"max_tokens": 0}}, "reasoning.max_tokens"),
    ],
)
def test_what_cannot_be_off_thinks_as_little_as_it_can(
    plan: GeminiPlan, wanted: dict[str, Any], honoured: bool, members: dict[str, Any], name: str
) -> None:
    sent = encoded(plan, **members)
    assert thinking(sent) == wanted
    assert sent.dropped == (() if honoured else (name,))


def test_a_model_that_is_told_nothing_says_so() -> None:
    plan = GeminiPlan(model="gemini-4-x", budgets=False, traits=traits_of("gemini-2.0-flash"))
    sent = encoded(plan, reasoning_effort="low")
    assert thinking(sent) is None
    assert sent.dropped == ("reasoning_effort",)


def of_anthropics(plan: GeminiPlan, **members: Any) -> Encoded:
    body = {"model": "x", "max_tokens": 99, "messages": [USER], **members}
    return encode(parse(anthropic_front.read_request(json.dumps(body).encode())), plan)


@pytest.mark.parametrize(
    ("plan", "members", "wanted", "dropped"),
    [
        (FLASH, {"thinking": {"type": "enabled", "budget_tokens": 2048}}, {"thinkingBudget": 2048}, ()),
        (
            FLASH,
            {"thinking": {"type": "enabled", "budget_tokens": 50_000}},
            {"thinkingBudget": 24_576},
            ("thinking.budget_tokens",),
        ),
        (
            ALL,
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            {"thinkingLevel": "MEDIUM"},
            ("thinking.budget_tokens",),
        ),
        (
            ALL,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            {"thinkingLevel": "LOW"},
            (),
        ),
        (
            FLASH,
            {"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "low"}},
            {"thinkingBudget": 2048},
            ("output_config.effort",),
        ),
        (
            ALL,
            {"output_config": {"effort": "low", "task_budget": {}}},
            {"thinkingLevel": "LOW"},
            ("output_config",),
        ),
    ],
)
def test_anthropics_words_are_named_only_where_they_are_not_honoured(
    plan: GeminiPlan, members: dict[str, Any], wanted: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    sent = of_anthropics(plan, **members)
    assert thinking(sent) == wanted | SHOWN
    assert sent.dropped == dropped


def test_anthropics_word_for_no_thinking() -> None:
    off = {"thinking": {"type": "disabled"}}
    assert of_anthropics(FLASH, **off).dropped == ()
    sent = of_anthropics(PRO, **off)
    assert (thinking(sent), sent.dropped) == ({"thinkingBudget": 128}, ("thinking",))
    hidden = of_anthropics(FLASH, thinking={"type": "enabled", "budget_tokens": 2048, "display": "omitted"})
    assert (thinking(hidden), hidden.dropped) == ({"thinkingBudget": 2048}, ())


def test_anthropics_schema_is_no_loss() -> None:
    format = {"type": "json_schema", "schema": {"type": "object"}}
    assert of_anthropics(FLASH, output_config={"format": format}).dropped == ()


def test_anthropics_words_of_another_client_are_not_read() -> None:
    sent = encoded(FLASH, thinking={"type": "enabled", "budget_tokens": 9}, output_config={"effort": "low"})
    assert (thinking(sent), sent.dropped) == (None, ("thinking", "output_config"))
