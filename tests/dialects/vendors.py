"""Recorded exchanges as exchanges with a vendor of the registry, or with a custom provider."""

import json
from collections.abc import Mapping
from typing import Any

from tests.dialects.corpus import Exchange
from tests.dialects.streams import json_of
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat import StreamDecoder, StreamPlan, decode_answer
from zai_gateway.providers.registry import Provider, provider_of
from zai_gateway.wire.events import Answer, Reported

_OTHER_NAMES = {
    "azure_openai": "azure",
    "zai": "zhipu",
    "anthropic": "anthropic-openai",
    "gemini": "gemini-openai",
}
"""What the records call a vendor that has another prefix here; the last two as servers of this dialect."""
_NAMING = Naming(id="cmpl_test", model="vendor/model", created=1_700_000_000)


def prefix_of(exchange: Exchange) -> str:
    """The prefix under which the vendor is known here: its row's, or one of a custom provider."""
    return _OTHER_NAMES.get(exchange.provider, exchange.provider.replace("_", "-"))


def row_of(exchange: Exchange) -> Provider:
    return provider_of(prefix_of(exchange))


def model_of(exchange: Exchange) -> str:
    """The model that was asked for; where that was not published, or not said, the one that answered."""
    asked: Any = json.loads(exchange.request.bytes or b"{}")
    named = asked.get("model") or next((each["model"] for each in said(exchange) if each.get("model")), None)
    return named or "unpublished"


def said(exchange: Exchange) -> list[dict[str, Any]]:
    """What the provider said: an answer, or the chunks of a stream; nothing where it refused."""
    if exchange.is_stream:
        return json_of(exchange.response.bytes)
    return [json.loads(exchange.response.bytes)] if exchange.is_answer else []


def told(exchange: Exchange) -> Mapping[str, Any] | None:
    """The provider's last report of what it used, wherever in its answer that stands."""
    for each in reversed(said(exchange)):
        groq: dict[str, Any] = each.get("x_groq") or {}
        if usage := each.get("usage") or groq.get("usage"):
            return usage
    return None


def reported(exchange: Exchange) -> Reported | None:
    """What the dialect reads out of the answer, for the vendor that gave it."""
    counting = row_of(exchange).counting
    if exchange.is_stream:
        decoder = StreamDecoder(_NAMING, StreamPlan(counting=counting))
        events = [*decoder.feed(exchange.response.bytes), *decoder.end()]
        reports = [event for event in events if isinstance(event, Reported)]
        return reports[-1] if reports else None
    if not exchange.is_answer:
        return None
    answer = decode_answer(exchange.response.bytes, _NAMING, counting=counting)
    return answer.reported if isinstance(answer, Answer) else None
