"""A model and its price: the facts that routing, quoting and metering need."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from msgspec import Meta, Struct

from zai_gateway.catalogue.thinking import Thinking

Fee = Annotated[int, Meta(ge=0, le=10**15)]
"""Pico-USD; at most 1,000 USD."""
_Overhead = Annotated[int, Meta(ge=0, le=10**9)]


class Rates(Struct, frozen=True, kw_only=True):
    """Prices of the usage buckets, each in pico-USD per token."""

    input: int
    cache_read: int
    cache_write: int
    cache_write_long: int
    output: int

    @property
    def dearest_input(self) -> int:
        """The most that an input token can cost."""
        return max(self.input, self.cache_read, self.cache_write, self.cache_write_long)


class Step(Struct, frozen=True, kw_only=True):
    """The rates of every token where the prompt is over a number of tokens."""

    over: int
    rates: Rates


class Tariff(Struct, frozen=True, kw_only=True, dict=True):
    """The rates of one service tier; longer prompts may cost more for every token, in one step or several."""

    base: Rates
    steps: tuple[Step, ...] = ()
    """By `over`, the least first."""

    def rates(self, prompt: int) -> Rates:
        """What each token costs where `prompt` tokens went in, cached ones included (wire.md 29)."""
        if not self.steps:
            return self.base
        return next((step.rates for step in reversed(self.steps) if prompt > step.over), self.base)

    def applicable(self, prompt: int) -> tuple[Rates, ...]:
        """All that can apply where at most `prompt` tokens go in."""
        return (self.base, *(step.rates for step in self.steps if prompt > step.over))

    def dearest(self, prompt: int) -> tuple[int, int]:
        """Pico-USD that a token in and a token out can cost where at most `prompt` tokens go in."""
        if not self.steps or prompt <= self.steps[0].over:
            return self._dearest_at_base
        applicable = self.applicable(prompt)
        return max(rates.dearest_input for rates in applicable), max(rates.output for rates in applicable)

    @cached_property
    def _dearest_at_base(self) -> tuple[int, int]:
        return self.base.dearest_input, self.base.output


class Fees(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is charged beside tokens, each in pico-USD."""

    request: Fee = 0
    """Each request."""
    request_most: Fee = 0
    """Each request, at the dearest of what it may ask for; 0 where that makes no difference."""
    image: Fee = 0
    """Each image that goes in."""
    search: Fee = 0
    """Each search of the web that the answer reports."""


NO_FEES = Fees()


class Price(Struct, frozen=True, kw_only=True):
    """What a model costs, by service tier, and where that is known from."""

    tiers: Mapping[str, Tariff]
    """At least `standard`; `flex`, `priority`, `batch` and others where the provider sells them."""
    fees: Fees = NO_FEES
    since: int = 0
    """When it comes into force, in seconds since 1970; 0: from the beginning."""
    source: str
    version: str
    """Names the table in force; frozen in the hold and kept in the ledger."""


class Refusal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A request parameter that a model refuses: renamed, dropped or done here before it is sent."""

    parameter: str
    only_when_reasoning: bool = False
    """Refused only while the model reasons (`reasoning_effort` other than `none`)."""


class Overhead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Input tokens that a provider may add to what stands in a request (spend.md, "The worst case")."""

    prompt: _Overhead = 2_048
    """To any prompt, such as its own instructions for tools."""
    message: _Overhead = 16
    """Around each message beyond its bytes."""
    tool: _Overhead = 0
    """Around each tool beyond twice the bytes of its schema."""
    part: _Overhead = 0
    """Around each part of a message's content beyond its bytes."""


USUAL_OVERHEAD = Overhead()


class Kind(StrEnum):
    """What a model is for."""

    CHAT = "chat"
    """It answers conversations with text."""
    EMBEDDING = "embedding"
    """It makes vectors of texts, and has a price of input alone."""


class Model(Struct, frozen=True, kw_only=True):
    """One model of one provider; facts that nobody published are None."""

    provider: str
    id: str
    """The provider's own id, without its prefix."""
    aliases: tuple[str, ...] = ()
    kind: Kind = Kind.CHAT
    context_window: int | None = None
    """Tokens of a conversation and its answer; of an embedding model, of one text."""
    max_output: int | None = None
    dimensions: int | None = None
    """Of an embedding model: the numbers in a vector where a request asks for none in particular."""
    reasoning: bool = False
    default_effort: str | None = None
    """The reasoning effort where the request names none; None: the model always reasons, or never does."""
    refuses: tuple[Refusal, ...] = ()
    takes_one_of: tuple[str, ...] = ()
    """Parameters of which a request may have one, and no more."""
    thinking: Thinking | None = None
    """How it is told how much to think, where that is not OpenAI's dialect; None: in no way, or unknown."""
    native_schema: bool | None = None
    """Whether it answers by a JSON schema without a tool that is forced for it; None: unknown."""
    schema_with_tools: bool = True
    """Whether it takes such a schema beside tools."""
    forced_tools: bool = True
    """Whether a request may force it to call a tool."""
    prefill: bool = True
    """Whether a conversation may end with the beginning of its answer."""
    late_system: bool = False
    """Whether a conversation may have system messages in its midst."""
    limit_name: str | None = None
    """What the model calls the limit on output tokens; None: unknown."""
    image_tokens: int | None = None
    """The most input tokens that one image in the body can cost; None: unknown."""
    inputs: tuple[str, ...] = ()
    """The modalities that it takes (`text`, `image`, `audio`, `video`, `pdf`); none where unknown."""
    outputs: tuple[str, ...] = ()
    """The modalities that it answers in; none where unknown."""
    tools: bool | None = None
    """Whether it calls tools; None: unknown."""
    overhead: Overhead = USUAL_OVERHEAD
    unbounded: str | None = None
    """Why nothing bounds what a request costs: it searches or calls models by itself. None: bounded."""
    price: Price | None = None
    """In force when the data was compiled."""
    later_prices: tuple[Price, ...] = ()
    """Announced ones by `since`, the earliest first."""
    earlier_prices: tuple[Price, ...] = ()
    """Those that were in force before, by `since`, the earliest first."""
    released: int = 0
    """Seconds since 1970, for `created` in the model list; 0 where unknown."""

    @property
    def name(self) -> str:
        """The canonical `provider/model id`."""
        return f"{self.provider}/{self.id}"

    def price_at(self, now: int) -> Price | None:
        """The price in force at a moment in seconds since 1970; None where nobody published one."""
        if self.price is None:
            return None
        known = (*self.earlier_prices, self.price, *self.later_prices)
        return next((price for price in reversed(known) if price.since <= now), known[0])

    def reasons(self, effort: str | None) -> bool:
        """Whether it reasons when a request asks for `effort`, or for none in particular (None)."""
        return self.reasoning and (effort or self.default_effort) != "none"

    def refused(self, effort: str | None) -> frozenset[str]:
        """The parameters that it refuses at this reasoning effort."""
        reasons = self.reasons(effort)
        return frozenset(
            refusal.parameter for refusal in self.refuses if reasons or not refusal.only_when_reasoning
        )
