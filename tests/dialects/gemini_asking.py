"""Requests in OpenAI's shape for the Gemini dialect, made of the members that a test is about."""

import json
from typing import Any

import pytest

from zai_gateway.dialects.dialect import Encoded, EncodePlan
from zai_gateway.dialects.gemini import encode
from zai_gateway.errors import Failure
from zai_gateway.wire.chat import parse

PNG = "data:image/png;base64,aGk="
MODEL = "gemini-3-flash-preview"
USER = {"role": "user", "content": "q"}
FUNCTION: dict[str, Any] = {
    "name": "f",
    "description": "d",
    "parameters": {"type": "object", "properties": {}},
}
TOOL: dict[str, Any] = {"type": "function", "function": FUNCTION}


def encoded(plan: EncodePlan | None = None, messages: Any = None, **members: Any) -> Encoded:
    body = {"model": "x", "messages": messages or [USER], **members}
    return encode(parse(json.dumps(body).encode()), plan or EncodePlan(model=MODEL))


def made(plan: EncodePlan | None = None, messages: Any = None, **members: Any) -> dict[str, Any]:
    return json.loads(encoded(plan, messages, **members).body)


def refused(plan: EncodePlan | None = None, messages: Any = None, **members: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        encoded(plan, messages, **members)
    return caught.value
