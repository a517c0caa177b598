"""Members of a request that are carried as they are, beside those that are read."""

from collections.abc import Collection, Mapping

from msgspec import Raw
from msgspec.json import Encoder

from zai_gateway.dialects.anthropic_front.paths import unknown
from zai_gateway.wire.fields import Fields, missing

written = Encoder().encode
"""JSON of values among which there are some in JSON already, as Raw."""


def others(fields: Fields, read: Collection[str], foreign: Collection[str]) -> Mapping[str, Raw]:
    """The members that are not `read`, `null` included.

    Raises Failure for a `foreign` one: it would mean something to the hub that Anthropic's API does not say.
    """
    found = {name: value for name, value in fields.values.items() if name not in read}
    for name in foreign:
        if name in found:
            raise unknown(fields.at(name))
    return found


def text_of(fields: Fields, name: str) -> str:
    """A string that must be there. Raises Failure where it is not."""
    text = fields.text(name)
    if text is None:
        raise missing(fields.at(name), "a string")
    return text


def raw_text(fields: Fields, name: str) -> Raw:
    """The JSON of a string that must be there, not decoded: it may be megabytes. Raises Failure."""
    if fields.begins(name) != b'"':
        fields.text(name)
        raise missing(fields.at(name), "a string")
    return fields.values[name]


def object_of(fields: Fields, name: str) -> Fields | None:
    """The object that a member is, or None where it is absent. Raises Failure where it is no object."""
    raw = fields.raw(name)
    return None if raw is None else Fields.of(raw, fields.at(name))
