"""The registry: one readable row per vendor."""

from enum import StrEnum

from msgspec import Struct


class Auth(StrEnum):
    """How a request to a provider is signed."""

    BEARER = "bearer"
    NONE = "none"


class Provider(Struct, frozen=True, kw_only=True):
    """A vendor: where it is, how it is signed for, and where it departs from its dialect."""

    name: str
    title: str
    base_url: str
    """Where it is by default; a provider key may name another address."""
    auth: Auth
    dialect: str = "openai_chat"
    keys_url: str | None = None
    """Where a person gets a key."""
    key_variable: str | None = None
    """The environment variable in which its users keep a key."""
    asks_stream_usage: bool = True
    """Whether `stream_options.include_usage` may be asked of it (wire.md 16)."""
    limit_honoured: bool = True
    """Whether it never gives more output than the limit says."""
    standard_tier: str | None = None
    """The `service_tier` that is served at the standard price whatever the provider's account is set to."""
    never_sent: tuple[str, ...] = ()
    """Parameters that change the price, the model or the route here, and are refused with a 400."""
    unbounded: tuple[str, ...] = ()
    """Parameters whose cost nothing bounds: refused on a capped key."""


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        auth=Auth.BEARER,
        keys_url="https://platform.openai.com/api-keys",
        key_variable="OPENAI_API_KEY",
        standard_tier="default",
        # `models`, `plugins`, `provider`, `route` and `transforms` mean nothing to OpenAI itself; what stands
        # behind another base URL might heed them and change model, route or price.
        never_sent=("models", "plugins", "provider", "route", "transforms", "inference_geo"),
        # A search has a fee and brings any number of input tokens; a prediction's rejected tokens are billed
        # while its model takes no output limit; audio has prices of its own.
        unbounded=("web_search_options", "prediction", "audio", "modalities"),
    ),
    Provider(
        name="demo",
        title="Demo",
        base_url="demo:",
        auth=Auth.NONE,
        never_sent=("models", "plugins", "provider", "route", "transforms", "inference_geo"),
    ),
)


def provider(name: str) -> Provider | None:
    """The row of the vendor whose prefix is `name`."""
    return _BY_NAME.get(name)


_BY_NAME = {row.name: row for row in PROVIDERS}
