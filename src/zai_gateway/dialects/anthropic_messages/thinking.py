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
"""Tokens: Anthropic refuses less, where nothing else is known of the model."""
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
    """For `output_config`; None: what stands there stays."""
    on: bool
    """Whether the request asks for reasoning, which rules other parameters out."""


class _Asked(Struct, frozen=True):
    """`reasoning`, in OpenRouter's form."""

    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None
    exclude: bool | None = None


class _Wish(Struct, frozen=True):
    """What the hub's words say together."""

    asked: _Asked
    effort: str | None
    named: str
    """The member that the effort stands in."""

    @property
    def is_off(self) -> bool:
        """Whether the model shall not reason."""
        return self.effort == "none" or self.asked.enabled is False

    def level(self) -> str | None:
        """The effort. Raises Failure for one that there is not."""
        if self.effort is not None and self.effort not in LEVELS and self.effort != "none":
            path = "reasoning.effort" if self.named == "reasoning" else self.named
            raise invalid(path, f"none, {', '.join(LEVELS)}", "none of them")
        return self.effort


class _Own(Struct, frozen=True):
    """`thinking`, as Anthropic takes it."""

    type: str | None = None
    budget_tokens: int | None = None


_NOTHING = Thinking(None, None, False)
_OFF = ("disabled", "between_tools")


def thinking_of(
    values: Mapping[str, Raw], limit: int, plan: EncodePlan, notes: Notes, *, lowered: bool
) -> Thinking:
    """What a hub request's `thinking`, `reasoning` and `reasoning_effort` come to, under `limit` tokens.

    Anthropic's own words, `thinking` or an effort in `output_config`, go on as they are and win over the
    hub's where both say the same, unless the limit was `lowered` here to below a budget.
    Raises Failure for an effort that there is not, or a budget below Anthropic's least.
    """
    config = read_given(values.get("output_config", NULL), dict[str, Raw], "output_config") or {}
    own_effort = read_given(config.get("effort", NULL), str, "output_config.effort")
    wish = _wish(values)
    member = values.get("thinking", NULL)
    if is_given(member):
        own = _own(member, limit if lowered else None, plan, notes)
        if own_effort is None and own.on and wish.effort is not None and not wish.is_off:
            return Thinking(own.member, _level(wish.level(), wish.named, plan, notes), True)
        return own
    if wish.is_off:
        return _off(wish, own_effort, plan, notes)
    if own_effort is not None:
        return _NOTHING
    asked, effort = wish.asked, wish.level()
    if asked.max_tokens is not None and (plan.budgets or effort is None):
        return _within(asked, limit, plan, notes)
    if effort is None and not asked.enabled:
        return _NOTHING
    if plan.efforts:
        if asked.max_tokens is not None:
            notes.drop("reasoning", "reasoning.max_tokens")
        level = _level(effort, wish.named, plan, notes)
        return Thinking(_shown({"type": "adaptive"}, asked), level, True)
    return _budgeted(_BUDGETS[effort or _USUAL], asked, limit, plan, notes)


def _wish(values: Mapping[str, Raw]) -> _Wish:
    asked = read_given(values.get("reasoning", NULL), _Asked, "reasoning") or _Asked()
    if asked.effort is not None:
        return _Wish(asked, asked.effort, "reasoning")
    effort = read_given(values.get("reasoning_effort", NULL), str, "reasoning_effort")
    return _Wish(asked, effort, "reasoning_effort")


def _own(member: Raw, limit: int | None, plan: EncodePlan, notes: Notes) -> Thinking:
    own = read(member, _Own, "thinking")
    least = _least(plan)
    if limit is None or own.budget_tokens is None or own.budget_tokens < limit or limit <= least:
        return Thinking(member, None, own.type not in _OFF)
    notes.drop("thinking", "thinking.budget_tokens")
    fitting: Block = {**read_object(member, "thinking"), "budget_tokens": max(least, limit * 4 // 5)}
    return Thinking(fitting, None, True)


def _off(wish: _Wish, own_effort: str | None, plan: EncodePlan, notes: Notes) -> Thinking:
    """No reasoning; where the model cannot do without, as little as it can, which is then noted.

    A model of which nothing is known is told nothing.
    """
    # By itself no model reasons at an effort that is too great for it to be off.
    if plan.off is not None and (own_effort is None or _may_be_off(own_effort, plan)):
        return Thinking({"type": plan.off}, None, False)
    if not plan.efforts:
        return _NOTHING
    notes.drop("reasoning" if wish.asked.enabled is False else wish.named)
    return Thinking(None, plan.efforts[0] if own_effort is None else None, False)


def _may_be_off(effort: str, plan: EncodePlan) -> bool:
    """Whether reasoning may be off at this effort. Of a word that is unknown here the provider says so."""
    if plan.off_up_to is None or effort not in LEVELS:
        return True
    return LEVELS.index(effort) <= LEVELS.index(plan.off_up_to)


def _within(asked: _Asked, limit: int, plan: EncodePlan, notes: Notes) -> Thinking:
    budget, least = asked.max_tokens or 0, _least(plan)
    if budget < least:
        raise invalid("reasoning.max_tokens", f"an integer of at least {least}", "a smaller one")
    if not plan.budgets and plan.efforts:
        notes.drop("reasoning", "reasoning.max_tokens")
        return Thinking(_shown({"type": "adaptive"}, asked), None, True)
    most = limit - 1 if plan.most_budget is None else min(limit - 1, plan.most_budget)
    if budget > most:
        notes.drop("reasoning", "reasoning.max_tokens")
    return _budgeted(budget, asked, limit, plan, notes, share=most)


def _budgeted(
    budget: int, asked: _Asked, limit: int, plan: EncodePlan, notes: Notes, *, share: int | None = None
) -> Thinking:
    """A budget that leaves a fifth of all output for the answer; no reasoning where it cannot be."""
    most = limit * 4 // 5 if share is None else share
    least = _least(plan)
    if not plan.budgets or limit <= least:
        notes.drop(_asked_by(asked))
        return _NOTHING
    within = max(least, min(budget, most))
    return Thinking(_shown({"type": "enabled", "budget_tokens": within}, asked), None, True)


def _least(plan: EncodePlan) -> int:
    return LEAST_BUDGET if plan.least_budget is None else plan.least_budget


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
