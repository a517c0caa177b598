"""Reading what stands in a request of the hub into shapes, where every refusal names the field at fault."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.fields import invalid, missing

Shape = TypeVar("Shape")

Written: TypeAlias = "bool | int | float | str | Raw | Sequence[Written] | Mapping[str, Written] | None"
"""What is written: JSON values, and between them JSON texts that are passed on as they are."""
Block: TypeAlias = dict[str, Written]
"""One block of a message's content."""

NULL = Raw(b"null")
"""What stands for a member that is absent: to a client both mean the same."""


def is_given(value: Raw) -> bool:
    """Whether a member stands there and is not null."""
    return value != NULL


def read(value: Raw | bytes, shape: type[Shape], path: str) -> Shape:
    """What stands at `path`, in `shape`. Raises Failure: INVALID_REQUEST, and never quotes a value."""
    try:
        return msgspec.json.decode(value, type=shape)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as trouble:
        raise _refusal(str(trouble), path) from None


def read_given(value: Raw, shape: type[Shape], path: str) -> Shape | None:
    """As `read`; None for a member that is absent or null."""
    return read(value, shape, path) if is_given(value) else None


def read_object(value: Raw | bytes, path: str) -> Mapping[str, Raw]:
    """The members of an object, each as its bytes. Raises Failure: INVALID_REQUEST."""
    return read(value, dict[str, Raw], path)


def text_of(members: Mapping[str, Raw], name: str, path: str) -> str | None:
    """A string among the members of the object at `path`. Raises Failure: INVALID_REQUEST."""
    value = members.get(name, NULL)
    return read(value, str, f"{path}.{name}") if is_given(value) else None


def unsupported(path: str, message: str) -> Failure:
    """The refusal of what OpenAI's API knows and Anthropic's cannot say: `message` tells what to do."""
    return Failure(Code.UNSUPPORTED_PARAMETER, message, param=path)


def _refusal(trouble: str, path: str) -> Failure:
    """The decoder says "Expected `str`, got `int` - at `$.function.name`"."""
    said = _EXPECTED.match(trouble)
    lacking = _LACKING.match(trouble)
    place = path + (_PLACE.search(trouble) or _NOWHERE)[1]
    if lacking:
        return missing(f"{place}.{lacking[1]}", "given")
    if not said:
        return invalid(place, "JSON that can be read", "not")
    wanted = " or ".join(_WORDS.get(kind, "given") for kind in said[1].split(" | "))
    return invalid(place, wanted, _WORDS.get(said[2], "something else"))


_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_LACKING = re.compile(r"Object missing required field `([^`]*)`")
_PLACE = re.compile(r" - at `\$([^`]*)`$")
_NOWHERE = ("", "")
_WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
