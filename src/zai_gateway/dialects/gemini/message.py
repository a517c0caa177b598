"""A whole answer's message, put together from what its candidate says."""

from zai_gateway.dialects.gemini.replay import FORMAT
from zai_gateway.wire.values import Json, encode


class Message:
    """The message of one choice, as it grows."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes of text, reasoning, tool names and arguments."""
        self._texts: list[str] = []
        self._thoughts: dict[int, dict[str, Json]] = {}
        self._calls: list[Json] = []
        self._blocks: list[Json] = []
        self._images: list[Json] = []

    @property
    def whole_text(self) -> str:
        """The content so far."""
        return "".join(self._texts)

    def text(self, text: str) -> None:
        """More of the content."""
        self._texts.append(text)
        self._measure(text)

    def thought(self, index: int, text: str, signature: str | None, *, begins: bool) -> None:
        """More of a thought."""
        if begins:
            entry: dict[str, Json] = {"type": "reasoning.text", "text": "", "format": FORMAT, "index": index}
            self._thoughts[index] = entry
        thought = self._thoughts[index]
        thought["text"] = f"{thought['text']}{text}"
        if signature is not None:
            thought["signature"] = signature
        self._measure(text)

    def call(self, index: int, call: dict[str, Json]) -> None:
        """A whole call; in a whole answer it has no index (wire.md 10)."""
        assert index == len(self._calls)
        function = call["function"]
        assert isinstance(function, dict)
        self._calls.append(call)
        for text in function.values():
            self._measure(str(text))

    def block(self, block: dict[str, Json]) -> None:
        """What one of Google's own tools did."""
        self._blocks.append(block)
        self.size += len(encode(block))

    def image(self, image: dict[str, Json]) -> None:
        """An image."""
        self._images.append(image)

    def told(self, beside: dict[str, Json]) -> dict[str, Json]:
        """The message, with what else belongs to it."""
        message: dict[str, Json] = {"role": "assistant", "content": self.whole_text or None}
        reasoning = "".join(str(thought["text"]) for thought in self._thoughts.values())
        if reasoning:
            message["reasoning_content"] = reasoning
        for name, entries in (
            ("reasoning_details", list[Json](self._thoughts.values())),
            ("tool_calls", self._calls),
            ("provider_blocks", self._blocks),
            ("images", self._images),
        ):
            if entries:
                message[name] = entries
        return message | beside

    def _measure(self, text: str) -> None:
        self.size += len(text) if text.isascii() else len(text.encode())
