"""Choosing: which of the listed models are text chat models, callable at /v1/chat/completions."""

from typing import Any

_OTHER_PRICES = {"audio", "search"}
"""Words in the names of chat models whose answers have fees or tokens beyond the text's."""


def left_out(id: str, row: dict[str, Any]) -> str | None:
    """Why the model is not in the catalogue; None where it is. `row` is LiteLLM's record."""
    if row.get("mode") != "chat":
        return f"mode {row.get('mode')}"
    if id.startswith("ft:"):
        return "a fine-tuned model bears its owner's name"
    endpoints: list[str] | None = row.get("supported_endpoints")
    if endpoints is not None and "/v1/chat/completions" not in endpoints:
        return "not at /v1/chat/completions"
    if _OTHER_PRICES & set(id.split("-")):
        return "has fees or tokens beyond the text's"
    if not row.get("max_input_tokens"):
        return "no source gives its limits"
    return None
