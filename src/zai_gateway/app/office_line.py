"""The line between a gateway and its office: what is asked and told on it, in frames."""

import msgspec
from msgspec import Struct

from zai_gateway import __version__
from zai_gateway.edge.bridge import Inquiry
from zai_gateway.edge.page import Page
from zai_gateway.errors import Code, Failure
from zai_gateway.storage.bootstrap import SCHEMA

RELEASE = f"{__version__}, schema {SCHEMA}"
LENGTH_BYTES = 4
"""Before each frame: its length, the highest byte first."""


class Plan(Struct, frozen=True, kw_only=True):
    """The first frame, to the office: what it works with."""

    release: str
    """Of the gateway: its files may have been replaced since it started."""
    data: bytes
    """The data directory, as the system spells it (`os.fsencode`)."""
    variables: dict[bytes, bytes]
    """The environment, likewise, with what the command line gave instead."""
    store_seconds: float
    """For an answer of the store."""
    log_level: str


class Asked(Struct, frozen=True, array_like=True):
    """A frame to the office."""

    id: int
    inquiry: Inquiry


class Refusal(Struct, frozen=True, array_like=True):
    """A failure."""

    code: Code
    message: str
    retry_after: float | None

    @classmethod
    def of(cls, failure: Failure) -> "Refusal":
        """The failure as it crosses the line."""
        return cls(failure.code, failure.message, failure.retry_after)

    def failure(self) -> Failure:
        """The same on this side of it."""
        return Failure(self.code, self.message, retry_after=self.retry_after)


class Told(Struct, frozen=True, array_like=True):
    """A frame from the office: what came of the inquiry with this id; None: of all, for it cannot work."""

    id: int | None
    page: Page | None = None
    refusal: Refusal | None = None
    """In the place of a page."""


def framed(frame: Struct) -> bytes:
    """The frame as it goes over the line."""
    body = msgspec.msgpack.encode(frame)
    return len(body).to_bytes(LENGTH_BYTES) + body
