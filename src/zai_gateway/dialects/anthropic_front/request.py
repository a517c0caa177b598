"""An Anthropic client's request as one of the hub: what has no place there stays under its own name.

`system` becomes the first message, a tool's result a message of its own; `stop_sequences` is `stop`,
`metadata.user_id` is `user`, `standard_only` is `default`. `thinking` and `output_config.effort` stay as they
are for Anthropic's models, and are said again for all others as `reasoning` and `reasoning_effort`; a schema
of the answer stands in `response_format` alone. Thinking is `reasoning_details`. Blocks that Anthropic alone
knows are parts of the content, but in an assistant's message `provider_blocks`; these and thinking keep the
`index` that they had. Where texts, calls and results do not stand in the hub's usual order, `block_order`
names the list from which each comes: `tool` (the messages before), `content` or `tool_calls`.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from zai_gateway.dialects.anthropic_front.conversation import hub_messages
from zai_gateway.dialects.anthropic_front.paths import in_anthropics_words, unknown
from zai_gateway.dialects.anthropic_front.reading import object_of, raw_text, text_of, written
from zai_gateway.dialects.anthropic_front.tools import hub_choice, hub_tools
from zai_gateway.errors import Failure
from zai_gateway.wire.chat import MOST_VALUES, READ
from zai_gateway.wire.fields import Fields, invalid, missing, oversized
from zai_gateway.wire.parameters import MOST_STOPS
from zai_gateway.wire.splice import outnumbers
from zai_gateway.wire.values import kind

Hub = dict[str, object]


def read_request(body: bytes, *, counting: bool = False) -> bytes:
    """The chat request, in the hub's shape, that an Anthropic client's `POST /v1/messages` asks for.

    `counting`: the body is one of `/v1/messages/count_tokens`, which names no `max_tokens`. Raises Failure
    as `wire.chat.parse` does, with the field's path in Anthropic's own form
    (`messages.0.content.1.source`); no message quotes a value.
    """
    try:
        if len(body) > MOST_VALUES and outnumbers(body, MOST_VALUES):
            raise oversized("", f"{MOST_VALUES} JSON values beside the first")
        return written(_hub(Fields.of_body(body), counting=counting))
    except Failure as failure:
        raise in_anthropics_words(failure) from None


def _hub(request: Fields, *, counting: bool) -> Hub:
    for name in request.values:
        if name in _HUBS:
            raise unknown(name)
    raw_text(request, "model")
    if not counting and not request.has("max_tokens"):
        raise missing("max_tokens", "the most tokens that the answer may have")
    told: Hub = {name: value for name, value in request.values.items() if name not in _TRANSLATED}
    told["messages"] = hub_messages(request)
    told |= hub_tools(request)
    told |= hub_choice(request)
    told |= _stop(request)
    told |= _user(request)
    if request.has("service_tier"):
        tier = text_of(request, "service_tier")
        told["service_tier"] = "default" if tier == "standard_only" else tier
    told |= _effort(request)
    return told | _structure(request)


def _stop(request: Fields) -> Hub:
    raw = request.raw("stop_sequences")
    if raw is None:
        return {}
    try:
        return {"stop": _STOPS.decode(raw)}
    except msgspec.ValidationError:
        wanted = f"a list of at most {MOST_STOPS} strings, none of them empty"
        found = "a list with more or something else in it" if raw.startswith(b"[") else kind(raw)
        raise invalid("stop_sequences", wanted, found) from None


def _user(request: Fields) -> Hub:
    metadata = object_of(request, "metadata")
    if metadata is None:
        return {}
    for name in metadata.values:
        if name != "user_id":
            raise unknown(metadata.at(name))
    return {"user": raw_text(metadata, "user_id")} if metadata.has("user_id") else {}


def _effort(request: Fields) -> Hub:
    """How hard to think, for models of other vendors; Anthropic's read `thinking` and `output_config`."""
    thinking, config = object_of(request, "thinking"), object_of(request, "output_config")
    effort = None if config is None else config.text("effort")
    told: Hub = {} if effort is None else {"reasoning_effort": effort}
    if thinking is None:
        return told
    sort = text_of(thinking, "type")
    if sort == "disabled":
        return {"reasoning_effort": "none"}
    reasoning: Hub = {"max_tokens": _budget(thinking)} if sort == "enabled" else {"enabled": True}
    if thinking.text("display") == "omitted":
        reasoning["exclude"] = True
    return told | {"reasoning": reasoning}


def _budget(thinking: Fields) -> int:
    raw = thinking.raw("budget_tokens")
    if raw is None:
        raise missing(thinking.at("budget_tokens"), "a number of tokens")
    try:
        return _BUDGET.decode(raw)
    except msgspec.MsgspecError:
        raise invalid(thinking.at("budget_tokens"), "a number of tokens", kind(raw)) from None


def _structure(request: Fields) -> Hub:
    """The schema of the answer, in the hub's words alone; the rest of `output_config` stays beside them."""
    config = object_of(request, "output_config")
    rest = {} if config is None else {name: said for name, said in config.values.items() if name != "format"}
    told: Hub = {"output_config": rest} if rest else {}
    format = None if config is None else object_of(config, "format")
    if format is None:
        format = object_of(request, "output_format")
    return told if format is None else told | {"response_format": _schema(format)}


def _schema(format: Fields) -> Hub:
    if text_of(format, "type") != "json_schema":
        raise invalid(format.at("type"), "`json_schema`", "another string")
    schema = format.begins("schema")
    if schema != b"{":
        raise invalid(format.at("schema"), "a JSON schema", kind(schema) if schema else "missing")
    named: Hub = {"name": "answer", "schema": format.values["schema"], "strict": True}
    return {"type": "json_schema", "json_schema": named}


_BUDGET = msgspec.json.Decoder(Annotated[int, Meta(ge=0)])
_STOPS = msgspec.json.Decoder(
    Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(max_length=MOST_STOPS)]
)
_TRANSLATED = frozenset(
    (
        *("messages", "system", "tools", "tool_choice", "stop_sequences", "metadata", "service_tier"),
        *("output_config", "output_format"),
    )
)
_HUBS = (
    READ
    | {"parallel_tool_calls", "reasoning", "user", "safety_identifier", "modalities", "audio", "prediction"}
    | {"logprobs", "top_logprobs", "web_search_options", "safety_settings", "cached_content", "verbosity"}
) - {"model", "models", "messages", "stream", "temperature", "top_p", "max_tokens", "tools", "service_tier"}
"""Members that mean something to the hub and that Anthropic's API does not have."""
