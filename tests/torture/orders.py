"""What a test tells the bank to do with a request, inside that request, and what the bank noted of it."""

from enum import StrEnum

import msgspec
from msgspec import Struct

NANO_PER_TOKEN = 1_000
"""What the bank bills for a token of output, in nano-USD: 1 USD for a million. Input is free."""
PICO_PER_TOKEN = NANO_PER_TOKEN * 1_000
PRICE = ("--input", "0", "--output", "1")
"""The same, as `zai admin price set` takes it."""
MODEL = "openai/gpt-of-the-bank"


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to do with one request: it is the text of its message. Any other text is a tag."""

    tag: str
    """What its answer, its events and its bill are found by."""
    account: str = ""
    """Whose bill it goes on: the name of the budget that the test looks at."""
    bills: int | None = None
    """Tokens that are billed, however many are allowed; None: all that are allowed."""
    at_random: bool = False
    """Bills anything up to that instead."""
    seconds: float = 0.0
    """The answer takes a random time up to this."""
    gate: str | None = None
    """Nothing is answered before this gate is open."""
    opens_at: int | None = None
    """That gate opens by itself once so many have come to it."""
    midway: str | None = None
    """After the first content of a stream, the rest waits for this gate."""
    status: int = 200
    """Another one: an error, which bills nothing."""
    leaves: bool = False
    """Bills nothing where the client has left before it is billed; else it goes on and bills."""

    @property
    def text(self) -> str:
        """As the message of a request."""
        return msgspec.json.encode(self).decode()


class Kind(StrEnum):
    """What the bank noted of a request."""

    ARRIVED = "arrived"
    MIDWAY = "midway"
    """The first content has gone out, and the rest waits."""
    BILLED = "billed"
    UNBILLED = "unbilled"
    """It ended, and bills nothing."""
    LEFT = "left"
    """The client left before the answer was whole."""
    ANSWERED = "answered"
    """The answer went out whole."""


class Event(Struct, frozen=True, kw_only=True):
    """One line of the bank's log. Amounts are in nano-USD."""

    at: float
    """Seconds of the machine's monotonic clock."""
    kind: Kind
    account: str
    tag: str
    hold: int
    """The most that the request allows to be billed."""
    billed: int = 0
    exposed: int = 0
    """Of the account after this: all that was billed, and the holds of what is not billed yet."""


class Account(Struct, kw_only=True):
    """What the bank has of one account. Amounts are in nano-USD."""

    arrived: int = 0
    """Requests."""
    billed: int = 0
    held: int = 0
    """The holds of what was neither billed nor ended without a bill."""
    most_exposed: int = 0
    """The most that was ever billed and held together."""


def order_of(text: str) -> Order:
    """The order that a message is."""
    try:
        return msgspec.json.decode(text, type=Order)
    except msgspec.DecodeError:
        return Order(tag=text)
