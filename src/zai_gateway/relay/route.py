"""A route: where one attempt goes, and what is the same for every request that goes there."""

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import asdict, replace

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.catalogue.model import Model, Price
from zai_gateway.dialects.dialect import EncodePlan, StreamPlan
from zai_gateway.dialects.gemini import GeminiPlan, traits_of
from zai_gateway.dialects.openai_chat import LIMIT_NAMES, Habits
from zai_gateway.providers.addressing import chat_url, members
from zai_gateway.providers.provider import Dialect, Surface
from zai_gateway.providers.registry import Provider


class Origin(StrEnum):
    """How a request comes by a model."""

    NAMED = "named"
    """It is the one that was asked for."""
    VIRTUAL = "virtual"
    """It is a target of the virtual model that was asked for."""
    BACKUP = "backup"
    """It stands in where what was asked for fails."""


class Route(Struct, frozen=True, kw_only=True, dict=True):
    """Where one attempt goes."""

    provider: Provider
    provider_key: ProviderKey
    model: Model
    origin: Origin
    price: Price | None
    """In force for this workspace; None where nobody set one."""
    allowance: int = 0
    """Nano-USD that features without a bound may cost in this attempt."""
    timeout: float | None = None
    """Seconds to the first content, after which the next route is tried; None: as long as any."""

    @cached_property
    def dialect(self) -> Dialect:
        """What its model speaks."""
        return self.provider.dialect_of(self.model.id)

    @cached_property
    def name(self) -> str:
        """The canonical name of its model."""
        return self.model.name

    @cached_property
    def url(self) -> str:
        """The address that a chat request goes to whose answer comes in one piece."""
        return chat_url(self.provider, self.provider_key.base_url, self.model.id)

    @cached_property
    def stream_url(self) -> str:
        """The address that a chat request goes to whose answer is streamed."""
        return chat_url(self.provider, self.provider_key.base_url, self.model.id, streamed=True)

    @cached_property
    def honours_limit(self) -> bool:
        """Whether the model never gives more output than a limit says."""
        return self.provider.honours_limit(self.model.id)

    @cached_property
    def tiers_differ(self) -> bool:
        """Whether the price depends on the service tier."""
        return self.price is not None and len(set(self.price.tiers.values())) > 1

    @cached_property
    def habits(self) -> Habits:
        """What its streams have in common."""
        return Habits()

    @cached_property
    def stream_plan(self) -> StreamPlan:
        """How an answer is read where the request asked for nothing in particular."""
        return StreamPlan(counting=self.provider.counting)

    def plan(self, effort: str | None) -> EncodePlan:
        """How a request is sent that asks for `effort`, where its money has no say in it.

        Limits on output tokens are sent under the name that the model takes, so that they are never dropped.
        """
        return self._plan_reasoning if self.model.reasons(effort) else self._plan

    @cached_property
    def _plan_reasoning(self) -> EncodePlan:
        return self._plan_without(refusal.parameter for refusal in self.model.refuses)

    @cached_property
    def _plan(self) -> EncodePlan:
        return self._plan_without(
            refusal.parameter for refusal in self.model.refuses if not refusal.only_when_reasoning
        )

    def _plan_without(self, refused: Iterable[str]) -> EncodePlan:
        model = self.model
        plan = EncodePlan(
            model=model.id,
            limit_name=model.limit_name or self.provider.limit_names[0],
            drop=tuple(sorted(set(refused).difference(LIMIT_NAMES))),
            ask_usage=self.provider.asks_stream_usage,
            extra=members(self.provider, model.id),
            most_output=model.max_output,
            native_schema=model.native_schema is not False,
            both_samplers=not {"temperature", "top_p"}.issubset(model.takes_one_of),
            forced_tools=model.forced_tools,
            schema_with_tools=model.schema_with_tools,
            late_system=model.late_system,
            goes_on=self.provider.goes_on,
        )
        if (thinking := model.thinking) is not None:
            by_name = self.dialect is Dialect.GEMINI or thinking.adaptive
            plan = replace(
                plan,
                efforts=thinking.efforts if by_name else (),
                budgets=thinking.least_budget is not None,
                least_budget=thinking.least_budget,
                most_budget=thinking.most_budget,
                off=thinking.off,
                off_up_to=thinking.off_up_to,
            )
        if self.dialect is Dialect.GEMINI:
            on_vertex = self.provider.surface is Surface.VERTEX
            return GeminiPlan(**asdict(plan), traits=traits_of(model.id), vertex=on_vertex)
        return plan
