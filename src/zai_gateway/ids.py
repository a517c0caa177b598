"""Identifiers: a prefix that says what they name, the time they were made, and chance."""

import os
import re

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LETTER_OF_BYTE = (_ALPHABET * 8).encode()
"""Each letter stands for eight of the 256 bytes, so a random byte makes a random letter."""
_RANDOM_LETTERS = 16
_BODY = re.compile(f"[{_ALPHABET}]{{26}}")
_IN_ADVANCE = 256
"""Ids for which chance is drawn in one go."""


def new_id(prefix: str, now_ms: int) -> str:
    """A new identifier such as `key_01jd0k...`, sortable by the time it was made.

    The body is a ULID in lower case: 48 bits of milliseconds since 1970, then 80 random bits
    (https://github.com/ulid/spec).
    """
    return f"{prefix}_{_letters_of_time(now_ms)}{_chance(1)}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` could be an identifier with this prefix."""
    return text.startswith(f"{prefix}_") and _BODY.fullmatch(text, len(prefix) + 1) is not None


class Ids:
    """Makes such identifiers in great number; asks the system for chance now and then only.

    Belongs to one process: after a fork, two would make the same ones.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._chance = ""
        self._used = 0
        self._now_ms = -1
        self._head = prefix
        """The prefix and the time: the same for all that are made in one millisecond."""

    def new(self, now_ms: int) -> str:
        """As `new_id`."""
        start = self._used
        if start == len(self._chance):
            self._chance = _chance(_IN_ADVANCE)
            start = 0
        self._used = end = start + _RANDOM_LETTERS
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            self._head = f"{self._prefix}_{_letters_of_time(now_ms)}"
        return self._head + self._chance[start:end]


def _chance(ids: int) -> str:
    return os.urandom(ids * _RANDOM_LETTERS).translate(_LETTER_OF_BYTE).decode("ascii")


def _letters_of_time(now_ms: int) -> str:
    return "".join([_PAIRS[(now_ms >> shift) & 1023] for shift in (40, 30, 20, 10, 0)])


_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
"""The two letters of each ten bits."""
