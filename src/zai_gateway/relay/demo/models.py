"""The demo's models, free and the same every time: what each of them says to a request."""

import hashlib
import re
from collections.abc import Callable, Mapping
from itertools import islice

import msgspec

from zai_gateway.relay.demo.asked import Asked, Function
from zai_gateway.relay.demo.example import example
from zai_gateway.relay.demo.shapes import Choice, Completion, RequestError

_TOKEN = re.compile(r"\s{0,16}\S{1,32}|\s{1,16}")
"""A word with the space before it; what is longer than any word counts as several."""

HOW_TO_CALL = (
    "This is demo/tool. Send a function in `tools` and I will call it, with arguments made from its JSON "
    "schema; send back its result as a message with the role `tool` and I will quote it."
)
HOW_TO_FAIL = (
    "This is demo/fail. Say in your message how it shall fail: a number from 400 to 599 answers with that "
    "status, cut breaks the answer off in the middle, error ends a stream with an error event, timeout is an "
    "upstream that falls silent, connect is one that cannot be reached. Without a word it is a 500."
)


def complete(asked: Asked, body: bytes, created: int) -> Completion:
    """What the model that was asked for answers; `body` gives the answer its id. Raises RequestError."""
    say = _MODELS.get(asked.model)
    if say is None:
        raise RequestError(
            f"The demo has no model {asked.model!r}; it has {', '.join(_MODELS)}.",
            status=404,
            param="model",
            code="model_not_found",
        )
    mark = hashlib.sha256(body).hexdigest()[:24]
    return Completion(
        id=f"chatcmpl-{mark}",
        created=created,
        model=asked.model,
        choices=[say(asked, f"call_{mark[:20]}{number}") for number in range(asked.n or 1)],
        prompt_tokens=sum(1 for message in asked.messages for _ in _TOKEN.finditer(message.text())),
    )


def _spoken(asked: Asked, text: str) -> Choice:
    """`text` as a choice, ended at the first stop sequence and at the limit on output."""
    ends = [text.find(stop) for stop in asked.stops if stop and stop in text]
    tokens, finish_reason = _limited(asked, text[: min(ends)] if ends else text, "stop")
    return Choice(tokens=tokens, finish_reason=finish_reason)


def _echo(asked: Asked, _call: str) -> Choice:
    said = asked.last_from("user")
    wanted = asked.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is not None:
        return _spoken(asked, _json(example(wanted.json_schema.schema)))
    if wanted is not None and wanted.type == "json_object":
        return _spoken(asked, _json({"echo": said}))
    return _spoken(asked, said)


def _tool(asked: Asked, call: str) -> Choice:
    if asked.messages[-1].role == "tool":
        return _spoken(asked, f"The tool said: {asked.messages[-1].text()}")
    function = _chosen(asked)
    if function is None:
        return _spoken(asked, HOW_TO_CALL)
    arguments = _json(example(function.parameters or {"type": "object"}))
    tokens, finish_reason = _limited(asked, arguments, "tool_calls")
    return Choice(tokens=tokens, finish_reason=finish_reason, function=function.name, call=call)


def _chosen(asked: Asked) -> Function | None:
    """The function to call: the one that `tool_choice` names, else the first; None where none may be."""
    choice, functions = asked.tool_choice, asked.functions
    if choice == "none":
        return None
    if choice is None or isinstance(choice, str) or choice.function is None:
        return functions[0] if functions else None
    for function in functions:
        if function.name == choice.function.name:
            return function
    raise RequestError(
        f"tool_choice names {choice.function.name!r}, which is not among the functions in tools.",
        param="tool_choice",
        code="invalid_value",
    )


def _limited(asked: Asked, text: str, finish_reason: str) -> tuple[list[str], str]:
    tokens = [found[0] for found in islice(_TOKEN.finditer(text), asked.limit + 1)]
    return (tokens[: asked.limit], "length") if len(tokens) > asked.limit else (tokens, finish_reason)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _fail(asked: Asked, _call: str) -> Choice:
    return _spoken(asked, HOW_TO_FAIL)


_MODELS: Mapping[str, Callable[[Asked, str], Choice]] = {
    "echo": _echo,
    "slow": _echo,
    "tool": _tool,
    "fail": _fail,
}
