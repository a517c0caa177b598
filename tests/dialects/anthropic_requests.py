"""Small requests of Anthropic's, and what the hub makes of them."""

import json
from typing import Any

from zai_gateway.dialects.anthropic_front import read_request


def hub(request: Any) -> dict[str, Any]:
    return json.loads(read_request(json.dumps(request).encode()))


def ask(*content: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    """A request with one message of these blocks."""
    return {"model": "m", "max_tokens": 9, "messages": [{"role": role, "content": [*content]}]} | more


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words} | more
