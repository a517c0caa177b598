"""A connection's side of a reply, without a connection: it keeps what was sent."""

from tests.clocks import HeldClock
from tests.unit.edge.requests import request
from zai_gateway.edge.letterhead import Letterhead
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import Request


class Answer:
    """One answer as it stands on the wire."""

    def __init__(self, sent: bytes) -> None:
        head, _, self.body = sent.partition(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        self.status = int(status_line.split(b" ")[1])
        rows = [line.split(b": ", 1) for line in lines]
        self.headers = {name.decode(): value.decode() for name, value in rows}
        assert len(self.headers) == len(rows)

    @property
    def named(self) -> dict[str, str]:
        """The headers without those that every answer has."""
        always = {"date", "x-request-id", "x-content-type-options"}
        assert always <= self.headers.keys()
        return {name: value for name, value in self.headers.items() if name not in always}


class Wire:
    """Implements `Carrier`."""

    def __init__(self) -> None:
        self.letterhead = Letterhead(HeldClock())
        self.writable = True
        self.ends = False
        self.sent: list[bytes] = []
        self.complete: list[ClientReply] = []
        self.waits = 0

    @property
    def answers(self) -> list[Answer]:
        """Of one reply."""
        return [Answer(b"".join(self.sent))] if self.sent else []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    async def room(self) -> None:
        self.waits += 1

    def ends_with(self, request: Request) -> bool:
        return self.ends

    def answered(self, reply: ClientReply) -> None:
        self.complete.append(reply)

    def reply(self, method: str = "POST", *, old: bool = False) -> ClientReply:
        asking = request(method)
        asking.old = old
        return ClientReply(asking, self, "req_1")
