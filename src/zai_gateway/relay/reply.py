"""The port to the client: where an answer goes, whoever carries it."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Reply(Protocol):
    """The client's side of one exchange. Writing to a client that has left does nothing."""

    request_id: str
    started: bool
    """Whether a status went out: after that, trouble can only be told inside the stream."""
    gone: bool
    """Whether the client has left."""

    def when_gone(self, callback: Callable[[], None] | None) -> None:
        """Calls `callback` once when the client leaves, at once if it has left; None takes it back."""
        ...

    async def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Sends the status and these headers beside the ones that every answer has."""
        ...

    async def write(self, data: bytes) -> None:
        """Sends a piece of the body; returns when the client's connection can take more."""
        ...

    async def finish(self) -> None:
        """Ends the body."""
        ...
