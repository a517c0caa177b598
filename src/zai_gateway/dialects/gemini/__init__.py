"""Gemini's generateContent, at its own API and on Vertex AI, where only address and auth differ."""

from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini.address import BASE_URL, VERTEX_BASE_URL, embedding_path, path
from zai_gateway.dialects.gemini.answer import decode_answer
from zai_gateway.dialects.gemini.problem import decode_error
from zai_gateway.dialects.gemini.request import encode
from zai_gateway.dialects.gemini.stream import StreamDecoder
from zai_gateway.dialects.gemini.traits import GeminiPlan, Traits, traits_of
from zai_gateway.dialects.naming import Naming

__all__ = [
    "BASE_URL",
    "VERTEX_BASE_URL",
    "GeminiPlan",
    "StreamDecoder",
    "Traits",
    "decode_answer",
    "decode_error",
    "decoder",
    "embedding_path",
    "encode",
    "path",
    "traits_of",
]


def decoder(naming: Naming, plan: StreamPlan) -> StreamDecoder:
    """Reads one stream."""
    return StreamDecoder(naming, plan)
