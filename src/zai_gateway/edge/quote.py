"""`POST /v1/quote`: what would become of a chat request, in JSON; amounts in micro-USD."""

from msgspec import Struct
from msgspec.json import encode

from zai_gateway.catalogue.model import Price
from zai_gateway.catalogue.tiers import STANDARD
from zai_gateway.errors import Failure
from zai_gateway.money import NANO_PER_MICRO, micro_from_nano
from zai_gateway.relay.quoting import Candidate, Quote
from zai_gateway.wire.failure import status_of


class Prices(Struct, frozen=True, kw_only=True):
    """The standard price of a prompt that is not long, in micro-USD per million tokens."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    source: str
    version: str


class Row(Struct, frozen=True, kw_only=True):
    """A model that would be tried."""

    model: str
    provider: str
    fits: bool
    """Whether the money of the key suffices for it, and nothing else stands in its way."""
    worst_case_micro_usd: int | None
    max_tokens: int | None
    price: Prices | None


class Refused(Struct, frozen=True, kw_only=True):
    """The error that the chat call would end in."""

    code: str
    message: str
    status: int


class Block(Struct, frozen=True, kw_only=True):
    """The whole answer."""

    object: str = "quote"
    model: str | None
    would_send: bool
    error: Refused | None
    candidates: list[Row]
    free_micro_usd: int | None


def quote_json(quote: Quote) -> bytes:
    """The quote as it is answered."""
    block = Block(
        model=quote.answering.model if quote.answering else None,
        would_send=quote.answering is not None,
        error=_error(quote.refusal) if quote.refusal else None,
        candidates=[_row(candidate) for candidate in quote.candidates],
        # Rounded down: no more is free than what is said to be.
        free_micro_usd=None if quote.free is None else quote.free // NANO_PER_MICRO,
    )
    return encode(block)


def _row(candidate: Candidate) -> Row:
    worst = candidate.worst_case
    return Row(
        model=candidate.model,
        provider=candidate.provider,
        fits=candidate.refusal is None,
        worst_case_micro_usd=None if worst is None else micro_from_nano(worst),
        max_tokens=candidate.output_limit,
        price=_prices(candidate.price) if candidate.price else None,
    )


def _prices(price: Price) -> Prices:
    rates = price.tiers[STANDARD].base
    # A pico-USD per token is a micro-USD per million tokens.
    return Prices(
        input=rates.input,
        output=rates.output,
        cache_read=rates.cache_read,
        cache_write=rates.cache_write,
        source=price.source,
        version=price.version,
    )


def _error(failure: Failure) -> Refused:
    return Refused(code=failure.code.value, message=failure.message, status=status_of(failure))
