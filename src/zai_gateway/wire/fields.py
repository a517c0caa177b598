"""The fields of a request that the gateway reads, each checked, each refusal naming the field at fault."""

from collections.abc import Mapping

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.splice import DuplicateMember, Member, Oversized, elements, members
from zai_gateway.wire.surrogates import legible
from zai_gateway.wire.values import Json, decode, kind

MOST_MEMBERS = 1_000
"""Members of one object that is read."""


class Fields:
    """An object of a request, read member by member; `null` is the same as absent everywhere.

    `path` is where the object stands in the body, empty for the body itself. Every method raises Failure
    (INVALID_REQUEST, DUPLICATE_FIELD), with the kind of what was found in it and never its content.
    """

    def __init__(self, text: bytes, path: str = "") -> None:
        self._path = path
        try:
            # What is nested in the body is part of a text that was made legible already.
            self._text = text if path else legible(text)
            self.members: Mapping[str, Member] = members(self._text, MOST_MEMBERS)
        except DuplicateMember as twice:
            raise duplicate(self.at(twice.name)) from None
        except Oversized as large:
            raise oversized(path, large.most) from None
        except ValueError as trouble:
            if not path:
                raise Failure(Code.INVALID_JSON, f"The body cannot be read: {trouble}.") from None
            raise invalid(path, "an object", kind(text)) from None

    def at(self, name: str) -> str:
        """The path of a member, as errors name it."""
        return f"{self._path}.{name[:64]}" if self._path else name[:64]

    def raw(self, name: str) -> bytes | None:
        """The bytes of a member's value; None where it is absent or null."""
        place = self._place(name)
        return self._text[place.value_start : place.value_end] if place else None

    def has(self, name: str) -> bool:
        """Whether a member stands there and is not null."""
        return self._place(name) is not None

    def size(self, name: str) -> int:
        """Bytes of a member's value; 0 where it is absent or null."""
        place = self._place(name)
        return place.value_end - place.value_start if place else 0

    def text(self, name: str) -> str | None:
        """A string."""
        value = self._value(name, "a string", b'"')
        assert value is None or isinstance(value, str)
        return value

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self._value(name, "true or false", b"tf")
        assert value is None or isinstance(value, bool)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number within bounds, which are allowed themselves."""
        wanted = f"a number from {low:g} to {high:g}"
        value = self._value(name, wanted, _DIGITS)
        if value is None:
            return None
        assert isinstance(value, int | float)
        if not low <= value <= high:
            raise invalid(self.at(name), wanted, "one out of range")
        return value

    def count(self, name: str, most: int) -> int | None:
        """An integer from 1 to `most`, written without a point or an exponent."""
        wanted = f"an integer from 1 to {most}"
        value = self._value(name, wanted, _DIGITS)
        if value is None:
            return None
        if not isinstance(value, int):
            raise invalid(self.at(name), wanted, "a number with a fraction or an exponent")
        if not 1 <= value <= most:
            raise invalid(self.at(name), wanted, "one out of range")
        return value

    def items(self, name: str, most: int | None = None) -> list[bytes] | None:
        """The elements of a list; of at most `most`, where that is given."""
        value = self.raw(name)
        if value is None:
            return None
        try:
            return elements(value, most)
        except Oversized as large:
            raise oversized(self.at(name), large.most) from None
        except ValueError:
            raise invalid(self.at(name), "a list", kind(value)) from None

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """A string or a list of at most `most` strings, none of them empty."""
        wanted = f"a string or a list of at most {most} strings, none of them empty"
        value = self.raw(name)
        if value is None:
            return ()
        single = value.startswith(b'"')
        texts = [value] if single else self.items(name) or []
        if len(texts) > most:
            raise invalid(self.at(name), wanted, f"a list of {len(texts)}")
        return tuple(self._filled(text, name, wanted) for text in texts)

    def _place(self, name: str) -> Member | None:
        place = self.members.get(name)
        # No other value begins with an n.
        return None if place is None or self._text.startswith(b"n", place.value_start) else place

    def _filled(self, text: bytes, name: str, wanted: str) -> str:
        if not text.startswith(b'"'):
            raise invalid(self.at(name), wanted, f"a list with {kind(text)} in it")
        value = decode(text)
        assert isinstance(value, str)
        if not value:
            raise invalid(self.at(name), wanted, "an empty string")
        return value

    def _value(self, name: str, wanted: str, starts: bytes) -> Json:
        text = self.raw(name)
        if text is None:
            return None
        if text[0] not in starts:
            raise invalid(self.at(name), wanted, kind(text))
        try:
            return decode(text)
        except ValueError:
            raise invalid(self.at(name), wanted, "one out of range") from None


def invalid(path: str, wanted: str, found: str) -> Failure:
    """The refusal of a field whose value is not what it must be."""
    return Failure(Code.INVALID_REQUEST, f"`{path}` must be {wanted}, but it is {found}.", param=path)


def oversized(path: str, most: str) -> Failure:
    """The refusal of what holds too much to be read; `path` is empty for the body itself."""
    place = f"`{path}`" if path else "The body"
    return Failure(
        Code.INVALID_REQUEST,
        f"{place} may hold at most {most}, but it holds more. Send less at once.",
        param=path or None,
    )


def missing(path: str, wanted: str) -> Failure:
    """The refusal of a body that lacks a field."""
    return Failure(Code.INVALID_REQUEST, f"`{path}` is missing: it must be {wanted}.", param=path)


def duplicate(path: str) -> Failure:
    """The refusal of a body that could mean one thing here and another upstream."""
    return Failure(
        Code.DUPLICATE_FIELD,
        f"`{path}` stands twice in the body (escaped spellings count as one).",
        param=path,
    )


_DIGITS = b"-0123456789"
