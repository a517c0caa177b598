"""Where in an Anthropic client's request a field of the hub's stands, for refusals that name it."""

import re

from msgspec import Struct

from zai_gateway.dialects.anthropic_front.names import clients_name
from zai_gateway.dialects.anthropic_front.paths import in_anthropics_words
from zai_gateway.errors import Failure
from zai_gateway.wire.values import Json, decode


class _Place(Struct, frozen=True):
    """The origin of one message of the hub."""

    path: str
    blocks: dict[str, list[int]] | None = None
    """The blocks of which its lists are made, by the list; None: content stands in it as it was."""


def in_clients_words(failure: Failure, original: bytes) -> Failure:
    """The same refusal with the path of the field in `original`, a request that `read_request` could read.

    The hub has a tool's result as a message of its own, and calls beside the content, so that its paths say
    nothing to who wrote blocks. What has no place of its own there gets that of its block.
    """
    found = _MESSAGE.match(failure.param or "")
    if found is None or failure.param is None:
        return in_anthropics_words(_renamed(failure, original))
    places = _places(decode(original))
    index = int(found[1])
    if index >= len(places):
        return in_anthropics_words(failure)
    return _told(failure, _path(places[index], failure.param[found.end() :]))


def _renamed(failure: Failure, original: bytes) -> Failure:
    name = clients_name(failure.param or "", original)
    return failure if name == (failure.param or "") else _told(failure, name)


def _told(failure: Failure, path: str) -> Failure:
    told = Failure(failure.code, failure.message.replace(f"`{failure.param}`", f"`{path}`"), param=path)
    told.notices = failure.notices
    return told


def _path(place: _Place, rest: str) -> str:
    found = _ELEMENT.match(rest)
    if found is None:
        return place.path
    name, index = found[1], int(found[2])
    if place.blocks is not None:
        blocks = place.blocks.get(name, [])
        if index >= len(blocks):
            return place.path
        index = blocks[index]
    elif name != "content":
        return place.path
    inside = "" if place.path == "system" else ".content"
    end = ".type" if rest[found.end() :] == ".type" else ""
    return f"{place.path}{inside}.{index}{end}"


def _places(request: Json) -> list[_Place]:
    """The origin of every message of the hub, in their order (see `conversation`)."""
    assert isinstance(request, dict), "a request is an object"
    messages = request.get("messages")
    places = [] if request.get("system") is None else [_Place("system")]
    for index, message in enumerate(messages if isinstance(messages, list) else []):
        if isinstance(message, dict):
            places += _of_message(message, f"messages.{index}")
    return places


def _of_message(message: dict[str, Json], path: str) -> list[_Place]:
    content = message.get("content")
    if not isinstance(content, list):
        return [_Place(path)]
    results: list[_Place] = []
    blocks: dict[str, list[int]] = {"content": [], "tool_calls": [], "provider_blocks": []}
    for index, block in enumerate(content):
        sort = block.get("type") if isinstance(block, dict) else None
        if sort == "tool_result":
            results.append(_Place(f"{path}.content.{index}"))
        elif sort == "tool_use":
            blocks["tool_calls"].append(index)
        elif message.get("role") != "assistant" or sort in _PARTS:
            blocks["content"].append(index)
        elif sort not in _REASONING:
            blocks["provider_blocks"].append(index)
    own = len(results) < len(content) or not results
    return [*results, _Place(path, blocks)] if own else results


_MESSAGE = re.compile(r"messages\[([0-9]+)\]")
_ELEMENT = re.compile(r"\.(\w+)\[([0-9]+)\]")
_PARTS = ("text", "image", "document")
_REASONING = ("thinking", "redacted_thinking")
