"""A draft: a JSON object on its way through, changed member by member and otherwise kept as its bytes."""

from collections.abc import Mapping

from msgspec import Raw

from zai_gateway.wire.splice import DuplicateMember, Member, compact, members, splice, written
from zai_gateway.wire.values import Json, decode, encode


class Draft:
    """One JSON object and the changes that are to be made to it.

    Raises ValueError where `text` is no JSON object in UTF-8. Where an upstream names a member twice, the
    last one stands, as in every JSON reader; such an object is written anew.
    """

    def __init__(self, text: bytes) -> None:
        self._values = compact(text)
        self._found: Mapping[str, Member] = {}
        if self._values is None:
            try:
                self._found = members(text)
            except DuplicateMember:
                text = encode(decode(text))
                self._found = members(text)
        self._text = text
        self._changes: dict[str, bytes | None] = {}

    def raw(self, name: str) -> bytes | None:
        """The value of a member as it stands in the bytes, before any change."""
        if self._values is not None:
            value = self._values.get(name)
            return None if value is None else bytes(value)
        place = self._found.get(name)
        return self._text[place.value_start : place.value_end] if place else None

    def put(self, name: str, value: bytes) -> None:
        """Gives a member another value, or adds it."""
        self._changes[name] = value

    def say(self, name: str, value: Json) -> None:
        """As `put`, for a value that is not JSON yet."""
        self._changes[name] = encode(value)

    def drop(self, name: str) -> None:
        """Takes a member out, where it stands."""
        self._changes[name] = None

    def written(self) -> bytes:
        """The object with every change so far: the same bytes where there was none."""
        if not self._changes:
            return self._text
        if self._values is None:
            return splice(self._text, self._found, self._changes)
        values = self._values.copy()
        for name, value in self._changes.items():
            if value is None:
                values.pop(name, None)
            else:
                values[name] = Raw(value)
        return written(values)


def listed(values: list[bytes]) -> bytes:
    """A JSON list of values that are JSON already."""
    return b"[" + b",".join(values) + b"]"
