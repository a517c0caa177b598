"""Reasoning turned off, or asked for in two ways at once, by what each of Anthropic's models takes."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.dialects.anthropic_sending import ADAPTIVE, PLAN, UNFORCED, encoded, refusal, sent
from zai_gateway.dialects.dialect import Encoded, EncodePlan

BETWEEN = replace(UNFORCED, off="between_tools", off_up_to="high")
BUDGETED = EncodePlan(model="m", most_output=64_000, least_budget=2000, most_budget=8000, off="disabled")
WAYS: list[dict[str, Any]] = [
    {"reasoning_effort": "none"},
    {"reasoning": {"effort": "none"}},
    {"reasoning": {"enabled": False}},
]


def said(request: Encoded) -> tuple[Any, Any]:
    """`thinking` and the effort that are sent."""
    body = json.loads(request.body)
    return body.get("thinking"), body.get("output_config", {}).get("effort")


@pytest.mark.parametrize("asked", WAYS)
def test_off_is_said_in_the_models_own_word(asked: dict[str, Any]) -> None:
    for plan in (ADAPTIVE, BETWEEN, BUDGETED):
        request = encoded(plan, **asked)
        assert (said(request), request.dropped) == (({"type": plan.off}, None), ())
    assert "thinking" not in sent(PLAN, **asked)


@pytest.mark.parametrize("asked", WAYS)
def test_what_cannot_be_off_reasons_as_little_as_it_can(asked: dict[str, Any]) -> None:
    request = encoded(UNFORCED, **asked)
    assert (said(request), request.dropped) == ((None, "low"), tuple(asked))


def test_off_beside_an_effort_of_anthropics_own() -> None:
    for effort, off in (("low", True), ("high", True), ("max", False)):
        request = encoded(BETWEEN, reasoning_effort="none", output_config={"effort": effort})
        assert said(request) == ({"type": "between_tools"} if off else None, effort)
        assert request.dropped == (() if off else ("reasoning_effort",))
    always = encoded(UNFORCED, reasoning={"enabled": False}, output_config={"effort": "high"})
    assert (said(always), always.dropped) == ((None, "high"), ("reasoning",))
    anywhere = encoded(ADAPTIVE, reasoning_effort="none", output_config={"effort": "max"})
    assert said(anywhere) == ({"type": "disabled"}, "max")
    later = encoded(BETWEEN, reasoning_effort="none", output_config={"effort": "utmost"})
    assert said(later) == ({"type": "between_tools"}, "utmost")


def test_an_effort_beside_thinking_of_anthropics_own() -> None:
    adaptive = {"type": "adaptive"}
    assert said(encoded(ADAPTIVE, thinking=adaptive, reasoning_effort="high")) == (adaptive, "high")
    lower = encoded(ADAPTIVE, thinking=adaptive, reasoning={"effort": "xhigh"})
    assert (said(lower), lower.dropped) == ((adaptive, "high"), ("reasoning",))
    own = encoded(ADAPTIVE, thinking=adaptive, reasoning_effort="high", output_config={"effort": "low"})
    assert said(own) == (adaptive, "low")
    for off in ("disabled", "between_tools"):
        assert said(encoded(ADAPTIVE, thinking={"type": off}, reasoning_effort="high")) == (
            {"type": off},
            None,
        )


def test_a_budget_is_what_the_model_takes() -> None:
    for asked, budget, dropped in ((2000, 2000, ()), (9000, 8000, ("reasoning.max_tokens",))):
        request = encoded(BUDGETED, reasoning={"max_tokens": asked})
        assert json.loads(request.body)["thinking"]["budget_tokens"] == budget
        assert request.dropped == dropped
    few = refusal(BUDGETED, reasoning={"max_tokens": 1999})
    assert few.param == "reasoning.max_tokens"
    assert "2000" in few.message
    assert sent(BUDGETED, reasoning_effort="minimal")["thinking"]["budget_tokens"] == 2000
    named = encoded(ADAPTIVE, reasoning={"effort": "low", "max_tokens": 5000})
    assert (said(named), named.dropped) == (({"type": "adaptive"}, "low"), ("reasoning.max_tokens",))
