"""A vendor's row: where it is, how it is signed for, and where it departs from its dialect."""

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct

from zai_gateway.wire.usage import USUAL_COUNTING, Counting


class Auth(StrEnum):
    """How a request to a provider is signed."""

    BEARER = "bearer"
    """`authorization: Bearer KEY`."""
    API_KEY = "api-key"
    """`api-key: KEY` (Azure)."""
    X_API_KEY = "x-api-key"
    """`x-api-key: KEY` (Anthropic)."""
    GOOGLE_API_KEY = "x-goog-api-key"
    """`x-goog-api-key: KEY` (Gemini)."""
    SERVICE_ACCOUNT = "service-account"
    """`authorization: Bearer TOKEN`, where a service account's key signs the token (Google Cloud)."""
    NONE = "none"


class Surface(StrEnum):
    """How the addresses of a provider are made of its base URL."""

    PLAIN = "plain"
    """A path is put behind it."""
    AZURE = "azure"
    """Azure's v1 surface, or its deployments, by the base URL that was given (`providers.addressing`)."""
    VERTEX = "vertex"
    """Its publishers' models, below a project and a location of Google Cloud."""
    DEMO = "demo"
    """It is in this process, and has no address."""


class Dialect(StrEnum):
    """The protocol of a model's conversations."""

    OPENAI_CHAT = "openai_chat"
    ANTHROPIC_MESSAGES = "anthropic_messages"
    GEMINI = "gemini"


class Provider(Struct, frozen=True, kw_only=True):
    """A vendor: where it is, how it is signed for, and where it departs from its dialect."""

    name: str
    """Its prefix: of a custom provider the one that its provider keys give it."""
    title: str
    base_url: str
    """Where it is by default; a provider key may name another address. Empty: each provider key must."""
    address_hint: str | None = None
    """What its base URL looks like, where a provider key must name one."""
    surface: Surface = Surface.PLAIN
    auth: Auth = Auth.BEARER
    key_optional: bool = False
    """Whether it answers without a key too, as servers on one's own machine do."""
    local: bool = False
    """Whether its default address is on the machine of the gateway, so that an address may be private."""
    dialect: Dialect = Dialect.OPENAI_CHAT
    other_dialects: Mapping[str, Dialect] = {}
    """Patterns of its models that speak another one."""
    headers: tuple[tuple[str, str], ...] = ()
    """What every request to it carries beside its signature."""
    keys_url: str | None = None
    """Where a person gets a key, or reads how to run it."""
    key_variable: str | None = None
    """The environment variable in which its users keep a key."""
    address_variable: str | None = None
    """The environment variable in which its users keep the address that must be given."""
    models_path: str | None = "/models"
    """Behind the base URL: the list of the models that it serves; None where it has no such list."""
    key_path: str | None = "/models"
    """Behind the base URL: what is free and only a valid key may read; None where there is no such thing."""
    understands: frozenset[str] = frozenset()
    """What it takes that OpenAI's own chat completions have no word for, of requests that came in another
    protocol: `reasoning_content`, `reasoning_details`, `reasoning`, `cache_control`, `top_k`; and `strict`,
    where it holds to schemas that OpenAI refuses to be strict about."""
    goes_on: bool = False
    """Whether it goes on with an answer whose beginning is the last message, as Anthropic does."""
    asks_stream_usage: bool = True
    """Whether `stream_options.include_usage` may be asked of it (wire.md 16)."""
    limit_honoured: bool = True
    """Whether a limit on output tokens bounds the reasoning before them too."""
    limit_passed_by: tuple[str, ...] = ()
    """Patterns of its models whose reasoning passes the limit all the same."""
    limit_kept_by: tuple[str, ...] = ()
    """Patterns of its models that keep to the limit all the same."""
    least_output: int = 1
    """So many output tokens may come, however low the limit is."""
    limit_names: tuple[str, ...] = ("max_tokens", "max_completion_tokens")
    """What it calls the limit on output tokens; the first where neither model nor client says another."""
    counting: Counting = USUAL_COUNTING
    """How it counts what it used, and where it says what it billed."""
    bills_by_statement: bool = False
    """Whether the cost that it states (`Reported.stated_cost`) is what it bills, and is booked."""
    caps_price: bool = False
    """Whether it takes `provider.max_price`, above which it uses no host: what it serves has no one price."""
    standard_tier: str | None = None
    """The `service_tier` that is served at the standard price whatever the provider's account is set to."""
    never_sent: tuple[str, ...] = ()
    """Parameters that change the price, the model or the route here, and are refused with a 400."""
    unbounded: tuple[str, ...] = ()
    """Parameters whose cost nothing bounds: refused on a capped key."""
    covered: Mapping[str, tuple[str, ...]] = {}
    """Members of parameters in `unbounded` that are allowed all the same: the price covers them."""
    files_have_fees: bool = False
    """Whether it reads files itself, for a fee by the page, where the model does not take them."""
    quirks: tuple[str, ...] = ()
    """What a person should know of it, and what its recorded traffic showed: for docs/providers.md."""

    @property
    def needs_address(self) -> bool:
        """Whether each provider key must name a base URL."""
        return not self.base_url

    @property
    def takes_key(self) -> bool:
        """Whether a provider key may hold a secret."""
        return self.auth is not Auth.NONE

    @property
    def needs_key(self) -> bool:
        """Whether a provider key must hold a secret."""
        return self.takes_key and not self.key_optional

    def dialect_of(self, model: str) -> Dialect:
        """What `model` (its own id) speaks."""
        others = self.other_dialects.items()
        return next((dialect for pattern, dialect in others if fnmatchcase(model, pattern)), self.dialect)

    def honours_limit(self, model: str) -> bool:
        """Whether `model` (its own id) never gives more output than the limit says."""
        if any(fnmatchcase(model, pattern) for pattern in self.limit_kept_by):
            return True
        return self.limit_honoured and not any(
            fnmatchcase(model, pattern) for pattern in self.limit_passed_by
        )
