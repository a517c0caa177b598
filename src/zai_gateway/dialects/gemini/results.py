"""What functions gave back: tool messages as `functionResponse` parts, in the order of their calls."""

import re
from collections.abc import Sequence

from msgspec import Struct

from zai_gateway.dialects.gemini.asked import Dropped
from zai_gateway.dialects.gemini.media import grouped_parts
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import Json, decode

_OURS = re.compile(r"call_\w+-\d+-\d+", re.ASCII)
"""An id that `made_id` made, and that Gemini never saw."""


_FAILED = "The function failed. What it gave back is no text."


class Call(Struct, frozen=True):
    """A call that the model made earlier in the conversation."""

    id: str
    name: str
    position: int
    """Among all calls so far: results stand in the order of their calls, where nothing but it tells them."""


class Result(Struct, frozen=True):
    """One tool message as Gemini's parts."""

    position: int
    parts: list[dict[str, Json]]


class MediaPlaces(Struct, frozen=True, kw_only=True):
    """Which media may stand inside a function's result (`FunctionResponsePart`); others stand beside it."""

    blobs: bool
    """Those whose bytes are sent."""
    files: bool
    """Those that Google fetches: the Gemini API has no word for them there, Vertex AI has."""


def made_id(answer: str, candidate: int, position: int) -> str:
    """The id of a call to which Gemini gave none: the same for the same answer however it was cut."""
    return f"call_{answer.removeprefix('cmpl_')}-{candidate}-{position}"


def given_id(id: str) -> str | None:
    """An id as Gemini gave it, or another vendor; None for one that was made here."""
    return None if not id or _OURS.fullmatch(id) else id


def result_of(message: Fields, calls: Sequence[Call], places: MediaPlaces, dropped: Dropped) -> Result:
    """A message of the role `tool` or `function`. Raises Failure where it answers no call that is known."""
    id = message.text("tool_call_id") or ""
    call = _call_of(id, message, calls)
    name = message.text("name") if call is None else call.name
    if name is None:
        if not id:
            raise missing(message.at("tool_call_id"), "the id of the call that is answered")
        raise invalid(message.at("tool_call_id"), "the id of a call in an earlier message", "not")
    inside: list[Json] = []
    beside: list[dict[str, Json]] = []
    texts: list[str] = []
    for parts in grouped_parts(message, dropped):
        for part in parts:
            text = part.get("text")
            if isinstance(text, str):
                # What a document is called is no piece of the text before it.
                texts.append(f"\n\n{text}" if texts and len(parts) > 1 else text)
            elif places.files if "fileData" in part else places.blobs:
                inside.append(part)
            else:
                beside.append(part)
    response: dict[str, Json] = {"name": name}
    known = given_id(id)
    if known is not None:
        response["id"] = known
    response["response"] = _response(texts, bool(inside or beside), message.flag("is_error") is True)
    if inside:
        response["parts"] = inside
    return Result(len(calls) if call is None else call.position, [{"functionResponse": response}, *beside])


def _call_of(id: str, message: Fields, calls: Sequence[Call]) -> Call | None:
    """The last call of this id; without an id (the old role `function`) the last of this name."""
    if id:
        return next((call for call in reversed(calls) if call.id == id), None)
    name = message.text("name")
    return next((call for call in reversed(calls) if call.name == name), None)


def _response(texts: list[str], has_media: bool, is_error: bool) -> dict[str, Json]:
    """An object as it is; other text under the name that Gemini reads it by (`FunctionResponse.response`)."""
    if not texts and has_media:
        return {"error": _FAILED} if is_error else {}
    text = "".join(texts)
    if is_error:
        return {"error": text}
    if text.lstrip()[:1] == "{":
        try:
            value = decode(text.encode())
        except ValueError:
            return {"output": text}
        if isinstance(value, dict):
            return value
    return {"output": text}
