"""Pieces of one block that follow each other in a stream: most events are nothing else, and are told at once.

What is said is a JSON string, and goes on as the bytes that it came in. Several events in the usual form are
known by a pattern, so that none of them is parsed; any other event is read with care and comes to the same.
"""

import re

import msgspec
from msgspec import Struct

from zai_gateway.wire.events import Chunk


class Run(Struct, frozen=True):
    """Pieces that follow each other."""

    chunk: Chunk
    characters: int
    end: int
    """Where what follows them begins."""


class Pieces:
    """The pieces of the block that is open: how they come, and how they go on."""

    def __init__(self, index: int, sort: str, member: str, shown: tuple[bytes, ...]) -> None:
        self._usual = re.compile(_USUAL % (index, sort.encode(), member.encode()))
        self._shown = shown
        """What stands around a piece in a chunk; between them it is put."""

    def one(self, spelled: bytes, text: str) -> Chunk:
        """The chunk of a piece that says `text`, and is `spelled` as JSON."""
        return Chunk(spelled.join(self._shown), _size_of(text), True)

    def run(self, received: bytes, at: int) -> Run | None:
        """The pieces that begin at `at`, where an event begins; None where none is in the usual form."""
        match = self._usual.match
        found = match(received, at)
        if found is None:
            return None
        spelled: list[bytes] = []
        end = at
        while found is not None and len(spelled) < _MOST_AT_ONCE:
            spelled.append(found[1])
            end = found.end()
            found = match(received, end)
        try:
            # No escape, pair of surrogates or character can begin before a space and end after it.
            text = _STRING.decode(b'"' + b" ".join([piece[1:-1] for piece in spelled]) + b'"')
        except ValueError:
            return None
        between = len(spelled) - 1
        frames = b"".join([piece.join(self._shown) for piece in spelled])
        return Run(Chunk(frames, _size_of(text) - between, True), len(text) - between, end)


def _size_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


_MOST_AT_ONCE = 64
"""Pieces, so that strange ones among the plain cost no more than time."""
_USUAL = (
    rb'event: content_block_delta\ndata: \{"type":"content_block_delta","index":%d,"delta":'
    rb'\{"type":"%b","%b":("(?!")[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+")\} *\}\n\n'
)
"""Anthropic fills its events up with spaces, so that their length does not tell that of the text."""
_STRING = msgspec.json.Decoder(str)
