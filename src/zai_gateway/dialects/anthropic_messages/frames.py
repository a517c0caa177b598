"""The chunks of one stream: what never changes in them is prepared, what was said is put between."""

import msgspec

from zai_gateway.dialects.anthropic_messages.keepsakes import thought
from zai_gateway.dialects.anthropic_messages.reading import Written
from zai_gateway.dialects.naming import CHUNK, Naming
from zai_gateway.wire.events import Chunk

_TAIL = b'},"finish_reason":null}]}\n\n'


class Frames:
    """Writes chunks under one name."""

    def __init__(self, naming: Naming) -> None:
        named = {"id": naming.id, "object": CHUNK, "created": naming.created, "model": naming.model}
        self._named = named
        begins = b"data: " + _WRITER.encode(named)[:-1] + b',"choices":[{"index":0,"delta":{'
        self._begins = begins
        self._content = begins + b'"content":'

    def role(self) -> Chunk:
        """The chunk that begins an answer."""
        return Chunk(self._begins + b'"role":"assistant","content":""' + _TAIL, 0, False)

    def content(self, text: str) -> Chunk:
        """A piece of the text."""
        said = _WRITER.encode(text)
        return Chunk(self._content + said + _TAIL, size_of(text), True)

    def around_content(self) -> tuple[bytes, ...]:
        """What stands around a piece of text, in JSON."""
        return self._content, _TAIL

    def around_arguments(self, call: int) -> tuple[bytes, ...]:
        """The same around a piece of a call's arguments."""
        return self._begins + b'"tool_calls":[{"index":%d,"function":{"arguments":' % call, b"}}]" + _TAIL

    def around_thought(self, place: int) -> tuple[bytes, ...]:
        """The same around a piece of reasoning, which is told twice."""
        detail = _WRITER.encode(thought("", None, place))
        before, _, after = detail.partition(b'""')
        return (
            self._begins + b'"reasoning_content":',
            b',"reasoning_details":[' + before,
            after + b"]" + _TAIL,
        )

    def delta(self, delta: dict[str, Written], size: int) -> Chunk:
        """A piece of something else, which holds `size` bytes of content."""
        return Chunk(self._begins + _WRITER.encode(delta)[1:-1] + _TAIL, size, True)

    def end(self, finish_reason: str, extras: dict[str, Written], beside: dict[str, Written]) -> Chunk:
        """The chunk that ends the answer: `extras` of the choice, `beside` of the whole."""
        choice: Written = {"index": 0, "delta": {}, "finish_reason": finish_reason, **extras}
        return Chunk(b"data: " + self._whole({"choices": [choice], **beside}) + b"\n\n", 0, False)

    def used(self, usage: dict[str, Written]) -> bytes:
        """The closing chunk with the usage, without its framing."""
        return self._whole({"choices": [], **usage})

    def _whole(self, members: dict[str, Written]) -> bytes:
        return _WRITER.encode({**self._named, **members})


def size_of(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


_WRITER = msgspec.json.Encoder()
