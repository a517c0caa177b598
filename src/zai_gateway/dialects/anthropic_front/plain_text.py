"""Chunks of a stream that say nothing but a text: told by the bytes around it, once one of them was read."""

import re

import msgspec
from msgspec import Struct

from zai_gateway.wire.values import Json

_CONTENT = b'"content":"'


class PlainText(Struct, frozen=True):
    """What stands around the text of such a chunk, its framing included."""

    begins: bytes
    ends: bytes

    def run(self, frames: bytes, at: int) -> tuple[list[bytes], int] | None:
        """The texts of the chunks from `at` on, as the insides of JSON strings, and where they end.

        All chunks up to the last of this shape, or, where one among them has another, the first; None where
        that one has.
        """
        if not frames.startswith(self.begins, at):
            return None
        for find in (frames.rfind, frames.find):
            end = find(self.ends, at + len(self.begins))
            if end < 0:
                return None
            end += len(self.ends)
            texts = self._texts(frames[at:end])
            if texts is not None:
                return texts, end
        return None

    def _texts(self, chunks: bytes) -> list[bytes] | None:
        texts = chunks[len(self.begins) : -len(self.ends)].split(self.ends)
        for at, text in enumerate(texts[1:], 1):
            if not text.startswith(self.begins):
                return None
            texts[at] = text[len(self.begins) :]
        spaced = b" ".join(texts)
        if _UNUSUAL.search(spaced):
            return None
        try:
            # No escape, pair of surrogates or character can begin before a space and end after it.
            _STRING.decode(b'"%b"' % spaced)
        except ValueError:
            return None
        return texts


def learned(data: bytes, delta: dict[str, Json]) -> PlainText | None:
    """The shape of the chunk `data`, whose only choice goes on with `delta`; None where it says more."""
    text = delta.get("content")
    if len(delta) != 1 or not isinstance(text, str) or not text or b"\\" in data:
        return None
    at = data.find(_CONTENT) + len(_CONTENT)
    end = data.find(b'"', at)
    if data.count(_CONTENT) != 1 or data[at:end] != text.encode():
        return None
    return PlainText(b"data: " + data[:at], data[end:] + b"\n\n")


_UNUSUAL = re.compile(rb'\\(?![nrtbf"\\])')
"""An escape that would be written in another way: what is written may not depend on how chunks are joined."""
_STRING = msgspec.json.Decoder(str)
