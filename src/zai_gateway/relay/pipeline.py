"""The pipeline: the stations that a request walks through, in order."""

from zai_gateway.accounts.caller import Caller
from zai_gateway.relay.reply import Reply


class Relay:
    """Answers chat requests, streamed or not, on one path."""

    async def answer(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers the request in `body` into `reply`.

        Raises Failure while `reply.started` is False; afterwards it ends the stream with an error event
        itself. When it returns or raises, whatever was held is settled.
        """
        raise NotImplementedError
