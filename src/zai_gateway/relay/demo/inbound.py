"""An answer of the demo: its pieces, each in its time."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from zai_gateway.clock import Clock
from zai_gateway.relay.upstream import Blame, UpstreamError

Sleep = Callable[[float], Awaitable[object]]


class Pacing(Struct, frozen=True):
    """How time passes between the pieces."""

    clock: Clock
    sleep: Sleep
    pause: float
    """Seconds before each piece; with none, other work still gets its turn."""


class DemoInbound:
    """Reads as an answer from the network does: it may be cancelled, closed early, and cut short.

    `broken`, where given, is raised in place of the body's end.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        pieces: Iterable[bytes],
        pacing: Pacing,
        broken: UpstreamError | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self._pieces: Iterator[bytes] = iter(pieces)
        self._pacing = pacing
        self._broken = broken
        self._piece: bytes | None = None
        self._due = 0.0

    async def read(self) -> bytes:
        """As `Inbound.read`: a piece leaves only after the wait for it, and a new call waits for the rest."""
        clock = self._pacing.clock
        if self._piece is None:
            self._piece = next(self._pieces, b"")
            self._due = clock.monotonic() + (self._pacing.pause if self._piece else 0.0)
        await self._pacing.sleep(max(0.0, self._due - clock.monotonic()))
        piece, self._piece = self._piece, None
        if not piece and self._broken is not None:
            raise self._broken
        return piece

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        """As `Inbound.pour`."""
        while piece := await self.read():
            if not take(piece):
                return False
        return True

    async def close(self) -> None:
        """As `Inbound.close`."""
        if self._piece is None:
            self._piece = next(self._pieces, b"")
        if self._piece:
            self._broken = UpstreamError(Blame.BROKEN, "the demo's answer was closed before its end")
        self._piece, self._pieces = b"", iter(())
