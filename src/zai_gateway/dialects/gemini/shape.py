"""Gemini's answers as they are read: one whole answer, or one event of a stream, in one go."""

from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from zai_gateway.wire.values import Json, decode

NOTHING = Raw()
"""A member that is absent."""


class PartialArgument(Struct, rename="camel"):
    """A piece of a call's arguments, where they are streamed (Vertex AI, `streamFunctionCallArguments`)."""

    json_path: str
    string_value: str | None = None
    number_value: int | float | None = None
    bool_value: bool | None = None


class FunctionCall(Struct, rename="camel"):
    """A call of one of the client's functions."""

    name: str | None = None
    id: str | None = None
    args: Raw = NOTHING
    partial_args: list[PartialArgument] | None = None
    will_continue: bool | None = None


class Blob(Struct, rename="camel"):
    """Bytes of a medium, in base64."""

    mime_type: str = ""
    data: str = ""


class Part(Struct, rename="camel"):
    """One part of an answer, of the kinds that have a place in the hub; any other is read verbatim."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class Content(Struct):
    """What one candidate says."""

    parts: list[Part] | None = None


class Candidate(Struct, rename="camel"):
    """One of the answers, or a piece of it."""

    content: Content | None = None
    index: int | None = None
    finish_reason: str | int | None = None
    finish_message: str | None = None
    grounding_metadata: Raw = NOTHING
    citation_metadata: Raw = NOTHING
    url_context_metadata: Raw = NOTHING
    safety_ratings: Raw = NOTHING
    logprobs_result: Raw = NOTHING


class PromptFeedback(Struct, rename="camel"):
    """Why a prompt got no answer."""

    block_reason: str | int | None = None
    block_reason_message: str | None = None


class Body(Struct, rename="camel"):
    """`GenerateContentResponse` (https://ai.google.dev/api/generate-content)."""

    candidates: list[Candidate] | None = None
    usage_metadata: Raw = NOTHING
    prompt_feedback: PromptFeedback | None = None
    model_version: str | None = None
    error: Raw = NOTHING


class Event:
    """One answer or event, with its parts verbatim where they are asked for."""

    def __init__(self, text: bytes) -> None:
        """Raises ValueError where `text` is none."""
        self._text = text
        self._value: Json = None
        try:
            self.body = _BODY.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.body = self._read_with_care()

    @property
    def value(self) -> Json:
        """All that it says."""
        if self._value is None:
            self._value = decode(self._text)
        return self._value

    def part(self, candidate: int, part: int) -> dict[str, Json]:
        """A part as it came, by its place and its candidate's."""
        # It was read as just that before.
        whole = cast("Any", self.value)
        return cast("dict[str, Json]", whole["candidates"][candidate]["content"]["parts"][part])

    def _read_with_care(self) -> Body:
        """As `values.decode` reads it; what it says must have the right form all the same."""
        try:
            return _BODY.decode(msgspec.json.encode(self.value))
        except (msgspec.MsgspecError, RecursionError) as trouble:
            raise ValueError(str(trouble)) from None


def is_told(value: Raw) -> bool:
    """Whether a member stands there and is not null."""
    return len(value) > 0 and value != _NULL


_BODY = msgspec.json.Decoder(Body)
_NULL = Raw(b"null")
