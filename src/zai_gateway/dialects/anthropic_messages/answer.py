"""A whole answer of Anthropic's in OpenAI's shape, and what it used."""

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.blocks import Block, call_extras, read_block
from zai_gateway.dialects.anthropic_messages.endings import Ending
from zai_gateway.dialects.anthropic_messages.keepsakes import own_block, redacted, thought
from zai_gateway.dialects.anthropic_messages.places import Places
from zai_gateway.dialects.anthropic_messages.reading import NULL, Written, is_given
from zai_gateway.dialects.anthropic_messages.usage import shown_tier, shown_usage
from zai_gateway.dialects.anthropic_usage import Told, told_usage
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.problem import broken, problem_inside
from zai_gateway.dialects.stops import StopWatch
from zai_gateway.wire.events import Answer, Reported, UpstreamProblem
from zai_gateway.wire.surrogates import legible
from zai_gateway.wire.values import Json, decode

BESIDE = ("container", "context_management", "diagnostics")
"""What an answer tells beside its content, kept under its own name."""


def decode_answer(body: bytes, naming: Naming, plan: StreamPlan) -> Answer | UpstreamProblem:
    """The answer for the client, or what is wrong with it although its status was 200."""
    try:
        body = legible(body)
        told = msgspec.json.decode(body, type=_Message)
        if told.type == "error" or is_given(told.error):
            return problem_inside(decode(body))
        if told.content is None or told.role != "assistant":
            return broken("The provider's answer is not a message: it has no content.")
        return _Reading(naming, plan).answer(told)
    except (msgspec.MsgspecError, ValueError, RecursionError) as trouble:
        return broken(f"The provider's answer cannot be read: {_words(trouble)}.")


class _Message(Struct, frozen=True):
    type: str | None = None
    role: str | None = None
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = NULL
    usage: Raw = NULL
    error: Raw = NULL
    container: Raw = NULL
    context_management: Raw = NULL
    diagnostics: Raw = NULL


class _Reading:
    """One answer, block by block."""

    def __init__(self, naming: Naming, plan: StreamPlan) -> None:
        self._naming = naming
        self._answer_tool = plan.answer_tool
        self._watch = StopWatch(plan.stop) if plan.stop else None
        self._stopped = False
        self._places = Places()
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._details: list[Written] = []
        self._calls: list[Written] = []
        self._foreign: list[Written] = []
        self._annotations: list[Json] = []
        self._size = 0

    def answer(self, told: _Message) -> Answer:
        for value in told.content or []:
            self._take(value)
        if self._watch is not None and not self._stopped:
            self._text.append(self._watch.rest())
        used = told_usage(told.usage)
        ending = Ending(told.stop_reason, told.stop_sequence, told.stop_details)
        ending = Ending("end_turn") if self._stopped else ending
        choice: dict[str, Written] = {
            "index": 0,
            "message": self._message(ending),
            "logprobs": None,
            "finish_reason": ending.finish_reason(called=bool(self._calls)),
            **ending.extras(),
        }
        shown: dict[str, Written] = {
            "id": self._naming.id,
            "object": "chat.completion",
            "created": self._naming.created,
            "model": self._naming.model,
            "choices": [choice],
        }
        for name in BESIDE:
            value: Raw = getattr(told, name)
            if is_given(value):
                shown[name] = value
        reported = self._reported(used, shown)
        return Answer(_WRITER.encode(shown), reported, self._size)

    def _take(self, value: Raw) -> None:
        block = read_block(value)
        if block is None:
            self._foreign.append(own_block(_BLOCK.decode(value), self._places.take()))
        elif block.type == "text":
            self._places.begin_text()
            self._say(block.text or "")
            for citation in block.citations or []:
                self._places.cite(citation)
            annotations = self._places.end_text()
            if not self._stopped:
                self._annotations += annotations
        elif block.type == "tool_use" and block.name is not None and block.name == self._answer_tool:
            self._places.begin_text()
            self._say(bytes(block.input).decode())
            self._places.end_text()
        elif block.type == "tool_use":
            self._places.call()
            self._calls.append(_call(block, f"call_{self._naming.id}_{len(self._calls)}"))
            self._size += len(bytes(block.input)) + len((block.name or "").encode())
        elif block.type == "thinking":
            self._thoughts.append(block.thinking or "")
            self._details.append(thought(block.thinking or "", block.signature, self._places.take()))
            self._size += len((block.thinking or "").encode())
        else:
            self._details.append(redacted(block.data or "", self._places.take()))

    def _say(self, text: str) -> None:
        self._size += len(text.encode())
        self._places.grow(len(text))
        if self._stopped:
            return
        if self._watch is not None:
            text, self._stopped = self._watch.feed(text)
        self._text.append(text)

    def _message(self, ending: Ending) -> dict[str, Written]:
        text = "".join(self._text)
        refusal = ending.explanation()
        silent = None if self._calls or refusal is not None else ""
        message: dict[str, Written] = {"role": "assistant", "content": text or silent, "refusal": refusal}
        thoughts = "".join(self._thoughts)
        if thoughts:
            message["reasoning_content"] = thoughts
        if self._details:
            message["reasoning_details"] = self._details
        if self._calls and not self._stopped:
            message["tool_calls"] = self._calls
        if self._annotations:
            message["annotations"] = [*self._annotations]
        foreign = self._foreign if self._stopped else self._foreign + self._places.markers()
        if foreign:
            message["provider_blocks"] = foreign
        return message

    def _reported(self, told: Told, shown: dict[str, Written]) -> Reported | None:
        usage = told.usage
        if usage is None:
            return None
        tier = shown_tier(told)
        if tier is not None:
            shown["service_tier"] = tier
        text = _WRITER.encode(shown_usage(usage, told))
        shown["usage"] = Raw(text)
        return Reported(usage, told.tier, text)


def _call(block: Block, id: str) -> dict[str, Written]:
    arguments = bytes(block.input).decode() if is_given(block.input) else "{}"
    return {
        "id": block.id or id,
        "type": "function",
        "function": {"name": block.name or "", "arguments": arguments},
        **call_extras(block),
    }


def _words(trouble: Exception) -> str:
    return "it is nested too deeply" if isinstance(trouble, RecursionError) else str(trouble)


_BLOCK = msgspec.json.Decoder(dict[str, Raw])
_WRITER = msgspec.json.Encoder()
