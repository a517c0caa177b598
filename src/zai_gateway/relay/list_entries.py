"""Entries of Anthropic's and Google's lists of models, in the words that other providers use for theirs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

_GOOGLES = "models/"
"""What the names in Google's list begin with."""


def in_usual_words(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry as most providers would write it; it itself where it is of none of these two."""
    if isinstance(fields.get("supportedGenerationMethods"), list):
        return _of_google(fields)
    if fields.get("type") == "model" and isinstance(fields.get("created_at"), str):
        return _of_anthropic(fields)
    return fields


def _of_google(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """https://ai.google.dev/api/models#Model; what answers in sound or pictures is not told apart there."""
    name, methods = fields.get("name"), cast(list[object], fields["supportedGenerationMethods"])
    usual: dict[str, Any] = {
        "id": name.removeprefix(_GOOGLES) if isinstance(name, str) else None,
        "context_length": fields.get("inputTokenLimit"),
    }
    if "embedContent" in methods:
        return {**usual, "type": "embedding"}
    if "generateContent" not in methods:
        return {**usual, "supports_chat": False}
    return {**usual, "max_output_tokens": fields.get("outputTokenLimit")}


def _of_anthropic(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """https://platform.claude.com/docs/en/api/models/list"""
    seen = [
        kind for kind, name in (("image", "image_input"), ("pdf", "pdf_input")) if _supports(fields, name)
    ]
    known = isinstance(fields.get("capabilities"), dict)
    return {
        "id": fields.get("id"),
        "created": _seconds(fields["created_at"]),
        "context_length": fields.get("max_input_tokens"),
        "max_output_tokens": fields.get("max_tokens"),
        "input_modalities": ["text", *seen] if known else None,
        "supports_chat": True,
    }


def _supports(fields: Mapping[str, Any], name: str) -> bool:
    capabilities = fields.get("capabilities")
    found = cast(dict[str, Any], capabilities).get(name) if isinstance(capabilities, dict) else None
    return isinstance(found, dict) and cast(dict[str, Any], found).get("supported") is True


def _seconds(said: str) -> int | None:
    """Seconds since 1970 of a moment by RFC 3339."""
    try:
        return int(datetime.fromisoformat(said).timestamp())
    except ValueError:
        return None
