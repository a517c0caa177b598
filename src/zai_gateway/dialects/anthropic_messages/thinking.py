"""How long the model reasons: efforts and budgets of the hub in Anthropic's words."""

from collections.abc import Mapping

from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.reading import (
    NULL,
    Block,
    is_given,
    read,
    read_given,
    read_object,
)
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.wire.fields import invalid

LEAST_BUDGET = 1024
"""Tokens: Anthropic refuses less."""
LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Efforts, rising; beside them `none`."""
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 65_536}
"""Tokens, for a model that takes no effort by its name."""
_USUAL = "medium"
"""The effort where reasoning is asked for without one."""


class Thinking(Struct, frozen=True):
    """What the request says of reasoning."""

    member: Raw | Block | None
    """`thinking`; None: it is not sent."""
    effort: str | None
    """For `output_config`."""
    on: bool
    """Whether the model reasons, which rules other parameters out."""


class _Asked(Struct, frozen=True):
    """`reasoning`, in OpenRouter's form."""

    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None
    exclude: bool | None = None


class _Own(Struct, frozen=True):
    """`thinking`, as Anthropic takes it."""

    type: str | None = None
    budget_tokens: int | None = None


_NOTHING = Thinking(None, None, False)


def thinking_of(
    values: Mapping[str, Raw], limit: int, plan: EncodePlan, notes: Notes, *, lowered: bool
) -> Thinking:
    """What a hub request's `thinking`, `reasoning` and `reasoning_effort` come to, under `limit` tokens.

    Anthropic's own words, `thinking` or an effort in `output_config`, go on as they are and win over the
    hub's, unless the limit was `lowered` here to below a budget.
    Raises Failure for an effort that there is not, or a budget below Anthropic's least.
    """
    member = values.get("thinking", NULL)
    if is_given(member):
        return _own(member, limit if lowered else None, notes)
    config = read_given(values.get("output_config", NULL), dict[str, Raw], "output_config") or {}
    if "effort" in config:
        return _NOTHING
    asked = read_given(values.get("reasoning", NULL), _Asked, "reasoning") or _Asked()
    named = "reasoning" if asked.effort is not None else "reasoning_effort"
    effort = asked.effort
    if effort is None:
        effort = read_given(values.get("reasoning_effort", NULL), str, "reasoning_effort")
    if effort is not None and effort not in LEVELS and effort != "none":
        path = "reasoning.effort" if named == "reasoning" else named
        raise invalid(path, f"none, {', '.join(LEVELS)}", "none of them")
    if effort == "none" or asked.enabled is False:
        # What takes efforts by name may reason of itself where nothing is said.
        return Thinking({"type": "disabled"} if plan.efforts else None, None, False)
    if asked.max_tokens is not None and (plan.budgets or effort is None):
        return _within(asked, limit, plan, notes)
    if effort is None and not asked.enabled:
        return _NOTHING
    if plan.efforts:
        level = _level(effort, named, plan, notes) if effort is not None else None
        return Thinking(_shown({"type": "adaptive"}, asked), level, True)
    return _budgeted(_BUDGETS[effort or _USUAL], asked, limit, plan, notes)


def _own(member: Raw, limit: int | None, notes: Notes) -> Thinking:
    own = read(member, _Own, "thinking")
    if limit is None or own.budget_tokens is None or own.budget_tokens < limit or limit <= LEAST_BUDGET:
        return Thinking(member, None, own.type != "disabled")
    notes.drop("thinking", "thinking.budget_tokens")
    fitting: Block = {**read_object(member, "thinking"), "budget_tokens": max(LEAST_BUDGET, limit * 4 // 5)}
    return Thinking(fitting, None, True)


def _within(asked: _Asked, limit: int, plan: EncodePlan, notes: Notes) -> Thinking:
    budget = asked.max_tokens or 0
    if budget < LEAST_BUDGET:
        raise invalid("reasoning.max_tokens", f"an integer of at least {LEAST_BUDGET}", "a smaller one")
    if not plan.budgets and plan.efforts:
        notes.drop("reasoning", "reasoning.max_tokens")
        return Thinking(_shown({"type": "adaptive"}, asked), None, True)
    if budget >= limit:
        notes.drop("reasoning", "reasoning.max_tokens")
    return _budgeted(budget, asked, limit, plan, notes, share=limit - 1)


def _budgeted(
    budget: int, asked: _Asked, limit: int, plan: EncodePlan, notes: Notes, *, share: int | None = None
) -> Thinking:
    """A budget that leaves a fifth of all output for the answer; no reasoning where it cannot be."""
    most = limit * 4 // 5 if share is None else share
    if not plan.budgets or limit <= LEAST_BUDGET:
        notes.drop(_asked_by(asked))
        return _NOTHING
    within = max(LEAST_BUDGET, min(budget, most))
    return Thinking(_shown({"type": "enabled", "budget_tokens": within}, asked), None, True)


def _level(effort: str | None, named: str, plan: EncodePlan, notes: Notes) -> str | None:
    """The level that the model takes: the next below where it has not this one, which is then noted."""
    if effort is None or effort in plan.efforts:
        return effort
    if not plan.efforts:
        notes.drop(named)
        return None
    notes.drop(named)
    below = [level for level in plan.efforts if level in LEVELS[: LEVELS.index(effort)]]
    return below[-1] if below else plan.efforts[0]


def _shown(member: Block, asked: _Asked) -> Block:
    if asked.exclude is not None:
        member["display"] = "omitted" if asked.exclude else "summarized"
    return member


def _asked_by(asked: _Asked) -> str:
    return "reasoning" if asked != _Asked() else "reasoning_effort"
