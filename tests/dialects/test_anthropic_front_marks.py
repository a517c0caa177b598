"""Marks: what was packed comes back, and nothing else is taken for it."""

from base64 import urlsafe_b64encode

import pytest

from zai_gateway.dialects.anthropic_front.marks import MARK, hub_id, marked, shown_id, unmarked
from zai_gateway.wire.values import Json

SAID: dict[str, Json] = {
    "type": "message",
    "extra_content": {"google": {"parts": [{"text": each} for each in range(200)]}},
    "reasoning_details": [{"type": "reasoning.encrypted", "data": "x" * 10_000}],
}


def test_what_was_packed_comes_back() -> None:
    assert unmarked(marked(SAID)) == SAID
    assert hub_id(shown_id("call_1", {"google": {"thought_signature": "s" * 5_000}})) == (
        "call_1",
        {"google": {"thought_signature": "s" * 5_000}},
    )
    assert hub_id(shown_id("call_1", None)) == ("call_1", None)


@pytest.mark.parametrize("forged", [b'{"type":"message","a":[' + b"{}," * 100_000 + b"{}]}", b"[1]", b"\xff"])
def test_what_nobody_packed_is_none(forged: bytes) -> None:
    assert unmarked(MARK + urlsafe_b64encode(forged).decode()) is None
