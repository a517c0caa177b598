"""How a model of Anthropic or Google is told how much to think."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Effort = Literal["minimal", "low", "medium", "high", "xhigh", "max"]
"""From the least to the most."""
Switch = Literal["disabled", "between_tools", "zero"]
"""`thinking: {type: disabled}` and `{type: between_tools}` (Anthropic), a budget of zero tokens (Google)."""
_Tokens = Annotated[int, Meta(ge=1, le=10**9)]


class Thinking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the model takes, beside saying nothing."""

    efforts: tuple[Effort, ...] = ()
    """The words it takes (Anthropic's `output_config.effort`, Google's `thinkingLevel`), the least first."""
    adaptive: bool = False
    """Whether it takes Anthropic's `thinking: {type: adaptive}`, or Google's budget of -1: as it sees fit."""
    least_budget: _Tokens | None = None
    """The smallest budget of tokens that it takes, but for zero; None: it takes no budget."""
    most_budget: _Tokens | None = None
    """The largest; None: only the limit on output tokens bounds it."""
    off: Switch | None = None
    """What turns thinking off; None: nothing does."""
    off_up_to: Effort | None = None
    """The greatest effort at which it may be off; None: any."""
