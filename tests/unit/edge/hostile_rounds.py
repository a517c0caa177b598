"""Many hostile clients, one after the other and at once, and what the server holds when they are gone."""

import gc
import socket
from collections import Counter
from pathlib import Path
from random import Random

from tests.unit.edge.hostility import HOSTILE, POST, closes, resets
from tests.unit.edge.served import Served
from zai_gateway.edge.connection import Connection
from zai_gateway.edge.reader import Reader
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import Request

_AT_ONCE = 10
_KINDS = (Connection, Reader, Request, ClientReply)


class Rounds:
    """Rounds of clients drawn by `draw`."""

    def __init__(self, door: Served, draw: Random) -> None:
        self._door = door
        self._draw = draw

    def run(self, rounds: int) -> None:
        """So many clients; at its end all of them are gone."""
        for _ in range(0, rounds, _AT_ONCE):
            clients = [self._client() for _ in range(_AT_ONCE)]
            for client in clients:
                self._leaves(client)
        self._door.nothing_is_left()

    def held(self) -> Counter[str]:
        """What the process holds: open files, and objects of connections by their kind."""
        held: Counter[str] = Counter(files=_open_files())
        gc.collect()
        for each in gc.get_objects():
            if isinstance(each, _KINDS):
                held[type(each).__name__] += 1
        return held

    def _client(self) -> socket.socket:
        connection = self._door.connect()
        hostile = HOSTILE[self._draw.choice(list(HOSTILE))]
        if self._draw.random() < 0.5:
            for step in hostile.does:
                step(connection)
        else:
            # A request that is cut off anywhere.
            connection.sendall(POST[: self._draw.randrange(len(POST) + 1)])
        return connection

    def _leaves(self, connection: socket.socket) -> None:
        if connection.fileno() >= 0:
            self._draw.choice([closes, resets])(connection)


def _open_files() -> int:
    for listed in (Path("/proc/self/fd"), Path("/dev/fd")):
        if listed.is_dir():
            return sum(1 for _ in listed.iterdir())
    return 0
