"""What OpenAI's API knows and Anthropic's does not: refused where the answer would be wrong without it."""

from msgspec import Raw

from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.reading import is_given, read, unsupported

_SAID = frozenset(
    (
        *("model", "models", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options"),
        *("temperature", "top_p", "top_k", "stop", "tools", "tool_choice", "parallel_tool_calls"),
        *("response_format", "reasoning", "reasoning_effort", "thinking", "output_config", "cache_control"),
        *(
            "user",
            "safety_identifier",
            "metadata",
            "service_tier",
            "context_management",
            "mcp_servers",
            "container",
        ),
        *("inference_geo", "speed", "diagnostics", "output_format"),
    )
)
"""Members that are read elsewhere, or say nothing that a provider needs."""
_REFUSED = {
    "logprobs": "Anthropic's models tell no probabilities: leave it out.",
    "top_logprobs": "Anthropic's models tell no probabilities: leave it out.",
    "audio": "Anthropic's models do not speak: leave it out.",
    "web_search_options": "For Anthropic's models put its search among the tools: web_search_20250305.",
    "functions": "It is obsolete: use `tools`.",
    "function_call": "It is obsolete: use `tool_choice`.",
    "cached_content": "It names what only Google keeps: send the content itself.",
}
_NOTHING = (b"null", b"false", b"{}", b"[]", b'""')
_EVEN_EMPTY = ("web_search_options",)
"""Asked for by an object without members."""
_ZERO_IS_NOTHING = ("frequency_penalty", "presence_penalty", "top_logprobs")
_ONE_IS_NOTHING = ("temperature", "top_p")


def note_unsaid(name: str, value: Raw, notes: Notes) -> None:
    """Notes a member that is not sent, unless that makes no difference.

    Raises Failure: UNSUPPORTED_PARAMETER where the answer would be wrong without it.
    """
    if name in _SAID:
        return
    is_empty = bytes(value) in _NOTHING and (name not in _EVEN_EMPTY or not is_given(value))
    if is_empty or (name in _ZERO_IS_NOTHING and _is(value, name, 0)):
        return
    if name in _REFUSED:
        raise unsupported(name, f"`{name}` cannot be honoured. {_REFUSED[name]}")
    if name == "n":
        if not _is(value, name, 1):
            raise unsupported(
                name, "Anthropic's models make one choice: leave `n` out, or ask several times."
            )
    elif name == "modalities":
        if any(kind != "text" for kind in read(value, list[str], name)):
            raise unsupported(name, "Anthropic's models answer in text alone: leave `modalities` out.")
    else:
        notes.drop(name)


def note_refused(name: str, value: Raw, notes: Notes) -> None:
    """Notes a parameter that the model refuses, unless it takes the same value by itself."""
    # Stop sequences are looked for in the answer instead.
    if name != "stop" and is_given(value) and not (name in _ONE_IS_NOTHING and _is(value, name, 1)):
        notes.drop(name)


def _is(value: Raw, name: str, wanted: int) -> bool:
    return read(value, float, name) == wanted
