"""Members of a request, read with their path, so that every refusal names the field at fault."""

from zai_gateway.errors import Code, Failure
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import Json, decode, kind

MOST_ELEMENTS = 100_000
"""Of any list inside a request: the body's own bound on values is lower in effect."""


class Dropped:
    """What of a request is left out because the answer stays right without it, each named once."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def note(self, name: str) -> None:
        """Remembers that a field is left out."""
        if name not in self.names:
            self.names.append(name)


def value(fields: Fields, name: str) -> Json:
    """Any value; None where it is absent or null. Raises Failure where it cannot be read."""
    text = fields.raw(name)
    if text is None:
        return None
    try:
        return decode(text)
    except ValueError:
        raise invalid(fields.at(name), "JSON that can be read", "not") from None


def mapping(fields: Fields, name: str) -> Fields | None:
    """An object; None where it is absent or null. Raises Failure for anything else."""
    text = fields.raw(name)
    if text is None:
        return None
    if not text.startswith(b"{"):
        raise invalid(fields.at(name), "an object", kind(text))
    return Fields.of(text, fields.at(name))


def verbatim(fields: Fields, name: str, wanted: str) -> Json:
    """An object or a list that goes on as it is; None where it is absent or null.

    `wanted` is "an object" or "a list". Raises Failure for anything else.
    """
    found = value(fields, name)
    if found is not None and not isinstance(found, dict if wanted == "an object" else list):
        raise invalid(fields.at(name), wanted, kind(fields.begins(name)))
    return found


def number(fields: Fields, name: str) -> int | float | None:
    """A number; None where it is absent or null. Raises Failure for anything else."""
    found = value(fields, name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise invalid(fields.at(name), "a number", kind(fields.begins(name)))
    return found


def integer(fields: Fields, name: str) -> int | None:
    """A whole number; None where it is absent or null. Raises Failure for anything else."""
    found = number(fields, name)
    if found is None:
        return None
    if found != found // 1 or abs(found) > 2**53:
        raise invalid(fields.at(name), "a whole number", "one with a fraction, or out of range")
    return int(found)


def required_text(fields: Fields, name: str) -> str:
    """A string. Raises Failure where it is absent, or no string."""
    found = fields.text(name)
    if found is None:
        raise missing(fields.at(name), "a string")
    return found


def unsupported(path: str, message: str) -> Failure:
    """The refusal of what Gemini cannot honour, and without which the answer would be another."""
    return Failure(Code.UNSUPPORTED_PARAMETER, message, param=path)
