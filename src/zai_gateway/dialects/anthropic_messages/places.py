"""Where the blocks of an answer stand, so that it can be sent back as it was made.

OpenAI's answer has one text. Of Anthropic's blocks, reasoning and what has no place in OpenAI's shape carry
the `index` that they had. Where there are several texts, cited ones, or one behind a tool call, a marker says
for each which part of the one text it is, and what it cites.
"""

from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.keepsakes import own_block
from zai_gateway.dialects.anthropic_messages.reading import Written
from zai_gateway.wire.values import Json, decode


class _Text(Struct):
    index: int
    start: int
    end: int
    citations: list[Raw]


class Places:
    """The places of one answer's blocks, in the order in which they come. Empty texts have none."""

    def __init__(self) -> None:
        self._next = 0
        self._length = 0
        self._texts: list[_Text] = []
        self._open: _Text | None = None
        self._any_call = False
        self._needs_markers = False

    def take(self) -> int:
        """The place of a block that is no text and no call."""
        self._next += 1
        return self._next - 1

    def call(self) -> None:
        """A call takes its place."""
        self._next += 1
        self._any_call = True

    def begin_text(self) -> None:
        """A block of text begins; it gets its place with its first character."""
        self._open = _Text(-1, self._length, self._length, [])

    def grow(self, characters: int) -> None:
        """The block of text goes on."""
        text = self._open
        if text is None or not characters:
            return
        if text.index < 0:
            text.index = self.take()
            self._needs_markers = self._needs_markers or self._any_call or bool(self._texts)
            self._texts.append(text)
        self._length += characters
        text.end = self._length

    def cite(self, citation: Raw) -> None:
        """The block of text cites something."""
        if self._open is not None:
            self._open.citations.append(citation)

    def end_text(self) -> list[Json]:
        """The block of text ends; what it cites, as `annotations`."""
        text, self._open = self._open, None
        if text is None or not text.citations or text.index < 0:
            return []
        self._needs_markers = True
        return [_annotation(decode(bytes(citation)), text) for citation in text.citations]

    def markers(self) -> list[Written]:
        """The markers of all texts, where they are needed."""
        if not self._needs_markers:
            return []
        markers: list[Written] = []
        for text in self._texts:
            marker: dict[str, Written] = {"type": "text", "start_index": text.start, "end_index": text.end}
            if text.citations:
                marker["citations"] = [*text.citations]
            markers.append(own_block(marker, text.index))
        return markers


def _annotation(citation: Json, text: _Text) -> Json:
    """A citation in OpenAI's shape where it is one of the web's, else under its own name."""
    said = citation if isinstance(citation, dict) else {}
    url, title, sort = said.get("url"), said.get("title"), said.get("type")
    if isinstance(url, str):
        return {
            "type": "url_citation",
            "url_citation": {
                "url": url,
                "title": title if isinstance(title, str) else "",
                "start_index": text.start,
                "end_index": text.end,
            },
        }
    name = sort if isinstance(sort, str) else "citation"
    return {"type": name, name: said, "start_index": text.start, "end_index": text.end}
