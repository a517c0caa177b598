"""What the control plane reads: texts, amounts and moments with their bounds, and what is wrong with them."""

import json
import re
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, ValidationError

from zai_gateway.accounts.expiry import expiry_ms, moment_ms, span_ms
from zai_gateway.errors import Code, Failure
from zai_gateway.money import MAX_NANO, NANO_PER_MICRO

Text = Annotated[str, Meta(max_length=2_000, pattern=r"^[^\x00]*$")]
"""PostgreSQL keeps no NUL."""
MicroUsd = Annotated[
    int, Meta(ge=0, le=MAX_NANO // NANO_PER_MICRO, description="Micro-USD: 1,000,000 are one USD.")
]
Limit = Annotated[int, Meta(ge=1, le=10**12)]
"""A rate limit."""
Moment = Annotated[
    str,
    Meta(
        max_length=100, description="ISO 8601, in UTC without an offset; or a time from now, as 30d or 12h."
    ),
]
_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number with a point",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_KIND = re.compile(r"`([a-z |]+)`")
_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")


def nano(micro: int) -> int:
    """Micro-USD as nano-USD."""
    return micro * NANO_PER_MICRO


def nano_or_none(micro: int | UnsetType | None) -> int | UnsetType | None:
    """As `nano`, where there is an amount."""
    return nano(micro) if isinstance(micro, int) else micro


def expiry_or_none(text: str | UnsetType | None, now_ms: int) -> int | UnsetType | None:
    """What an `expires_at` means, in milliseconds since 1970. Raises OperatorError."""
    return expiry_ms(text, now_ms, "expires_at") if isinstance(text, str) else text


def past_ms(text: str | None, field: str, now_ms: int, otherwise: int) -> int:
    """A moment of a query in milliseconds since 1970. Raises OperatorError, naming `field`."""
    if text is None:
        return otherwise
    span = span_ms(text)
    return max(0, moment_ms(text, field) if span is None else now_ms - span)


def several(values: list[str] | UnsetType) -> tuple[str, ...] | UnsetType:
    """A list as services take it."""
    return UNSET if values is UNSET else tuple(values)


def explained(trouble: ValidationError) -> Failure:
    """What is wrong with a body, naming the field."""
    words = str(trouble)
    place = _AT.search(words)
    where = place[1] if place else ""
    said = words[: place.start()] if place else words
    for pattern, what in ((_MISSING, "is missing."), (_UNKNOWN, "is not a field of this body.")):
        if found := pattern.fullmatch(said):
            name = f"{where}.{found[1]}" if where else found[1]
            return Failure(Code.INVALID_REQUEST, f"{name[:200]}: {what}", param=name[:200])
    name, said = where or "body", _KIND.sub(_in_words, said)
    return Failure(Code.INVALID_REQUEST, f"{name}: {said[:1].lower()}{said[1:]}.", param=name)


def refuse_repeated(body: bytes) -> None:
    """Raises Failure where an object of a body, whose form is known to be well, has a field twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise Failure(
                Code.DUPLICATE_FIELD, f"{twice[:200]}: it stands there more than once.", param=twice[:200]
            )
        return fields

    json.loads(body, object_pairs_hook=once)


def _in_words(kinds: re.Match[str]) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds[1].split(" | "))
