"""A reply as Anthropic's clients get it: its request is named in a header of theirs too."""

from collections.abc import Sequence

from zai_gateway.relay.reply import Reply


class NamedReply:
    """Implements `relay.reply.Reply` on another one; `request-id` is where Anthropic's SDKs look."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.request_id = reply.request_id
        self.when_gone = reply.when_gone
        self.put = reply.put
        self.room = reply.room
        self.write = reply.write
        self.finish = reply.finish

    @property
    def started(self) -> bool:
        """As `Reply`."""
        return self._reply.started

    @property
    def gone(self) -> bool:
        """As `Reply`."""
        return self._reply.gone

    async def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """As `Reply`."""
        await self._reply.start(status, [*headers, ("request-id", self.request_id)])
