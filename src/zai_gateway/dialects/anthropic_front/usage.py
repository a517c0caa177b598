"""What an answer used, in Anthropic's words: cached input stands apart from the rest."""

from zai_gateway.wire.events import Reported
from zai_gateway.wire.values import Json


def told_usage(reported: Reported | None) -> dict[str, Json]:
    """`usage` of a message. Nothing is known to have been used where the provider said nothing."""
    if reported is None:
        return {"input_tokens": 0, "output_tokens": 0}
    usage = reported.usage
    told: dict[str, Json] = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_long,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_long,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "service_tier": _TIERS.get(reported.service_tier or ""),
    }
    if usage.searches:
        told["server_tool_use"] = {"web_search_requests": usage.searches, "web_fetch_requests": 0}
    return told


_TIERS = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}
"""What Anthropic calls a tier; one that it does not have is left unsaid."""
