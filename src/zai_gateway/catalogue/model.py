"""A model and its price: the facts that routing, quoting and metering need."""

from collections.abc import Mapping

from msgspec import Struct


class Rates(Struct, frozen=True, kw_only=True):
    """Prices of the usage buckets, each in pico-USD per token."""

    input: int
    cache_read: int
    cache_write: int
    cache_write_long: int
    output: int


class Tariff(Struct, frozen=True, kw_only=True):
    """The rates of one service tier; a prompt over `long_over` tokens makes every token cost `long`."""

    base: Rates
    long_over: int | None = None
    long: Rates | None = None

    def rates(self, prompt: int) -> Rates:
        """What each token costs where `prompt` tokens went in, cached ones included (wire.md 29)."""
        is_long = self.long_over is not None and prompt > self.long_over
        return self.long if is_long and self.long else self.base


class Price(Struct, frozen=True, kw_only=True):
    """What a model costs, by service tier, and where that is known from."""

    tiers: Mapping[str, Tariff]
    """At least `standard`; `flex`, `priority` and others where the provider sells them."""
    source: str
    version: str
    """Names the table in force; frozen in the hold and kept in the ledger."""


class Refusal(Struct, frozen=True, kw_only=True):
    """A request parameter that a model refuses: renamed, dropped or done here before it is sent."""

    parameter: str
    only_when_reasoning: bool = False
    """Refused only while the model reasons (`reasoning_effort` other than `none`)."""


class Model(Struct, frozen=True, kw_only=True):
    """One model of one provider; facts that nobody published are None."""

    provider: str
    id: str
    """The provider's own id, without its prefix."""
    aliases: tuple[str, ...] = ()
    context_window: int | None = None
    max_output: int | None = None
    reasoning: bool = False
    default_effort: str | None = None
    """The reasoning effort where the request names none; None: the model always reasons, or never does."""
    refuses: tuple[Refusal, ...] = ()
    limit_name: str | None = None
    """What the model calls the limit on output tokens; None: unknown."""
    image_tokens: int | None = None
    """The most input tokens that one image in the body can cost; None: unknown."""
    price: Price | None = None
    released: int = 0
    """Seconds since 1970, for `created` in the model list; 0 where unknown."""

    @property
    def name(self) -> str:
        """The canonical `provider/model id`."""
        return f"{self.provider}/{self.id}"

    def reasons(self, effort: str | None) -> bool:
        """Whether it reasons when a request asks for `effort`, or for none in particular (None)."""
        return self.reasoning and (effort or self.default_effort) != "none"

    def refused(self, effort: str | None) -> frozenset[str]:
        """The parameters that it refuses at this reasoning effort."""
        reasons = self.reasons(effort)
        return frozenset(
            refusal.parameter for refusal in self.refuses if reasons or not refusal.only_when_reasoning
        )
