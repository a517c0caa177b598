"""What Anthropic said that an answer used, in OpenAI's words."""

from zai_gateway.dialects.anthropic_usage import Told
from zai_gateway.wire.usage import Usage
from zai_gateway.wire.values import Json


def shown_usage(usage: Usage, told: Told) -> dict[str, Json]:
    """`usage` as OpenAI's clients read it: the prompt with all that was cached, the output with reasoning."""
    details: dict[str, Json] = {
        "cached_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write + usage.cache_write_long,
    }
    if usage.cache_write or usage.cache_write_long:
        details["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_long,
        }
    shown: dict[str, Json] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": details,
    }
    if told.output_tokens_details is not None:
        shown["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.searches:
        shown["server_tool_use"] = {"web_search_requests": usage.searches}
    return shown


def shown_tier(told: Told) -> str | None:
    """The tier in OpenAI's words, where it has one for it."""
    return {"standard": "default", "priority": "priority", "fast": "fast"}.get(told.tier or "")
