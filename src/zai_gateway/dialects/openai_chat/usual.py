"""An answer as OpenAI itself writes most of them: read at once, and passed on under our names alone."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat.usage import Usual, usual_usage
from zai_gateway.wire.events import Answer, Reported
from zai_gateway.wire.reading import OBJECT, is_utf8, read_dense
from zai_gateway.wire.splice import written
from zai_gateway.wire.usage import Counting
from zai_gateway.wire.values import encode


def usual_answer(body: bytes, naming: Naming, counting: Counting) -> Answer | None:
    """The answer for the client; None for one that has to be looked at more closely, or is none."""
    try:
        told = _BODY.decode(body)
    except (ValueError, RecursionError):
        return None
    values = read_dense(OBJECT, body) if is_utf8(body) else None
    usage = usual_usage(told.usage, counting)
    if values is None or usage is None or told.usage.total_tokens is None or counting.statement is not None:
        return None
    values["id"], values["model"] = Raw(encode(naming.id)), Raw(encode(naming.model))
    reported = Reported(usage, told.service_tier, bytes(values["usage"]))
    size = 0
    for choice in told.choices:
        message = choice.message
        text = (message.content or "") + (message.refusal or "")
        size += len(text) if text.isascii() else len(text.encode())
    return Answer(written(values), reported, size)


class _Message(Struct, forbid_unknown_fields=True):
    content: str | None
    role: Any = None
    refusal: str | None = None
    annotations: Any = None


class _Choice(Struct):
    index: int
    message: _Message


class _Body(Struct):
    id: str
    model: str
    object: Literal["chat.completion"]
    created: Annotated[int, Meta(gt=0)]
    choices: list[_Choice]
    usage: Usual
    service_tier: str | None = None


_BODY = msgspec.json.Decoder(_Body)
