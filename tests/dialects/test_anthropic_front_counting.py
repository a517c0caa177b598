"""The guess at a request's tokens, held against what Anthropic counted."""

import json
from statistics import median
from typing import Any

import pytest

from tests.dialects.anthropic_requests import ask, text
from tests.dialects.corpus import packed
from zai_gateway.dialects.anthropic_front import count_tokens, estimate
from zai_gateway.dialects.anthropic_front.counting import DOCUMENT_TOKENS, IMAGE_TOKENS
from zai_gateway.errors import Failure

COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
NOT_IN_THE_BODY = (b'"image"', b'"document"', b"_20", b"container", b"mcp_servers")
"""What brings tokens that nobody can guess from here: media, and Anthropic's own tools."""


def ratios() -> list[float]:
    """The guess by the count, of each recorded exchange in which text alone counts."""
    found: list[float] = []
    for exchange in packed("messages"):
        body = exchange.request.bytes
        if body is None or exchange.is_stream or exchange.response.status != 200:
            continue
        answer: dict[str, Any] = json.loads(exchange.response.bytes)
        usage: dict[str, Any] = answer.get("usage", answer)
        if not any(word in body for word in NOT_IN_THE_BODY):
            found.append(estimate(body) / sum(usage.get(name) or 0 for name in COUNTS))
    return found


def test_the_guess_is_near() -> None:
    found = ratios()
    assert len(found) == 125
    assert 0.8 < median(found) < 1.2
    assert sum(0.5 < ratio < 2 for ratio in found) > 0.8 * len(found)


def guess(*content: Any, **more: Any) -> int:
    body = ask(*content, **more)
    told = json.loads(count_tokens(json.dumps(body).encode()))
    assert told.keys() == {"input_tokens"}
    return told["input_tokens"]


def test_everything_that_is_read_counts() -> None:
    bare = guess(text("x"))
    words = "word " * 80
    assert guess(text(words)) - bare == 99
    assert guess(text("x"), system=words) - bare == 100
    assert guess(text("x"), tools=[{"name": "f", "input_schema": {}}]) > bare + 500
    later: dict[str, Any] = {"name": "f", "input_schema": {}, "description": words, "defer_loading": True}
    assert guess(text("x"), tools=[later]) == bare + 500
    assert guess(text("x"), output_config={"format": {"type": "json_schema", "schema": {}}}) > bare
    result = {"type": "tool_result", "tool_use_id": "a", "content": words}
    assert guess(text("x"), result) - bare == 100


def test_media_count_by_their_kind_and_not_by_their_bytes() -> None:
    bare = guess(text("x"))
    image = {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}
    assert guess(text("x"), {"type": "image", "source": image}) - bare == IMAGE_TOKENS
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "A" * 120_000}
    assert guess(text("x"), {"type": "document", "source": pdf}) - bare == 3 * DOCUMENT_TOKENS
    plain = {"type": "text", "media_type": "text/plain", "data": "A" * 400}
    assert guess(text("x"), {"type": "document", "source": plain}) - bare == 100
    stored = {"type": "file", "file_id": "file_1"}
    assert guess(text("x"), {"type": "document", "source": stored}) - bare == DOCUMENT_TOKENS


def test_what_is_no_request_is_not_counted() -> None:
    with pytest.raises(Failure):
        count_tokens(b'{"model":"m"}')
