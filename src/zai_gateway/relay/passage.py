"""The passage of one stream from its upstream to the client: piece by piece, but for its end."""

from zai_gateway.dialects.dialect import Decoder
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.relay.upstream import Inbound
from zai_gateway.wire.events import Chunk, Event, Finished, Reported, UpstreamProblem


class Passage:
    """What happens to each piece, where it arrives: no task is woken for it as long as nobody has to wait."""

    problem: UpstreamProblem | None = None
    """The upstream's own."""

    def __init__(self, decoder: Decoder, meter: Meter, writer: StreamWriter) -> None:
        self._decoder = decoder
        self._meter = meter
        self._writer = writer

    def take(self, data: bytes) -> bool:
        """Passes a piece on; says whether the next one may follow at once."""
        events = self._decoder.feed(data)
        if len(events) == 1:
            event = events[0]
            if isinstance(event, Chunk) and event.is_content:
                self._meter.saw_content(event.content_bytes)
                return self._writer.put(event.frames, True)
        return self._pass(events)

    def end(self) -> None:
        """The upstream's body is at its end."""
        self._pass(self._decoder.end())

    def _pass(self, events: list[Event]) -> bool:
        frames: list[bytes] = []
        has_content = False
        for event in events:
            if isinstance(event, Chunk):
                frames.append(event.frames)
                if event.is_content:
                    has_content = True
                    self._meter.saw_content(event.content_bytes)
            elif isinstance(event, Reported):
                self._meter.reported = event
            elif isinstance(event, Finished):
                self._meter.complete = True
            else:
                self.problem = event
        if self._meter.complete:
            self._writer.hold(frames)
            return False
        if frames and not self._writer.put(b"".join(frames), has_content):
            return False
        return self.problem is None


async def pump(
    inbound: Inbound, decoder: Decoder, meter: Meter, writer: StreamWriter
) -> UpstreamProblem | None:
    """Passes the stream on but for its end; gives the upstream's problem where it had one.

    What comes together with the end is held, to go out with it. Raises UpstreamError where the connection
    broke.
    """
    passage = Passage(decoder, meter, writer)
    while True:
        if await inbound.pour(passage.take):
            passage.end()
        if meter.complete:
            return None
        await writer.room()
        if passage.problem is not None:
            return passage.problem
