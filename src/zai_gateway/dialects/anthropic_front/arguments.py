"""The arguments of a call while they come in pieces: whether the JSON object that they spell is whole."""

import re


class Arguments:
    """Pieces of one JSON object. Nothing is looked at until somebody asks, and no piece is twice."""

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._depth = 0
        self._begun = False
        self._in_string = False
        self._escaped = False

    def add(self, piece: str) -> None:
        """The next piece."""
        self._unread.append(piece)

    def are_whole(self) -> bool:
        """Whether the object has begun and every brace of it is closed."""
        text = "".join(self._unread)
        self._unread = []
        at = 1 if self._escaped and text else 0
        self._escaped = self._escaped and not text
        while at < len(text):
            found = (_IN_STRING if self._in_string else _OUTSIDE).search(text, at)
            if found is None:
                break
            at = found.end()
            self._take(found[0])
            if found[0] == "\\":
                self._escaped = at == len(text)
                at += 1
        return self._begun and self._depth <= 0 and not self._in_string

    def _take(self, sign: str) -> None:
        if sign == '"':
            self._in_string = not self._in_string
        elif sign in "{[":
            self._depth += 1
            self._begun = True
        elif sign in "}]":
            self._depth -= 1


_IN_STRING = re.compile(r'[\\"]')
_OUTSIDE = re.compile(r'["{}\[\]]')
