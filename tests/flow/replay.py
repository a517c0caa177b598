"""Recorded exchanges played through the whole gateway, and what was said in them, read simply."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tests.dialects.corpus import Exchange
from tests.dialects.vendors import model_of, prefix_of
from tests.flow.stage import OPERATOR, UPSTREAM_SECRET, Got, Stage
from tests.upstreams.answers import Answer
from tests.upstreams.http1 import Received
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.providers.registry import provider
from zai_gateway.wire.values import Json

_NOT_PUBLISHED = {"model": "unpublished", "messages": [{"role": "user", "content": "Hello"}]}
"""The request of an exchange whose answer alone was published."""
_REFUSED_HERE = ("provider",)
"""Parameters that change the route, which no request may have; another test is about that."""


def serve(stage: Stage, prefixes: Iterable[str]) -> None:
    """Gives the workspace a provider key for each vendor, by way of the stub, under its own prefix."""
    keys = stage.house.accounts.provider_keys
    standing = {key.provider for key in keys.list(OPERATOR, stage.workspace)}
    for prefix in sorted(set(prefixes) - standing):
        known = provider(prefix) is not None
        wanted = NewProviderKey(
            provider=prefix if known else "custom",
            name=None if known else prefix,
            secret=UPSTREAM_SECRET,
            base_url=stage.stub.base_url,
        )
        keys.add(OPERATOR, stage.workspace, wanted)


class Replayed(Struct, frozen=True):
    """One exchange that was played again."""

    exchange: Exchange
    asked: dict[str, Any]
    """What the client asked of the gateway."""
    got: Got
    sent: Received | None
    """What the gateway asked of the upstream; None where it refused."""


async def replayed(stage: Stage, key: IssuedKey, exchange: Exchange) -> Replayed:
    """Asks the recorded question of a gateway whose upstream gives the recorded answer."""
    asked = _question(exchange)
    response = exchange.response
    kind = "application/json" if response.sse is None else "text/event-stream; charset=utf-8"
    stage.stub.requests.clear()
    stage.stub.script(Answer(status=response.status, headers=(("content-type", kind),), body=response.bytes))
    got = await stage.chat(key, json.dumps(asked, ensure_ascii=False).encode())
    return Replayed(exchange, asked, got, next(iter(stage.stub.requests), None))


def _question(exchange: Exchange) -> dict[str, Any]:
    """The recorded request, for the model of the same name at the same vendor."""
    recorded = exchange.request.bytes
    body: dict[str, Any] = (
        json.loads(recorded) if recorded else _NOT_PUBLISHED | {"stream": exchange.is_stream}
    )
    kept = {name: value for name, value in body.items() if name not in _REFUSED_HERE}
    return {**kept, "model": f"{prefix_of(exchange)}/{model_of(exchange)}"}


def chunks(stream: bytes) -> list[dict[str, Any]]:
    """The JSON of every event of a stream; all recorded ones have a single line of data."""
    lines = stream.decode().replace("\r\n", "\n").split("\n")
    data = (line.removeprefix("data:").strip() for line in lines if line.startswith("data:"))
    return [json.loads(text) for text in data if text.startswith("{")]


def usage_of(said: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last report of what an answer used, of all its chunks; Groq's stands in a place of its own."""
    for each in reversed(said):
        groq: dict[str, Any] = each.get("x_groq") or {}
        if usage := each.get("usage") or groq.get("usage"):
            return usage
    return None


def heard(stream: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What a client makes of each choice of a stream: its texts, its tool calls and its end."""
    choices: dict[int, dict[str, Any]] = {}
    for chunk in stream:
        for position, choice in enumerate(chunk.get("choices") or []):
            index = choice.get("index")
            said = choices.setdefault(
                position if index is None else index, {"calls": "", "finish_reason": None}
            )
            delta: dict[str, Any] = choice.get("delta") or {}
            for name in ("content", "refusal", "reasoning_content", "reasoning"):
                if delta.get(name):
                    said[name] = said.get(name, "") + _text(delta[name])
            calls: list[dict[str, Any]] = delta.get("tool_calls") or []
            for call in calls:
                said["calls"] += _call(call, said["calls"])
            said["finish_reason"] = said["finish_reason"] or choice.get("finish_reason")
    return choices


def _call(call: dict[str, Any], before: str) -> str:
    """A piece of a tool call; its id once, since some servers repeat it in every piece."""
    function: dict[str, Any] = call.get("function") or {}
    id = call.get("id") or ""
    return f"{'' if id in before else id}{function.get('name') or ''}{function.get('arguments') or ''}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def differences(given: Json, got: Json, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, as `choices[].message.content added`."""
    if isinstance(given, dict) and isinstance(got, dict):
        for name in {**given, **got}:
            place = f"{path}.{name}" if path else name
            if name not in got or name not in given:
                yield f"{place} {'gone' if name in given else 'added'}"
            else:
                yield from differences(given[name], got[name], place)
    elif isinstance(given, list) and isinstance(got, list) and len(given) == len(got):
        for one, other in zip(given, got, strict=True):
            yield from differences(one, other, f"{path}[]")
    elif given != got or type(given) is not type(got):
        yield f"{path} changed"
