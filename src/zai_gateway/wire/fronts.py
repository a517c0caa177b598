"""The protocols that clients speak to the gateway."""

from enum import StrEnum


class Front(StrEnum):
    """Which of them a request came in, and its answer goes out in."""

    OPENAI = "openai"
    """`POST /v1/chat/completions`."""
    ANTHROPIC = "anthropic"
    """`POST /v1/messages`."""
