"""How much to think, and whether to show it: `reasoning_effort` and `reasoning` as `thinkingConfig`."""

from msgspec import Struct

from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.dialects.gemini.asked import Dropped, integer, mapping, verbatim
from zai_gateway.dialects.gemini.traits import BUDGETS, Traits
from zai_gateway.wire.fields import Fields, invalid
from zai_gateway.wire.values import Json

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_AS_IT_SEES_FIT = -1
_ZERO = "zero"
"""How the catalogue says that a budget of zero turns thinking off."""


class _Asked(Struct, frozen=True, kw_only=True):
    """What the client said of reasoning, and under which names."""

    effort: str | None
    budget: int | None
    """Tokens; `_AS_IT_SEES_FIT` leaves it to the model."""
    shown: bool
    effort_name: str
    budget_name: str

    @property
    def off(self) -> bool:
        """Whether there shall be none."""
        return self.effort == "none" or self.budget == 0

    @property
    def name(self) -> str:
        """Of what decides."""
        return self.effort_name if self.budget is None else self.budget_name


def thinking_config(
    body: Fields, plan: EncodePlan, traits: Traits, dropped: Dropped
) -> dict[str, Json] | None:
    """`thinkingConfig`, or None where nothing was asked about reasoning.

    `extra_body.google.thinking_config` (https://ai.google.dev/gemini-api/docs/openai) goes on as it is.
    What the plan says of the model goes before its traits, which are told by its name alone.
    Raises Failure for what is malformed.
    """
    google = google_body(body)
    told = None if google is None else verbatim(google, "thinking_config", "an object")
    if isinstance(told, dict):
        return told
    reasoning = mapping(body, "reasoning")
    asked = _asked(body, reasoning)
    if asked.effort is None and asked.budget is None and reasoning is None:
        return None
    config: dict[str, Json] = {}
    if plan.efforts:
        config |= _by_level(asked, plan.efforts, dropped)
    elif plan.least_budget is not None:
        config |= _by_budget(asked, plan, traits, plan.least_budget, dropped)
    elif traits.thinks and plan.budgets:
        config |= _by_traits(asked, traits, dropped)
    else:
        if not asked.off:
            dropped.note(asked.name)
        return None
    if asked.shown and not asked.off:
        config["includeThoughts"] = True
    return config or None


def google_body(body: Fields) -> Fields | None:
    """`extra_body.google`: members that Google's own server of OpenAI's dialect takes."""
    extra = mapping(body, "extra_body")
    return mapping(extra, "google") if extra is not None else None


def _asked(body: Fields, reasoning: Fields | None) -> _Asked:
    """What was asked for: zero tokens, or reasoning that is not enabled, are an effort of none."""
    effort, name = _effort(body, "reasoning_effort"), "reasoning_effort"
    # An Anthropic client's own words, of which these were made.
    budget_name = "thinking.budget_tokens" if body.has("thinking") else "reasoning.max_tokens"
    if effort == "none" and body.has("thinking"):
        name = "thinking"
    elif effort is not None and body.has("output_config"):
        name = "output_config.effort"
    if reasoning is None:
        return _Asked(effort=effort, budget=None, shown=True, effort_name=name, budget_name=budget_name)
    budget = integer(reasoning, "max_tokens")
    if effort is None:
        effort = _effort(reasoning, "effort")
        name = "reasoning" if effort in (None, "none") or budget is None else "reasoning.effort"
        name = "thinking" if body.has("thinking") else name
    if reasoning.flag("enabled") is False:
        effort, name = "none", "reasoning"
    return _Asked(
        effort=effort,
        budget=budget if effort != "none" else None,
        shown=reasoning.flag("exclude") is not True,
        effort_name=name,
        budget_name=budget_name,
    )


def _effort(fields: Fields, name: str) -> str | None:
    said = fields.text(name)
    if said is not None and said not in _EFFORTS:
        raise invalid(fields.at(name), f"one of {', '.join(_EFFORTS)}", "another word")
    return said


def _by_level(asked: _Asked, levels: tuple[str, ...], dropped: Dropped) -> dict[str, Json]:
    """For a model that is told in a word, and always thinks: of a budget it is told the word next to it."""
    effort, budget = asked.effort, asked.budget
    if asked.off:
        effort = "none"
    if budget is not None and budget != _AS_IT_SEES_FIT:
        dropped.note(asked.budget_name)
        if effort is None:
            effort = next((word for word in ("low", "medium") if budget <= BUDGETS[word]), "high")
    elif effort == "none":
        dropped.note(asked.effort_name)
    return {} if effort is None else {"thinkingLevel": _level(effort, levels)}


def _by_budget(
    asked: _Asked, plan: EncodePlan, traits: Traits, least: int, dropped: Dropped
) -> dict[str, Json]:
    """For a model that is told in tokens, of which it takes `least` and up to the plan's most."""
    budget = asked.budget
    if budget is None and asked.effort is None:
        return {}
    if budget is not None and asked.effort is not None:
        dropped.note(asked.effort_name)
    if asked.off and plan.off == _ZERO:
        return {"thinkingBudget": 0}
    if budget == _AS_IT_SEES_FIT:
        return {"thinkingBudget": budget}
    wanted = budget
    if wanted is None:
        wanted = 0 if asked.off else (traits.budgets or BUDGETS)[asked.effort or "medium"]
    within = max(wanted, least) if plan.most_budget is None else max(least, min(wanted, plan.most_budget))
    # An effort is no number of tokens: within the model's own bounds it is honoured.
    if asked.off or (budget is not None and within != budget):
        dropped.note(asked.name)
    return {"thinkingBudget": within}


def _by_traits(asked: _Asked, traits: Traits, dropped: Dropped) -> dict[str, Json]:
    """For a model of which nothing but its name is known: a budget goes on as it is."""
    config: dict[str, Json] = {}
    if asked.budget is not None:
        if asked.effort is not None:
            dropped.note(asked.effort_name)
        config["thinkingBudget"] = asked.budget
    elif asked.effort is not None and traits.budgets:
        config["thinkingBudget"] = traits.budgets[asked.effort]
    elif asked.effort is not None:
        config["thinkingLevel"] = _level(asked.effort, tuple(level.lower() for level in traits.levels))
    if asked.effort == "none" and config.get("thinkingBudget") != 0:
        # It cannot be stopped from thinking; so it thinks as little as it can.
        dropped.note(asked.effort_name)
    return config


def _level(effort: str, levels: tuple[str, ...]) -> str:
    """The level that comes next to what was asked for: the same, else the one above, else the highest."""
    wanted = _EFFORTS.index(effort)
    return next((level for level in levels if _EFFORTS.index(level) >= wanted), levels[-1]).upper()
