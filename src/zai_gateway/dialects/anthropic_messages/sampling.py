"""How the next token is chosen, and where the answer stops: what Anthropic takes of it."""

from collections.abc import Mapping

from msgspec import Raw

from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.reading import NULL, Block, Written, read_given
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.wire.chat import ChatRequest

_LEAST_TOP_P = 0.95
"""Below it Anthropic refuses `top_p` while the model reasons."""


def sampling(values: Mapping[str, Raw], plan: EncodePlan, notes: Notes, *, thinking_on: bool) -> Block:
    """`temperature`, `top_p` and `top_k`.

    What Anthropic would refuse beside the rest is left out and noted; so is the part of a temperature above
    its highest, which is 1 where OpenAI's is 2.
    """
    temperature = read_given(values.get("temperature", NULL), float, "temperature")
    top_p = read_given(values.get("top_p", NULL), float, "top_p")
    top_k = read_given(values.get("top_k", NULL), int, "top_k")
    if thinking_on:
        if temperature != 1:
            temperature = _without("temperature", temperature, notes)
        top_k = _without("top_k", top_k, notes)
        if top_p is not None and top_p < _LEAST_TOP_P:
            top_p = _without("top_p", top_p, notes)
    elif temperature is not None and temperature > 1:
        notes.drop("temperature")
        temperature = 1.0
    if temperature is not None and top_p is not None and not plan.both_samplers:
        temperature, top_p = _one_of(temperature, top_p, notes)
    said = (("temperature", temperature), ("top_p", top_p), ("top_k", top_k))
    return {name: value for name, value in said if value is not None}


def stops(request: ChatRequest, plan: EncodePlan) -> tuple[list[Written], tuple[str, ...]]:
    """The stop sequences that are sent, and those that are to be looked for in the answer."""
    if "stop" in plan.drop:
        return [], request.stop
    # Anthropic refuses a sequence of nothing but whitespace.
    blank = tuple(stop for stop in request.stop if not stop.strip())
    return [stop for stop in request.stop if stop.strip()], blank


def _one_of(temperature: float, top_p: float, notes: Notes) -> tuple[float | None, float | None]:
    """Newer models take only one of both. At 1, which is where both begin, neither says anything."""
    if temperature == 1:
        return None, top_p
    return temperature, _without("top_p", None if top_p == 1 else top_p, notes)


def _without(name: str, value: float | None, notes: Notes) -> None:
    if value is not None:
        notes.drop(name)
