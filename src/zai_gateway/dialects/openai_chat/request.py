"""A request to an upstream of the same dialect: the client's bytes but for the named splices."""

from zai_gateway.dialects.dialect import Encoded, EncodePlan
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.reading import rewritten
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


def encode(request: ChatRequest, plan: EncodePlan) -> Encoded:
    """The request for an upstream that speaks this dialect.

    Splices `model`, the output limit (one spelling, the lesser value where there were two), `service_tier`,
    `stream_options` of a stream, the parameters of `plan.drop`, and what the gateway consumes; all else is
    the client's bytes.
    """
    changes: dict[str, bytes | None] = {"model": json_encode(plan.model)}
    for name in CONSUMED:
        if name in request.values:
            changes[name] = None
    _change_limit(changes, request, plan)
    if request.stream:
        _change_stream_options(changes, request, plan)
    if plan.service_tier is not None:
        changes["service_tier"] = json_encode(plan.service_tier)
    if plan.extra:
        changes.update(plan.extra)
    gone = [name for name in request.values if name in plan.drop] if plan.drop else ()
    for name in gone:
        changes[name] = None
    return Encoded(
        body=rewritten(request.body, request.values, changes, dense=request.plain),
        dropped=tuple([name for name in gone if _is_noticed(request, name)]) if gone else (),
        stop=request.stop if "stop" in gone else (),
    )


def _value(request: ChatRequest, name: str) -> bytes | None:
    value = request.values.get(name)
    return None if value is None else bytes(value)


def _change_limit(changes: dict[str, bytes | None], request: ChatRequest, plan: EncodePlan) -> None:
    # A body that names both is refused, and so is the other spelling alone by models that know only one.
    for name in LIMIT_NAMES:
        if name != plan.limit_name and name in request.values:
            changes[name] = None
    limit = request.output_limit if plan.output_limit is None else plan.output_limit
    if limit is not None:
        wanted = json_encode(limit)
        value = request.values.get(plan.limit_name)
        if value is None or bytes(value) != wanted:
            changes[plan.limit_name] = wanted


def _change_stream_options(changes: dict[str, bytes | None], request: ChatRequest, plan: EncodePlan) -> None:
    options = _value(request, "stream_options")
    if not plan.ask_usage:
        if options is not None:
            changes["stream_options"] = None
    elif options is None or options == b"null":
        changes["stream_options"] = b'{"include_usage":true}'
    else:
        found = members(options)
        place = found.get("include_usage")
        if place is None or options[place.value_start : place.value_end] != b"true":
            changes["stream_options"] = splice(options, found, {"include_usage": b"true"})


def _is_noticed(request: ChatRequest, name: str) -> bool:
    value = _value(request, name)
    if value is None or value == b"null" or name == "stop":
        return False
    # A model that refuses these takes their default, so that saying it or not is the same.
    return not (name in ("temperature", "top_p") and decode(value) == 1)
