"""Requests that a client sends before it has the answer to the last: a line, in which only so much waits."""

from asyncio import Transport
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl

MOST_IN_LINE = 100
"""Requests of one connection that may wait for their turn. What comes behind them is not read."""


class LineFlow(FlowControl):
    """Reads nothing more while a request waits in `line`: all that came would be kept in memory."""

    def __init__(self, transport: Transport, line: Sized) -> None:
        super().__init__(transport)
        self._line = line

    def resume_reading(self) -> None:
        """Reads on where nothing waits in line; the last one in it, when its turn comes, asks again."""
        if not self._line:
            super().resume_reading()
