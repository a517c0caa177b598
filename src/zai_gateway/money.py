"""Money as integers: pico-USD per token, nano-USD in the books, micro-USD to the world."""

import re
from decimal import Decimal

from zai_gateway.errors import OperatorError

PICO_PER_NANO = 1_000
NANO_PER_MICRO = 1_000
NANO_PER_USD = 1_000_000_000
PICO_PER_TOKEN_OF_USD_PER_MILLION = 1_000_000
"""A price of 1 USD per million tokens is this many pico-USD per token."""

_PLAIN_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
"""Short enough for Decimal to hold it, scaled, without rounding."""

MAX_NANO = 2**63 - 1
"""The most that a 64-bit column holds: about 9.2 billion USD."""


def nano_from_pico(pico: int) -> int:
    """Pico-USD as nano-USD, rounded up: a cost is never booked below what it is."""
    return -(-pico // PICO_PER_NANO)


def micro_from_nano(nano: int) -> int:
    """Nano-USD as micro-USD, rounded up, as every amount shown outside is."""
    return -(-nano // NANO_PER_MICRO)


def nano_from_usd(text: str, field: str) -> int:
    """An amount in words (`5`, `5.00`, `0.000001`) as nano-USD.

    Raises OperatorError, naming `field`, for what is not a plain decimal, is negative, is finer than a
    nano-USD, or is more than the books hold.
    """
    nano = _scaled(text, field, NANO_PER_USD)
    if nano > MAX_NANO:
        raise OperatorError(f"{field}: {text} USD is more than the books can hold (9.2 billion USD).")
    return nano


def pico_per_token(text: str, field: str) -> int:
    """A price in USD per million tokens (`0.75`) as pico-USD per token; errors as `nano_from_usd`."""
    return _scaled(text, field, PICO_PER_TOKEN_OF_USD_PER_MILLION)


def usd(nano: int) -> str:
    """Nano-USD in words: at least two decimals, and as many as needed (`5.00`, `0.018234`)."""
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    whole, rest = divmod(nano, NANO_PER_USD)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def _scaled(text: str, field: str, scale: int) -> int:
    if not _PLAIN_DECIMAL.fullmatch(text):
        raise OperatorError(f"{field}: {text!r} is not an amount in USD of zero or more, such as 5.00.")
    scaled = Decimal(text) * scale
    if scaled != int(scaled):
        raise OperatorError(f"{field}: {text} has more decimals than the books keep.")
    return int(scaled)
