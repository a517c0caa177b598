"""The parameters of a chat request that the gateway reads, checked by type and range."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from zai_gateway.errors import Failure
from zai_gateway.wire.fields import invalid
from zai_gateway.wire.values import kind

MOST_OUTPUT = 2**31 - 1
"""The largest limit on output tokens that is taken for one."""
MOST_CHOICES = 128
MOST_STOPS = 16
MOST_MODELS = 8
"""Further models that one request may name."""

_Text = Annotated[str, Meta(min_length=1)]
_OutputLimit = Annotated[int, Meta(ge=1, le=MOST_OUTPUT)] | float | None
"""A float is what was written with a point or an exponent, and is refused: a decoder would round it."""


class Parameters(Struct, frozen=True, kw_only=True):
    """Absent is None, and so is `null`."""

    model: _Text | None = None
    models: _Text | Annotated[list[_Text], Meta(max_length=MOST_MODELS)] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: _OutputLimit = None
    max_completion_tokens: _OutputLimit = None
    n: Annotated[int, Meta(ge=1, le=MOST_CHOICES)] | float | None = None
    stop: _Text | Annotated[list[_Text], Meta(max_length=MOST_STOPS)] | None = None
    reasoning_effort: str | None = None
    service_tier: _Text | None = None

    @property
    def output_limit(self) -> int | None:
        """The lesser of both limits on output tokens."""
        first, second = self.max_tokens, self.max_completion_tokens
        assert not isinstance(first, float)
        assert not isinstance(second, float)
        if first is None or second is None:
            return second if first is None else first
        return min(first, second)


def parameters_of(values: Mapping[str, Raw]) -> Parameters:
    """The parameters among a body's members. Raises Failure: INVALID_REQUEST, with the name of the field."""
    said = {name: value for name, value in values.items() if name in PARAMETERS}
    try:
        found = _DECODER.decode(_ENCODER.encode(said))
    except msgspec.ValidationError as trouble:
        raise _refusal(str(trouble), values) from None
    for name in _COUNTS:
        if isinstance(getattr(found, name), float):
            raise invalid(name, _WANTED[name], "a number with a fraction or an exponent")
    return found


def plain_parameters(body: bytes, values: Mapping[str, Raw]) -> Parameters | None:
    """The parameters of a body that holds these values; None where one of them is not what it must be."""
    # A long body takes longer to read again than its parameters to be put together.
    small = len(body) < _LONGER
    text = body if small else _ENCODER.encode({n: value for n, value in values.items() if n in PARAMETERS})
    try:
        said = _DECODER.decode(text)
    except msgspec.ValidationError:
        return None
    is_counted = not (
        isinstance(said.max_tokens, float)
        or isinstance(said.max_completion_tokens, float)
        or isinstance(said.n, float)
    )
    return said if is_counted else None


def texts(said: str | list[str] | None) -> tuple[str, ...]:
    """One string, several or none."""
    if said is None:
        return ()
    return (said,) if isinstance(said, str) else tuple(said)


def _refusal(trouble: str, values: Mapping[str, Raw]) -> Failure:
    """The decoder says where the trouble is, as in "Expected `str`, got `int` - at `$.stop[1]`"."""
    where = trouble.rpartition("`$.")[2].rstrip("`")
    name, inside, _ = where.partition("[")
    found = kind(bytes(values[name]))
    if inside:
        found = "a list with something else in it"
    elif " of length " in trouble:
        found = "an empty string" if found == "a string" else "a longer list"
    elif " got " not in trouble:
        found = "one out of range"
    return invalid(name, _WANTED[name], found)


PARAMETERS = frozenset(Parameters.__struct_fields__)
_LONGER = 2_000
_COUNTS = ("max_tokens", "max_completion_tokens", "n")
_LIMIT = f"an integer from 1 to {MOST_OUTPUT}"
_WANTED = {
    "model": "the name of a model",
    "models": f"a string or a list of at most {MOST_MODELS} strings, none of them empty",
    "stream": "true or false",
    "temperature": "a number from 0 to 2",
    "top_p": "a number from 0 to 1",
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
    "n": f"an integer from 1 to {MOST_CHOICES}",
    "stop": f"a string or a list of at most {MOST_STOPS} strings, none of them empty",
    "reasoning_effort": "a string",
    "service_tier": "the name of a tier",
}
_DECODER = msgspec.json.Decoder(Parameters)
_ENCODER = msgspec.json.Encoder()
