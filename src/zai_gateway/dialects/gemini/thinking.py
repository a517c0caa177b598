"""How much to think, and whether to show it: `reasoning_effort` and `reasoning` as `thinkingConfig`."""

from zai_gateway.dialects.gemini.asked import Dropped, integer, mapping, verbatim
from zai_gateway.dialects.gemini.traits import HIGH, LOW, MEDIUM, MINIMAL, Traits
from zai_gateway.wire.fields import Fields, invalid
from zai_gateway.wire.values import Json

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LEVELS = (MINIMAL, MINIMAL, LOW, MEDIUM, HIGH, HIGH, HIGH)
_ORDER = (MINIMAL, LOW, MEDIUM, HIGH)


def thinking_config(body: Fields, traits: Traits, dropped: Dropped) -> dict[str, Json] | None:
    """`thinkingConfig`, or None where nothing was asked about reasoning.

    `extra_body.google.thinking_config` (https://ai.google.dev/gemini-api/docs/openai) goes on as it is.
    Raises Failure for what is malformed.
    """
    google = google_body(body)
    told = None if google is None else verbatim(google, "thinking_config", "an object")
    if isinstance(told, dict):
        return told
    reasoning = mapping(body, "reasoning")
    effort, budget, shown = _asked(body, reasoning)
    if effort is None and budget is None and reasoning is None:
        return None
    if not traits.thinks:
        if effort != "none" and budget != 0:
            dropped.note("reasoning_effort" if body.has("reasoning_effort") else "reasoning")
        return None
    config: dict[str, Json] = {}
    if budget is not None:
        config["thinkingBudget"] = budget
    elif effort is not None and traits.budgets:
        config["thinkingBudget"] = traits.budgets[effort]
    elif effort is not None:
        config["thinkingLevel"] = _level(effort, traits)
    if effort == "none" and config.get("thinkingBudget") != 0:
        # It cannot be stopped from thinking; so it thinks as little as it can.
        dropped.note("reasoning_effort" if body.has("reasoning_effort") else "reasoning")
    if shown and effort != "none" and budget != 0:
        config["includeThoughts"] = True
    return config or None


def google_body(body: Fields) -> Fields | None:
    """`extra_body.google`: members that Google's own server of OpenAI's dialect takes."""
    extra = mapping(body, "extra_body")
    return mapping(extra, "google") if extra is not None else None


def _asked(body: Fields, reasoning: Fields | None) -> tuple[str | None, int | None, bool]:
    """The effort and the budget that were asked for, and whether thoughts may be shown."""
    effort = _effort(body, "reasoning_effort")
    if reasoning is None:
        return effort, None, True
    effort = effort or _effort(reasoning, "effort")
    if reasoning.flag("enabled") is False:
        effort = "none"
    budget = integer(reasoning, "max_tokens")
    return effort, budget if effort != "none" else None, reasoning.flag("exclude") is not True


def _effort(fields: Fields, name: str) -> str | None:
    said = fields.text(name)
    if said is not None and said not in _EFFORTS:
        raise invalid(fields.at(name), f"one of {', '.join(_EFFORTS)}", "another word")
    return said


def _level(effort: str, traits: Traits) -> str:
    """The level that comes next to what was asked for: the same, else the one above, else the highest."""
    wanted = _ORDER.index(_LEVELS[_EFFORTS.index(effort)])
    return next((level for level in traits.levels if _ORDER.index(level) >= wanted), traits.levels[-1])
