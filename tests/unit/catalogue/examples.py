"""A model, its price and a request, each changed as a test needs it."""

from typing import Any

from msgspec.structs import replace

from zai_gateway.catalogue.model import Model, Price, Rates, Step, Tariff
from zai_gateway.wire.chat import ChatRequest

RATES = Rates(
    input=2_000_000, cache_read=200_000, cache_write=2_500_000, cache_write_long=4_000_000, output=10_000_000
)
"""2 USD per million input tokens, 0.20 read from and 2.50 or 4 written to the cache, 10 of output."""
LONG = Rates(
    input=4_000_000, cache_read=400_000, cache_write=5_000_000, cache_write_long=8_000_000, output=15_000_000
)
PRIORITY = Rates(
    input=6_000_000, cache_read=600_000, cache_write=7_500_000, cache_write_long=9_000_000, output=30_000_000
)
FLEX = Rates(
    input=1_000_000, cache_read=100_000, cache_write=1_250_000, cache_write_long=2_000_000, output=5_000_000
)
LONG_OVER = 272_000

PRICE = Price(
    tiers={
        "standard": Tariff(base=RATES, steps=(Step(over=LONG_OVER, rates=LONG),)),
        "flex": Tariff(base=FLEX),
        "priority": Tariff(base=PRIORITY),
    },
    source="made up",
    version="1",
)

MODEL = Model(
    provider="openai",
    id="example",
    context_window=1_000_000,
    max_output=100_000,
    image_tokens=1_500,
    price=PRICE,
)


def chat_request(**changes: Any) -> ChatRequest:
    """A request of 1,000 bytes in two messages that names no limit, with these fields changed."""
    plain = ChatRequest(
        body=b"x" * 1_000,
        values={},
        unread=(),
        model="openai/example",
        models=(),
        stream=False,
        include_usage=True,
        output_limit=None,
        choices=1,
        stop=(),
        reasoning_effort=None,
        service_tier=None,
        message_count=2,
        part_count=0,
        tool_count=0,
        schema_bytes=0,
        inline_images=0,
        inline_image_bytes=0,
        foreign_media=0,
        sounds=(),
        files=(),
        unbounded=(),
    )
    return replace(plain, **changes)
