"""The fields of a request that the gateway reads, each checked, each refusal naming the field at fault."""

from collections.abc import Mapping

from msgspec import Raw

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.reading import OBJECT, OBJECTS, is_utf8, read_at_once
from zai_gateway.wire.splice import DuplicateMember, Member, Oversized, elements, members
from zai_gateway.wire.surrogates import legible
from zai_gateway.wire.values import Json, decode, kind

MOST_MEMBERS = 1_000
"""Members of one object that is read."""
LONGEST_NAME = 1_000
"""Characters of a member's name: a longer one is past all sense."""


class Fields:
    """An object of a request, read member by member; `null` is the same as absent everywhere.

    Every method raises Failure (INVALID_REQUEST, DUPLICATE_FIELD), with the kind of what was found in the
    object and never its content.
    """

    __slots__ = ("_index", "_inside", "mended", "values")

    def __init__(self, values: Mapping[str, Raw], inside: str = "", index: int | None = None) -> None:
        self.values = values
        """Each member's value, as its bytes."""
        self.mended = False
        """Whether half surrogate pairs were replaced before it was read."""
        self._inside = inside
        self._index = index

    @classmethod
    def of_body(cls, body: bytes) -> "Fields":
        """The body's own fields. Raises Failure: INVALID_JSON too."""
        values = read_at_once(OBJECT, body) if is_utf8(body) else None
        if values is not None:
            return cls(_checked(values, len(body), ""))
        try:
            read = legible(body)
        except ValueError as trouble:
            raise _unreadable(trouble) from None
        fields = cls(_looked_up(read, ""))
        fields.mended = read is not body
        return fields

    @classmethod
    def of(cls, text: bytes | Raw, path: str) -> "Fields":
        """The fields of an object that stands at `path` in a body."""
        values = read_at_once(OBJECT, text)
        return cls(
            _looked_up(bytes(text), path) if values is None else _checked(values, len(text), path), path
        )

    @property
    def path(self) -> str:
        """Where the object stands in the body; empty for the body itself."""
        return self._inside if self._index is None else f"{self._inside}[{self._index}]"

    def at(self, name: str) -> str:
        """The path of a member, as errors name it."""
        path = self.path
        return f"{path}.{name[:64]}" if path else name[:64]

    def raw(self, name: str) -> bytes | None:
        """The bytes of a member's value; None where it is absent or null."""
        value = self.values.get(name)
        return None if value is None or value == _NULL else bytes(value)

    def begins(self, name: str) -> bytes:
        """The first byte of a member's value, which tells its kind; empty where it is absent or null."""
        value = self.values.get(name)
        return b"" if value is None or value == _NULL else bytes(memoryview(value)[:1])

    def has(self, name: str) -> bool:
        """Whether a member stands there and is not null."""
        value = self.values.get(name)
        return value is not None and value != _NULL

    def size(self, name: str) -> int:
        """Bytes of a member's value; 0 where it is absent or null."""
        value = self.values.get(name)
        return 0 if value is None or value == _NULL else len(value)

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

    def objects(self, name: str, most: int) -> "list[Fields] | None":
        """The objects of a list, of which there are at most `most`; None where it is absent or null."""
        if name not in self.values:
            return None
        found = self._known_objects(name, most, "elements")
        if found is not None or not self.has(name):
            return found
        texts = self._elements(name, most, "elements")
        return [Fields.of(text, f"{self.at(name)}[{index}]") for index, text in enumerate(texts)]

    def objects_among(self, name: str, most: int, called: str) -> "list[Fields | None]":
        """As `objects`, of a list that is there; None stands for each element that is no object."""
        found = self._known_objects(name, most, called)
        if found is not None:
            return [*found]
        return [
            Fields.of(text, f"{self.at(name)}[{index}]") if text.startswith(b"{") else None
            for index, text in enumerate(self._elements(name, most, called))
        ]

    def _known_objects(self, name: str, most: int, called: str) -> "list[Fields] | None":
        """The objects of a list that holds nothing else, and none that takes a closer look."""
        value = self.values.get(name)
        found = None if value is None else read_at_once(OBJECTS, value)
        if value is None or found is None:
            return None
        if len(found) > most:
            raise oversized(self.at(name), f"{most} {called}")
        inside = self.at(name)
        objects = [Fields(each, inside, index) for index, each in enumerate(found)]
        if len(value) > LONGEST_NAME:
            names: set[str] = set()
            names.update(*found)
            if len(names) > MOST_MEMBERS or max(map(len, names), default=0) > LONGEST_NAME:
                for each in objects:
                    _checked(each.values, len(value), each.path)
        return objects

    def _elements(self, name: str, most: int | None = None, called: str = "elements") -> list[bytes]:
        value = bytes(self.values[name])
        try:
            return elements(value, most)
        except Oversized:
            raise oversized(self.at(name), f"{most} {called}") from None
        except ValueError:
            raise invalid(self.at(name), "a list", kind(value)) from None

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


def values_in(body: bytes, fields: Fields) -> Mapping[str, Raw]:
    """The values of the body that `fields` were read from, as they stand in it."""
    return _cut_out(body, members(body)) if fields.mended else fields.values


def _looked_up(text: bytes, path: str) -> Mapping[str, Raw]:
    """The values of an object, looked for one by one. Raises Failure with what is wrong with it."""
    try:
        return _cut_out(text, members(text, MOST_MEMBERS))
    except DuplicateMember as twice:
        raise duplicate(Fields({}, path).at(twice.name)) from None
    except Oversized as large:
        raise oversized(path, large.most) from None
    except ValueError as trouble:
        if not path:
            raise _unreadable(trouble) from None
        raise invalid(path, "an object", kind(text)) from None


def _cut_out(text: bytes, found: Mapping[str, Member]) -> Mapping[str, Raw]:
    return {name: Raw(text[place.value_start : place.value_end]) for name, place in found.items()}


def _unreadable(trouble: ValueError) -> Failure:
    return Failure(Code.INVALID_JSON, f"The body cannot be read: {trouble}.")


def _checked(values: Mapping[str, Raw], size: int, path: str) -> Mapping[str, Raw]:
    """`values`, unless they are too many or have too long a name, which their text's `size` may rule out."""
    if size <= LONGEST_NAME:
        return values
    if len(values) > MOST_MEMBERS:
        raise oversized(path, f"{MOST_MEMBERS} fields")
    if max(map(len, values), default=0) > LONGEST_NAME:
        raise oversized(path, f"{LONGEST_NAME} characters in a name")
    return values


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


_NULL = Raw(b"null")
