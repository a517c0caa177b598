"""What an Anthropic client calls what the hub has under another name, in headers and refusals alike."""

import re

from zai_gateway.wire.fields import Fields


def clients_name(name: str, original: bytes) -> str:
    """The name, or the path, of a member of the hub's as it stands in `original`, the client's request.

    One that is the same there, or that the client did not say at all, comes back as it is.
    """
    for pattern, found in _PATHS:
        name, replaced = pattern.subn(found, name)
        if replaced:
            return name
    head, dot, rest = name.partition(".")
    if head in _STRUCTURE:
        return _structure(original) + _INSIDE_SCHEMA.sub("", dot + rest)
    if head == "reasoning_effort":
        return "output_config.effort" if _has(original, "output_config", "effort") else "thinking"
    return _NAMES.get(name) or name


def clients_names(names: tuple[str, ...], original: bytes) -> tuple[str, ...]:
    """All of them, each once."""
    return tuple(dict.fromkeys(clients_name(name, original) for name in names))


def _structure(original: bytes) -> str:
    return "output_config.format" if _has(original, "output_config", "format") else "output_format"


def _has(original: bytes, holder: str, name: str) -> bool:
    raw = Fields.of_body(original).raw(holder)
    return raw is not None and raw.startswith(b"{") and Fields.of(raw, holder).has(name)


_NAMES = {
    "user": "metadata.user_id",
    "stop": "stop_sequences",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "max_completion_tokens": "max_tokens",
    "reasoning": "thinking",
    "reasoning.max_tokens": "thinking.budget_tokens",
    "reasoning.exclude": "thinking.display",
    "reasoning.enabled": "thinking",
    "strict": "tools.strict",
    "provider_blocks": "messages.content",
}
_STRUCTURE = ("response_format",)
_INSIDE_SCHEMA = re.compile(r"^\.json_schema(\.strict)?")
_PATHS = (
    (re.compile(r"^tools(\[[0-9]+\])?\.function\.parameters"), r"tools\1.input_schema"),
    (re.compile(r"^(tools(?:\[[0-9]+\])?|tool_choice)\.function\."), r"\1."),
    (re.compile(r"^stop\["), "stop_sequences["),
)
