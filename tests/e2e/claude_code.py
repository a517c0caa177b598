"""A session of Claude Code as it asks: long instructions, twenty tools, cache marks, thinking, betas."""

from typing import Any

BETAS = ("claude-code-20250219", "interleaved-thinking-2025-05-14", "fine-grained-tool-streaming-2025-05-14")
HEADERS = {
    "anthropic-beta": ",".join(BETAS),
    "x-app": "cli",
    "user-agent": "claude-cli/2.0.14 (external, cli)",
    "anthropic-dangerous-direct-browser-access": "true",
}
USER = f"user_{'4f1c' * 16}_account__session_0f6f2a52-0f0e-4a0e-9a77-3f6d0f9f2b11"
"""Longer than the 64 characters that OpenAI takes of a `user`."""
EPHEMERAL = {"type": "ephemeral"}
IDENTITY = "You are Claude Code, Anthropic's official CLI for Claude."
INSTRUCTIONS = "\n".join(
    f"{number}. Keep rule {number}: read a file before you change it; \u201cdone\u201d \u2705 ends it."
    for number in range(1, 300)
)
THINKING = {"type": "enabled", "budget_tokens": 31_999}
SIGNATURE = "EqEECkYICxgCKkAo3UA4WwDbB8ihhpykVCsPx6iMzwNTNP8dePIgYjNpu2EWrt5JbApWWONEZaf5w46939Vu1SDU1"
"""Of a thought in a turn that Claude made before this session went on elsewhere."""

_NAMES = (
    *("Task", "Bash", "Glob", "Grep", "ExitPlanMode", "Read", "Edit", "Write", "NotebookEdit", "WebFetch"),
    *("TodoWrite", "WebSearch", "BashOutput", "KillShell", "SlashCommand", "Skill", "mcp__github__get_issue"),
    *("mcp__github__list_pull_requests", "mcp__db__query", "AskUserQuestion"),
)
"""Twenty."""


def tools() -> list[dict[str, Any]]:
    """Its tools, with schemas as those of its own."""
    return [_tool(name) for name in _NAMES]


def system() -> list[dict[str, Any]]:
    """Its instructions: two blocks, each with a cache mark."""
    return [
        {"type": "text", "text": IDENTITY, "cache_control": EPHEMERAL},
        {"type": "text", "text": INSTRUCTIONS, "cache_control": EPHEMERAL},
    ]


def beginning() -> list[dict[str, Any]]:
    """The conversation so far: a request, a signed thought with two calls, and their results."""
    return [
        {
            "role": "user",
            "content": [
                {
                    "type": "text",
                    "text": "<system-reminder>\nNo tasks yet.\n</system-reminder>",
                },
                {"type": "text", "text": "Which files are here, and what is in pyproject.toml?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I list first, and read then.", "signature": SIGNATURE},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_01A", "name": "Glob", "input": {"pattern": "*"}},
                {
                    "type": "tool_use",
                    "id": "toolu_01B",
                    "name": "Read",
                    "input": {"file_path": "/repo/pyproject.toml", "limit": 20},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_01A", "content": "README.md\npyproject.toml"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01B",
                    "content": [{"type": "text", "text": "<error>File does not exist.</error>"}],
                    "is_error": True,
                    "cache_control": EPHEMERAL,
                },
            ],
        },
    ]


def asked(model: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """One request of the session."""
    return {
        "model": model,
        "max_tokens": 32_000,
        "messages": messages,
        "system": system(),
        "tools": tools(),
        "thinking": THINKING,
        "metadata": {"user_id": USER},
    }


def _tool(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": f"The absolute path for {name}."},
            "limit": {"type": "number", "minimum": 1, "description": "How many lines."},
            "mode": {
                "type": "string",
                "enum": ["content", "files_with_matches", "count"],
                "default": "count",
            },
            "edits": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"old": {"type": "string"}, "new": {"type": "string"}},
                    "required": ["old", "new"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["file_path"],
        "additionalProperties": False,
    }
    return {
        "name": name,
        "description": f"{name}: what it does.\n\nUsage:\n- Carefully.",
        "input_schema": schema,
    }
