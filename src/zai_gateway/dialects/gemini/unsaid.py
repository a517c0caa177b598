"""The members of a request that Gemini's protocol has no word for: left out and named, or refused."""

from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.dialects.gemini.asked import Dropped, mapping, unsupported
from zai_gateway.wire.fields import Fields
from zai_gateway.wire.values import decode

_TAKEN = frozenset(
    (
        *("model", "models", "messages", "stream", "stream_options", "temperature", "top_p", "top_k"),
        *("max_tokens", "max_completion_tokens", "n", "stop", "seed", "presence_penalty"),
        *("frequency_penalty", "logprobs", "top_logprobs", "response_format", "tools", "tool_choice"),
        *("functions", "function_call", "parallel_tool_calls", "reasoning", "reasoning_effort", "modalities"),
        *("web_search_options", "service_tier", "safety_settings", "cached_content", "tool_config"),
        *("generation_config", "extra_body"),
    )
)
"""The members that are read; any other is left out, and named."""
_REFUSED = {
    "mcp_servers": "Anthropic alone calls MCP servers by itself. Call them in the client, as tools.",
    "container": "only Anthropic runs code in containers. Leave it out.",
    "inference_geo": "Google promises no place where requests are worked on. Leave it out.",
}
"""What the answer would be another without."""
_NOTHING = (b"null", b"{}", b"[]", b'""', b'"standard"')


def note_unsaid(body: Fields, plan: EncodePlan, dropped: Dropped) -> None:
    """Notes the members that are not sent and whose absence can be noticed.

    Raises Failure: UNSUPPORTED_PARAMETER for those that cannot be left out.
    """
    for name, value in body.values.items():
        if name in _REFUSED:
            if bytes(value) not in _NOTHING:
                raise unsupported(name, f"`{name}` cannot be said to Gemini: {_REFUSED[name]}")
        elif not body.has(name):
            continue
        elif (name not in _TAKEN and not _stands_elsewhere(body, name)) or _is_refused(body, plan, name):
            dropped.note(name)


def _stands_elsewhere(body: Fields, name: str) -> bool:
    """Whether all that a member of Anthropic's says stands in the hub's own words too, which are read."""
    if name == "thinking":
        return body.has("reasoning") or body.has("reasoning_effort")
    if name != "output_config":
        return False
    config = mapping(body, name)
    return config is not None and body.has("reasoning_effort") and config.values.keys() <= {"effort"}


def _is_refused(body: Fields, plan: EncodePlan, name: str) -> bool:
    """Whether the model refuses a parameter that the client sent, and its absence can be noticed."""
    if name not in plan.drop or name == "stop":
        return False
    # A model that refuses these takes their default, so that saying it or not is the same.
    return not (name in ("temperature", "top_p") and decode(bytes(body.values[name])) == 1)
