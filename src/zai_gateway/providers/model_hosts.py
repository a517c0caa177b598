"""Vendors that serve models of others."""

from zai_gateway.providers.common import AS_OPENAI, OPEN_ENDED, ROUTING
from zai_gateway.providers.provider import Provider
from zai_gateway.wire.usage import Counting, Statement

OPENROUTER = Provider(
    name="openrouter",
    title="OpenRouter",
    base_url="https://openrouter.ai/api/v1",
    keys_url="https://openrouter.ai/settings/keys",
    key_variable="OPENROUTER_API_KEY",
    key_path="/key",
    # https://openrouter.ai/docs/use-cases/usage-accounting; its bills show that output includes reasoning.
    counting=Counting(
        reasoning_apart=False,
        cache_apart=False,
        statement=Statement(path=("cost",), beside=("cost_details", "upstream_inference_cost")),
    ),
    bills_by_statement=True,
    caps_price=True,  # https://openrouter.ai/docs/features/provider-routing#max-price
    limit_passed_by=("x-ai/*",),
    least_output=16,
    # https://openrouter.ai/docs/api-reference/overview, "Assistant Prefill"
    goes_on=True,
    understands=frozenset({"cache_control", "reasoning", "reasoning_content", "reasoning_details", "top_k"}),
    never_sent=(*ROUTING, "preset"),
    unbounded=OPEN_ENDED,
    # https://openrouter.ai/docs/features/multimodal/pdfs; recorded: 0.002 USD beside the tokens.
    files_have_fees=True,
    quirks=(
        "Which vendor answers, and so the price, is its choice; what it billed is what is booked.",
        "On an account's own key of another vendor its `cost` is its fee alone: that vendor's part is added.",
        "An error says that a provider had one; that provider's own words are taken out of `metadata.raw`.",
        "An error after the first content stands inside a choice.",
        "The reasoning of xAI's models passes the output limit.",
        "OpenAI's models give up to 16 tokens where a lower limit is asked for.",
    ),
)
GROQ = Provider(
    name="groq",
    title="Groq",
    base_url="https://api.groq.com/openai/v1",
    keys_url="https://console.groq.com/keys",
    key_variable="GROQ_API_KEY",
    limit_names=("max_completion_tokens", "max_tokens"),
    counting=AS_OPENAI,
    standard_tier="on_demand",
    never_sent=ROUTING,
    unbounded=(*OPEN_ENDED, "compound_custom", "search_settings", "documents"),
    quirks=(
        "Usage of a stream stands in `x_groq.usage` too.",
        "A stream that fails ends with `event: error`, such as `tool_use_failed`.",
    ),
)
TOGETHER = Provider(
    name="together",
    title="Together AI",
    base_url="https://api.together.xyz/v1",
    keys_url="https://api.together.ai/settings/api-keys",
    key_variable="TOGETHER_API_KEY",
    limit_names=("max_tokens",),
    counting=AS_OPENAI,
    never_sent=ROUTING,
    # Another model reads along, and is billed.
    unbounded=(*OPEN_ENDED, "safety_model"),
    quirks=("It gives usage unasked. Cached tokens stand in `cached_tokens`.",),
)
FIREWORKS = Provider(
    name="fireworks",
    title="Fireworks AI",
    base_url="https://api.fireworks.ai/inference/v1",
    keys_url="https://app.fireworks.ai/settings/users/api-keys",
    key_variable="FIREWORKS_API_KEY",
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("The id of a model is a path: `fireworks/accounts/fireworks/models/NAME`.",),
)
CEREBRAS = Provider(
    name="cerebras",
    title="Cerebras",
    base_url="https://api.cerebras.ai/v1",
    keys_url="https://cloud.cerebras.ai",
    key_variable="CEREBRAS_API_KEY",
    limit_names=("max_completion_tokens", "max_tokens"),
    counting=AS_OPENAI,
    understands=frozenset({"strict"}),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
)
NVIDIA = Provider(
    name="nvidia",
    title="NVIDIA",
    base_url="https://integrate.api.nvidia.com/v1",
    keys_url="https://build.nvidia.com/settings/api-keys",
    key_variable="NVIDIA_API_KEY",
    key_path=None,
    limit_names=("max_tokens",),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("Its list of models is public, so that nothing free of charge tells whether it takes a key.",),
)
SAMBANOVA = Provider(
    name="sambanova",
    title="SambaNova",
    base_url="https://api.sambanova.ai/v1",
    keys_url="https://cloud.sambanova.ai/apis",
    key_variable="SAMBANOVA_API_KEY",
    key_path=None,
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("Its list of models is public, so that nothing free of charge tells whether it takes a key.",),
)
HUGGINGFACE = Provider(
    name="huggingface",
    title="Hugging Face",
    base_url="https://router.huggingface.co/v1",
    keys_url="https://huggingface.co/settings/tokens",
    key_variable="HF_TOKEN",
    key_path=None,
    limit_names=("max_tokens",),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=(
        "A router: `MODEL:PROVIDER` says who answers, and so at which price.",
        "Its list of models is public, so that nothing free of charge tells whether it takes a key.",
        "Some errors are plain text, or a text in `error` beside `error_type`.",
    ),
)
