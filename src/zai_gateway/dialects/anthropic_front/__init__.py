"""Anthropic's Messages API as its clients speak it to Z-AI: requests for the hub, and its answers back."""

from zai_gateway.dialects.anthropic_front.answer import write_answer
from zai_gateway.dialects.anthropic_front.counting import count_tokens, estimate
from zai_gateway.dialects.anthropic_front.events import PING
from zai_gateway.dialects.anthropic_front.failures import error_body
from zai_gateway.dialects.anthropic_front.names import clients_names
from zai_gateway.dialects.anthropic_front.passed_stream import PassedStream
from zai_gateway.dialects.anthropic_front.passing import pass_answer, pass_request
from zai_gateway.dialects.anthropic_front.places import in_clients_words
from zai_gateway.dialects.anthropic_front.prefill import refuse_prefill
from zai_gateway.dialects.anthropic_front.request import read_request
from zai_gateway.dialects.anthropic_front.stream import MessageStream

__all__ = [
    "PING",
    "MessageStream",
    "PassedStream",
    "clients_names",
    "count_tokens",
    "error_body",
    "estimate",
    "in_clients_words",
    "pass_answer",
    "pass_request",
    "read_request",
    "refuse_prefill",
    "write_answer",
]
