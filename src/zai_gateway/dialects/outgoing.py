"""The events of one feed, with the chunks that follow each other joined into one."""

from zai_gateway.wire.events import Chunk, Event


class Outgoing:
    """Collects what a decoder found in one piece of its stream."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._chunks: list[Chunk] = []

    def chunk(self, chunk: Chunk) -> None:
        """One chunk or more."""
        self._chunks.append(chunk)

    def event(self, event: Event) -> None:
        """An event of another kind."""
        self._join()
        self._events.append(event)

    def events(self) -> list[Event]:
        """Everything so far, in its order."""
        self._join()
        return self._events

    def _join(self) -> None:
        chunks = self._chunks
        if len(chunks) == 1:
            self._events.append(chunks.pop())
        elif chunks:
            size, is_content = 0, False
            for chunk in chunks:
                size += chunk.content_bytes
                is_content = is_content or chunk.is_content
            self._events.append(Chunk(b"".join([chunk.frames for chunk in chunks]), size, is_content))
            chunks.clear()
