"""Anthropic's Messages API towards the provider: requests of the hub out, its answers back as the hub's."""

from zai_gateway.dialects.anthropic_messages.answer import decode_answer
from zai_gateway.dialects.anthropic_messages.counting import read_count
from zai_gateway.dialects.anthropic_messages.request import COUNT_PATH, PATH, encode, encode_count
from zai_gateway.dialects.anthropic_messages.stream import StreamDecoder
from zai_gateway.dialects.problem import decode_error

decoder = StreamDecoder
"""Reads one stream, under the name that Dialect has for it."""

__all__ = [
    "COUNT_PATH",
    "PATH",
    "StreamDecoder",
    "decode_answer",
    "decode_error",
    "decoder",
    "encode",
    "encode_count",
    "read_count",
]
