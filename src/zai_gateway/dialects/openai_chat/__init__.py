"""OpenAI's chat completions, the hub of all dialects: bytes pass through but for the named splices."""

from zai_gateway.dialects.openai_chat.answer import decode_answer
from zai_gateway.dialects.openai_chat.naming import Naming
from zai_gateway.dialects.openai_chat.problem import decode_error
from zai_gateway.dialects.openai_chat.request import (
    LIMIT_NAMES,
    PATH,
    PREFERENCES,
    SPLICED,
    Encoded,
    EncodePlan,
    encode,
)
from zai_gateway.dialects.openai_chat.stream import StreamDecoder, StreamPlan

__all__ = [
    "LIMIT_NAMES",
    "PATH",
    "PREFERENCES",
    "SPLICED",
    "EncodePlan",
    "Encoded",
    "Naming",
    "StreamDecoder",
    "StreamPlan",
    "decode_answer",
    "decode_error",
    "encode",
]
