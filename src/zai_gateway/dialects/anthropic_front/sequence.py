"""The blocks of a streamed message: one at a time from its start to its stop, whatever comes in between."""

from collections import deque

from zai_gateway.dialects.anthropic_front.arguments import Arguments
from zai_gateway.dialects.anthropic_front.blocks import Block
from zai_gateway.dialects.anthropic_front.events import DELTA_END, TEXT_HEAD, TEXT_TAIL, delta_head, framed
from zai_gateway.dialects.anthropic_front.reasoning import signature_of
from zai_gateway.wire.values import Json, encode


class StreamedBlock:
    """A block with all that it is told at its start: one that a provider made for itself, or redacted."""

    def __init__(self, start: Block) -> None:
        self.start = start
        self.waiting: list[bytes] = []
        """Deltas that came before its turn."""

    @property
    def may_start(self) -> bool:
        """Whether all is known that its start says."""
        return True

    def may_stop(self) -> bool:
        """Whether nothing of it is still to come, now that another block has begun."""
        return True

    def last(self) -> list[bytes]:
        """The deltas that close it."""
        return []


class TextBlock(StreamedBlock):
    """Text, with what it cites."""

    def __init__(self) -> None:
        super().__init__({"type": "text", "text": ""})


class Note(StreamedBlock):
    """A text that is none of the model's, whole from the start."""

    def __init__(self, text: str) -> None:
        super().__init__({"type": "text", "text": ""})
        self.waiting.append(TEXT_HEAD + encode(text)[1:-1] + TEXT_TAIL)


class ThinkingBlock(StreamedBlock):
    """Reasoning; its signature comes last."""

    def __init__(self, key: Json) -> None:
        super().__init__({"type": "thinking", "thinking": "", "signature": ""})
        self.key = key
        self.told: dict[str, Json] = {}
        """All that its pieces said beside the text."""

    def last(self) -> list[bytes]:
        signature = signature_of(self.told)
        return [encode({"type": "signature_delta", "signature": signature})] if signature else []


class CallBlock(StreamedBlock):
    """The call of a tool."""

    def __init__(self) -> None:
        super().__init__({})
        self.arguments = Arguments()
        self.came_whole = False

    @property
    def may_start(self) -> bool:
        return bool(self.start)

    def may_stop(self) -> bool:
        return self.arguments.are_whole()


class Sequence:
    """Puts blocks one behind the other: a later one waits until all before it have stopped."""

    def __init__(self) -> None:
        self._queue: deque[StreamedBlock] = deque()
        self._index = 0
        self._started = False
        self._head = b""
        self._out: list[bytes] = []
        self._whole_calls = 0
        """Of the calls in the queue, those that came whole."""

    @property
    def last(self) -> StreamedBlock | None:
        """The block that began last, unless it has stopped."""
        return self._queue[-1] if self._queue else None

    @property
    def citing(self) -> TextBlock | None:
        """The last text, unless it has stopped."""
        for block in (self._queue[-1], self._queue[0]) if self._queue else ():
            if isinstance(block, TextBlock):
                return block
        return None

    def let_wait(self, call: CallBlock) -> None:
        """Lets a call that came whole wait behind a text: sources are told last, and it may cite some."""
        call.came_whole = True
        self._whole_calls += 1

    def append(self, block: StreamedBlock) -> None:
        """Begins a block."""
        self._queue.append(block)

    def add(self, block: StreamedBlock, delta: bytes) -> None:
        """A delta of a block, as JSON; of one that has stopped it is lost."""
        if self._started and block is self._queue[0]:
            self._out += (self._head, delta, DELTA_END)
        else:
            block.waiting.append(delta)

    def add_texts(self, block: StreamedBlock, texts: list[bytes]) -> None:
        """Several deltas of text, as the insides of JSON strings, of a block that has not stopped."""
        if self._started and block is self._queue[0]:
            head = self._head + TEXT_HEAD
            self._out += (head, (_TEXT_END + head).join(texts), _TEXT_END)
        else:
            block.waiting += [TEXT_HEAD + text + TEXT_TAIL for text in texts]

    def settle(self) -> None:
        """Starts and stops what can be started and stopped."""
        queue = self._queue
        while queue:
            if not self._started:
                if not queue[0].may_start:
                    return
                self._start()
            if len(queue) < 2 or not queue[0].may_stop() or self._text_waits():
                return
            self._stop()

    def finish(self) -> None:
        """Starts and stops whatever is left."""
        while self._queue:
            if not self._started:
                self._start()
            self._stop()

    def taken(self) -> bytes:
        """All frames since the last time."""
        frames = b"".join(self._out)
        self._out.clear()
        return frames

    def _start(self) -> None:
        block = self._queue[0]
        self._started = True
        self._head = delta_head(self._index)
        self._out.append(framed("content_block_start", index=self._index, content_block=block.start))
        for delta in block.waiting:
            self._out += (self._head, delta, DELTA_END)
        block.waiting.clear()

    def _text_waits(self) -> bool:
        """Whether behind the text that has begun there is nothing but calls that came whole."""
        return isinstance(self._queue[0], TextBlock) and self._whole_calls == len(self._queue) - 1

    def _stop(self) -> None:
        block = self._queue.popleft()
        if isinstance(block, CallBlock) and block.came_whole:
            self._whole_calls -= 1
        for delta in block.last():
            self._out += (self._head, delta, DELTA_END)
        self._out.append(framed("content_block_stop", index=self._index))
        self._index += 1
        self._started = False


_TEXT_END = TEXT_TAIL + DELTA_END
