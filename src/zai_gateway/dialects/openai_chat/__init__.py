"""OpenAI's chat completions, the hub of all dialects: bytes pass through but for the named splices."""

from zai_gateway.dialects.dialect import Encoded, EncodePlan, StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat.answer import decode_answer
from zai_gateway.dialects.openai_chat.habits import Habits
from zai_gateway.dialects.openai_chat.plainly import plainly
from zai_gateway.dialects.openai_chat.request import (
    LIMIT_NAMES,
    PATH,
    PREFERENCES,
    SPLICED,
    encode,
)
from zai_gateway.dialects.openai_chat.stream import StreamDecoder
from zai_gateway.dialects.problem import decode_error

__all__ = [
    "LIMIT_NAMES",
    "PATH",
    "PREFERENCES",
    "SPLICED",
    "EncodePlan",
    "Encoded",
    "Habits",
    "Naming",
    "StreamDecoder",
    "StreamPlan",
    "decode_answer",
    "decode_error",
    "encode",
    "plainly",
]
