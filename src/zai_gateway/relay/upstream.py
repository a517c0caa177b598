"""The port to an upstream: bytes out; status, headers and bytes in, whether from the network or the demo."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Outbound(Struct, frozen=True, kw_only=True):
    """A signed request, ready to send."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    """Carries the provider's secret: never logged, never put into an error."""
    body: bytes
    private: bool = False
    """Whether its address may be a private one: the operator set it, or allows that to everybody."""


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long an upstream may take, each in seconds."""

    connect: float = 10.0
    """Name resolution, TCP, and a proxy's leave where one stands between."""
    tls: float = 10.0
    """The TLS handshake."""
    first_byte: float = 600.0
    """From the request sent to the head of the answer."""
    silence: float = 300.0
    """Between two arrivals of the body, while whoever reads it keeps up."""
    total: float | None = None
    """From the request sent to the end of the answer; None: as long as it takes."""


class Blame(StrEnum):
    """Where a request broke, which decides what it may have cost."""

    CONNECT = "connect"
    """No connection: name, route, port. Nothing was sent."""
    TLS = "tls"
    """The certificate or the handshake failed. Nothing was sent."""
    TIMEOUT = "timeout"
    """Sent, and then too long a silence."""
    BROKEN = "broken"
    """Sent, and then the connection ended or the answer broke HTTP's rules."""


class UpstreamError(Exception):
    """The request could not be carried out. `definite`: no byte was sent, so it cost nothing."""

    def __init__(self, blame: Blame, message: str) -> None:
        super().__init__(message)
        self.blame = blame
        self.message = message
        self.definite = blame in (Blame.CONNECT, Blame.TLS)


def unnoticed() -> None:
    """For who need not know when a request is sent."""


class Inbound(Protocol):
    """An answer whose head is here and whose body comes in pieces."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of a repeated header, the first."""

    async def read(self) -> bytes:
        """The next piece of the body as it arrived, empty at its end.

        May be cancelled and called again: no byte is lost, and the allowed silence does not begin anew.
        Raises UpstreamError: a body that is cut short is never taken for a whole one.
        """
        ...

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        """Gives each piece to `take` as it arrives, until that says False; says whether the body has ended.

        Costs less than a `read` for each: `take` is called where the piece arrives, and the task sleeps on.
        As `read`, it may be cancelled and called again. Raises what `take` raises, and UpstreamError.
        """
        ...

    async def close(self) -> None:
        """Lets go of the answer. Before its end this closes the connection, so that the upstream notices."""
        ...


class Upstream(Protocol):
    """Something that answers requests. Redirects are not followed; bodies are not decompressed."""

    def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Awaitable[Inbound]:
        """Sends, and returns when the head of the answer is here. Raises UpstreamError.

        `sending` is called before the first byte leaves: what is cancelled earlier cost nothing.
        """
        ...
