"""The answer to a question for how many tokens go in (`POST /v1/messages/count_tokens`)."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from zai_gateway.dialects.problem import broken, problem_inside
from zai_gateway.wire.events import UpstreamProblem
from zai_gateway.wire.values import decode


class _Counted(Struct, frozen=True):
    input_tokens: Annotated[int, Meta(ge=0)]


def read_count(body: bytes) -> int | UpstreamProblem:
    """Tokens, or what is wrong with the answer although its status was 200."""
    try:
        return msgspec.json.decode(body, type=_Counted).input_tokens
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:
        value = decode(body)
    except ValueError:
        value = None
    if isinstance(value, dict) and value.get("error"):
        return problem_inside(value)
    return broken("The provider's answer is not a count of tokens.")
