"""Requests that a model refuses for a parameter, answered in OpenAI's words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.upstreams.answers import Answer, json_answer

Refusals = Mapping[str, Sequence[str]]
"""By model: `temperature` is refused in any form; `temperature=1` is refused with any value but 1."""

_INSTEAD = {"max_tokens": "max_completion_tokens"}


def refusal(refusals: Refusals, request: Mapping[str, Any]) -> Answer | None:
    """OpenAI's 400 for the first parameter that the request's model refuses, if there is one."""
    for entry in refusals.get(str(request.get("model")), ()):
        name, _, only = entry.partition("=")
        if name not in request:
            continue
        if not only:
            return _refused(name, "unsupported_parameter", _unsupported(name))
        if request[name] != json.loads(only):
            return _refused(name, "unsupported_value", _unsupported_value(name, request[name], only))
    return None


def _unsupported(name: str) -> str:
    instead = f" Use '{_INSTEAD[name]}' instead." if name in _INSTEAD else ""
    return f"Unsupported parameter: '{name}' is not supported with this model.{instead}"


def _unsupported_value(name: str, value: object, only: str) -> str:
    return (
        f"Unsupported value: '{name}' does not support {json.dumps(value)} with this model. "
        f"Only the default ({only}) value is supported."
    )


def _refused(name: str, code: str, message: str) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": name, "code": code}
    return json_answer({"error": error}, 400)
