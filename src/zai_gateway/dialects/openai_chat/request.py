"""A request to an upstream of the same dialect: the client's bytes but for the named splices."""

from msgspec import Struct

from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.splice import members, splice
from zai_gateway.wire.values import decode
from zai_gateway.wire.values import encode as json_encode

PATH = "/chat/completions"
"""Behind the provider's base URL."""
LIMIT_NAMES = ("max_tokens", "max_completion_tokens")
CONSUMED = ("models",)
"""Fields that are meant for the gateway alone, and reach no provider."""
PREFERENCES = "provider"
"""Where a router is told which hosts it may use."""
SPLICED = (
    *("model", "temperature", "top_p", "stop", *LIMIT_NAMES, "stream_options", "service_tier"),
    *(PREFERENCES, *CONSUMED),
)
"""Every field of a request that is ever changed (docs/splices.md)."""


class EncodePlan(Struct, frozen=True, kw_only=True):
    """What a request needs before its upstream takes it."""

    model: str
    """The model's id at its provider."""
    output_limit: int | None = None
    """The limit on output tokens per choice that is sent; None leaves the client's own, or none."""
    limit_name: str = "max_tokens"
    """What the model calls that limit: one of LIMIT_NAMES."""
    drop: tuple[str, ...] = ()
    """Parameters that the model refuses."""
    service_tier: str | None = None
    """The service tier that is asked for in place of the client's; None leaves the client's own, or none."""
    ask_usage: bool = True
    """Whether usage is asked of a stream; False for a provider that refuses `stream_options`."""
    extra: tuple[tuple[str, bytes], ...] = ()
    """Further members by name, each with its value in JSON, in place of the client's own."""


class Encoded(Struct, frozen=True, kw_only=True):
    """A request as it is sent, and what it no longer says."""

    body: bytes
    dropped: tuple[str, ...]
    """Parameters taken out whose absence can be noticed, in the order of the body: for `x-zai-dropped`."""
    stop: tuple[str, ...]
    """Stop sequences that the model refuses, so that they are looked for in the answer."""


def encode(request: ChatRequest, plan: EncodePlan) -> Encoded:
    """The request for an upstream that speaks this dialect.

    Splices `model`, the output limit (one spelling, the lesser value where there were two), `service_tier`,
    `stream_options` of a stream, the parameters of `plan.drop`, and what the gateway consumes; all else is
    the client's bytes.
    """
    changes: dict[str, bytes | None] = {name: None for name in CONSUMED if name in request.members}
    changes["model"] = json_encode(plan.model)
    changes.update(_limit_changes(request, plan))
    if request.stream:
        changes.update(_stream_options_changes(request, plan))
    if plan.service_tier is not None:
        changes["service_tier"] = json_encode(plan.service_tier)
    changes.update(plan.extra)
    gone = [name for name in request.members if name in plan.drop]
    changes.update(dict.fromkeys(gone))
    return Encoded(
        body=splice(request.body, request.members, changes),
        dropped=tuple(name for name in gone if _is_noticed(request, name)),
        stop=request.stop if "stop" in gone else (),
    )


def _value(request: ChatRequest, name: str) -> bytes | None:
    place = request.members.get(name)
    return request.body[place.value_start : place.value_end] if place else None


def _limit_changes(request: ChatRequest, plan: EncodePlan) -> dict[str, bytes | None]:
    # A body that names both is refused, and so is the other spelling alone by models that know only one.
    changes: dict[str, bytes | None] = {
        name: None for name in LIMIT_NAMES if name != plan.limit_name and name in request.members
    }
    limit = request.output_limit if plan.output_limit is None else plan.output_limit
    wanted = None if limit is None else json_encode(limit)
    if wanted is not None and _value(request, plan.limit_name) != wanted:
        changes[plan.limit_name] = wanted
    return changes


def _stream_options_changes(request: ChatRequest, plan: EncodePlan) -> dict[str, bytes | None]:
    options = _value(request, "stream_options")
    if not plan.ask_usage:
        return {} if options is None else {"stream_options": None}
    if options is None or options == b"null":
        return {"stream_options": b'{"include_usage":true}'}
    found = members(options)
    place = found.get("include_usage")
    if place and options[place.value_start : place.value_end] == b"true":
        return {}
    return {"stream_options": splice(options, found, {"include_usage": b"true"})}


def _is_noticed(request: ChatRequest, name: str) -> bool:
    value = _value(request, name)
    if value is None or value == b"null" or name == "stop":
        return False
    # A model that refuses these takes their default, so that saying it or not is the same.
    return not (name in ("temperature", "top_p") and decode(value) == 1)
