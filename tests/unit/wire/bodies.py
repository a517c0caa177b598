"""Bodies of chat requests, and what their refusals have in common."""

import json
from typing import Any

import pytest

from zai_gateway.errors import Failure
from zai_gateway.wire.chat import parse

CANARY = "canary-5d1f"


def body(**fields: Any) -> bytes:
    """A small request with these fields beside, or in place of, the two that it must have."""
    return json.dumps({"model": "p/m", "messages": [{"role": "user", "content": "hi"}]} | fields).encode()


def refused(text: bytes) -> Failure:
    with pytest.raises(Failure) as failure:
        parse(text)
    assert CANARY not in str(failure.value)
    return failure.value
