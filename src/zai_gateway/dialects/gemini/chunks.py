"""A stream's chunks in OpenAI's shape, put together from bytes that are the same in all of them."""

from msgspec import Struct

from zai_gateway.dialects.gemini.replay import FORMAT
from zai_gateway.dialects.naming import CHUNK, Naming
from zai_gateway.dialects.outgoing import Outgoing
from zai_gateway.wire.events import Chunk
from zai_gateway.wire.values import Json, encode

_END = b"]}\n\n"
_ROLE = b'"role":"assistant",'
_TEXT_END = b'"},"finish_reason":null}]}\n\n'
_OPEN = b'},"finish_reason":null}'


class ChunkHead(Struct, frozen=True):
    """The bytes with which every chunk of a stream begins, up to its choices."""

    json: bytes

    @staticmethod
    def of(naming: Naming) -> "ChunkHead":
        """The head of this stream's chunks."""
        names: dict[str, Json] = {
            "id": naming.id,
            "object": CHUNK,
            "created": naming.created,
            "model": naming.model,
        }
        return ChunkHead(encode(names)[:-1] + b',"choices":[')

    def closing(self, usage: bytes, service_tier: str | None) -> bytes:
        """The chunk that tells what was used."""
        tier = b"" if service_tier is None else b',"service_tier":' + encode(service_tier)
        return self.json + b'],"usage":' + usage + tier + b"}"


class ChoiceChunks:
    """Turns what one candidate says into chunks."""

    def __init__(self, head: ChunkHead, index: int, out: Outgoing) -> None:
        self.out = out
        """Where chunks go: another one with each piece of the stream."""
        self.logprobs: bytes | None = None
        """Of the next chunk."""
        self._head = b'data: %b{"index":%d,"delta":{' % (head.json, index)
        self._text_head = self._head + b'"content":"'
        self._spoke = False
        self._texts: list[str] = []

    @property
    def whole_text(self) -> str:
        """The content so far."""
        return "".join(self._texts)

    def text(self, text: str) -> None:
        """More of the content."""
        self._texts.append(text)
        self._put(b'"content":' + encode(text), _size(text))

    def plain_texts(self, insides: list[bytes], text: str) -> None:
        """More of the content, which has begun, in several chunks: `text` as the insides of JSON strings."""
        self._texts.append(text)
        head = self._text_head
        frames = head + (_TEXT_END + head).join(insides) + _TEXT_END
        self.out.chunk(Chunk(frames, _size(text), True))

    def thought(self, index: int, text: str, signature: str | None, *, begins: bool) -> None:
        """More of a thought. What clients would concatenate (`format`) is said once."""
        detail: dict[str, Json] = {"type": "reasoning.text", "index": index, "text": text}
        if begins:
            detail["format"] = FORMAT
        if signature is not None:
            detail["signature"] = signature
        shown = b'"reasoning_content":' + encode(text) + b"," if text else b""
        self._put(shown + b'"reasoning_details":' + encode([detail]), _size(text), bool(text))

    def call(self, index: int, call: dict[str, Json]) -> None:
        """A whole call, in one chunk."""
        function = call["function"]
        assert isinstance(function, dict)
        size = sum(_size(str(text)) for text in function.values())
        self._put(b'"tool_calls":' + encode([{"index": index, **call}]), size, True)

    def block(self, block: dict[str, Json]) -> None:
        """What one of Google's own tools did."""
        json = encode(block)
        self._put(b'"provider_blocks":[' + json + b"]", len(json), True)

    def image(self, image: dict[str, Json]) -> None:
        """An image."""
        self._put(b'"images":' + encode([image]), 0, True)

    def close(self, beside: dict[str, Json], ending: dict[str, Json]) -> None:
        """The last chunks: what stands beside the content, then why the choice ended."""
        if beside or not self._spoke:
            self._put(encode(beside)[1:-1], 0, False)
        end = self._head + b"}," + self._taken_logprobs() + encode(ending)[1:] + _END
        self.out.chunk(Chunk(end, 0, False))

    def _put(self, members: bytes, size: int, is_content: bool = True) -> None:
        head = self._head
        if not self._spoke:
            self._spoke = True
            head += _ROLE if members else _ROLE[:-1]
        end = _OPEN
        if self.logprobs is not None:
            end = b"}," + self._taken_logprobs() + b'"finish_reason":null}'
        self.out.chunk(Chunk(head + members + end + _END, size, is_content))

    def _taken_logprobs(self) -> bytes:
        if self.logprobs is None:
            return b""
        taken, self.logprobs = self.logprobs, None
        return b'"logprobs":' + taken + b","


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
