"""JSON splicing: where the members of an object stand, and a copy with some of them replaced."""

from collections.abc import Mapping

from msgspec import Struct


class Member(Struct, frozen=True):
    """One member of an object, as offsets into the bytes that hold it."""

    key_start: int
    value_start: int
    value_end: int


class DuplicateMember(ValueError):
    """A name stands twice in one object (escaped spellings count as the same name): `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the field {name!r} stands twice")
        self.name = name


def members(text: bytes) -> dict[str, Member]:
    """The top-level members of the JSON object that `text` is.

    Raises DuplicateMember, or ValueError where `text` is no JSON object in UTF-8.
    """
    raise NotImplementedError


def splice(text: bytes, found: Mapping[str, Member], changes: Mapping[str, bytes | None]) -> bytes:
    """A copy of `text` with the values of `changes` put in place, byte for byte the same elsewhere.

    A value of None takes the member out; a name that `text` lacks is added at the end.
    """
    raise NotImplementedError
