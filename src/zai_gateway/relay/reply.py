"""The port to the client: where an answer goes, whoever carries it."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Reply(Protocol):
    """The client's side of one exchange. Writing to a client that has left does nothing."""

    request_id: str

    @property
    def started(self) -> bool:
        """Whether a status went out: after that, trouble can only be told inside the stream."""
        ...

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        ...

    def when_gone(self, callback: Callable[[], None] | None) -> None:
        """Calls `callback` once when the client leaves, at once if it has left; None takes it back."""
        ...

    async def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Sends the status and these headers beside the ones that every answer has."""
        ...

    def put(self, data: bytes) -> bool:
        """Sends a piece of the body; says whether the client's connection can take more."""
        ...

    async def room(self) -> None:
        """Returns when the client's connection can take more, or is gone."""
        ...

    async def write(self, data: bytes) -> None:
        """Sends a piece of the body, and waits for `room`."""
        ...

    async def finish(self) -> None:
        """Ends the body."""
        ...
