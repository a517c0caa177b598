"""The shape of a stream's plain events, by which those that say nothing but more text are told unparsed.

An event that was read with care and said nothing else teaches it. What begins and goes on with the same
bytes, the digits of its counts aside, and has the inside of a JSON string between them, says the same but for
that.
"""

import re
from itertools import takewhile

import msgspec
from msgspec import Struct

from zai_gateway.dialects.gemini.shape import Candidate, Event, Part, is_told

_KEY = b'"text"'
_USAGE = b'"usageMetadata"'
_QUOTED = re.compile(rb'\s*:\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_DIGITS = b"0123456789"
_MOST_AT_ONCE = 64
"""Events in one run: those behind one that is no text are looked at again."""


class PlainShape(Struct, frozen=True):
    """What stands around the text of an event."""

    candidate: int
    """The `index` of the candidate that speaks."""
    begins: bytes
    turns: bytes
    """From the end of the text to what was used so far, or to the end of the event."""
    rest: bytes
    """What follows, without its digits."""

    def run(self, events: list[bytes], at: int) -> tuple[list[bytes], str] | None:
        """The texts of the events from `at` on, as their bytes, and as they read together.

        All up to the first of another shape, or as many as are taken at once; None where that one has.
        """
        texts = self._texts(events, at)
        read = _read(texts)
        if read is None:
            # One of them is no text: those before it are.
            texts = list(takewhile(_is_text, texts))
            read = _read(texts)
        return (texts, read) if read else None

    def _texts(self, events: list[bytes], at: int) -> list[bytes]:
        """What stands where the text of such an event does, never nothing."""
        begins, turns, rest, start = self.begins, self.turns, self.rest, len(self.begins)
        texts: list[bytes] = []
        for event in events[at : at + _MOST_AT_ONCE]:
            said, _, follows = event.partition(turns)
            text = said[start:]
            if not text or not said.startswith(begins) or follows.translate(None, _DIGITS) != rest:
                break
            texts.append(text)
        return texts


def learned(data: bytes, event: Event) -> PlainShape | None:
    """The shape of the event `data`, which was read as `event`; None where it says more than text."""
    candidates = event.body.candidates or ()
    candidate = candidates[0] if len(candidates) == 1 else None
    if candidate is None or not _says_text_alone(candidate) or event.body.prompt_feedback is not None:
        return None
    # Without a backslash in a name every name is spelled as it reads.
    key = data.find(_KEY)
    text = _QUOTED.match(data, key + len(_KEY)) if key >= 0 and data.count(_KEY) == 1 else None
    if text is None or b"\\" in data[: text.start(1)] or b"\\" in data[text.end(1) :]:
        return None
    after = data[text.end(1) :]
    usage = after.find(_USAGE)
    turns = after if usage < 0 else after[:usage]
    rest = after[len(turns) :].translate(None, _DIGITS)
    return PlainShape(candidate.index or 0, data[: text.start(1)], turns, rest)


def _says_text_alone(candidate: Candidate) -> bool:
    parts = candidate.content.parts if candidate.content is not None else None
    if not parts or len(parts) != 1 or not parts[0].text or parts[0] != Part(text=parts[0].text):
        return False
    beside = (
        *(candidate.grounding_metadata, candidate.citation_metadata, candidate.url_context_metadata),
        *(candidate.safety_ratings, candidate.logprobs_result),
    )
    return candidate.finish_reason is None and not any(map(is_told, beside))


def _is_text(inside: bytes) -> bool:
    return _read([inside]) is not None


def _read(insides: list[bytes]) -> str | None:
    """The text that the insides of JSON strings make together; None where one of them is no such inside."""
    try:
        # No escape, pair of surrogates or character can begin before a space and end after it.
        read = _STRING.decode(b'"%b"' % b" ".join(insides))
        return read if len(insides) == 1 else _STRING.decode(b'"%b"' % b"".join(insides))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


_STRING = msgspec.json.Decoder(str)
