"""Voices: what stands between the dialect of an upstream and the protocol of a client, for each pair."""

from collections.abc import Mapping
from typing import Protocol, cast

from msgspec.structs import replace

from zai_gateway.dialects import anthropic_front, anthropic_messages, gemini, openai_chat
from zai_gateway.dialects import dialect as dialects
from zai_gateway.dialects.anthropic_front import MessageStream, PassedStream
from zai_gateway.dialects.dialect import Decoder, Encoded, EncodePlan, StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat import Habits, StreamDecoder
from zai_gateway.dialects.problem import decode_error
from zai_gateway.errors import Failure
from zai_gateway.providers.provider import Dialect
from zai_gateway.wire.chat import ChatRequest, parse
from zai_gateway.wire.events import Answer, Chunk, Event, Reported, UpstreamProblem
from zai_gateway.wire.failure import error_event, status_of
from zai_gateway.wire.fronts import Front
from zai_gateway.wire.sse import DONE, KEEP_ALIVE, frame

Names = tuple[str, ...]


class Voice(Protocol):
    """Says requests of one front to upstreams of one dialect, and their answers to the client."""

    def encode(self, request: ChatRequest, plan: EncodePlan, /) -> Encoded:
        """The request for the upstream. Raises Failure for what it cannot express."""
        ...

    def answer(self, body: bytes, naming: Naming, plan: StreamPlan, /) -> Answer | UpstreamProblem:
        """The answer for the client, or what is wrong with it although its status was 200."""
        ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes, /) -> UpstreamProblem:
        """The problem that an answer with an error status tells."""
        ...

    def decoder(self, naming: Naming, plan: StreamPlan, habits: Habits, /) -> Decoder:
        """Reads one stream; what it gives is ready for the client. `habits` are those of its route."""
        ...

    def ending(self, decoder: Decoder, plan: StreamPlan, reported: Reported | None, /) -> bytes:
        """What ends a stream that is whole, once it is settled."""
        ...


def read(front: Front, body: bytes) -> ChatRequest:
    """The request in `body`, as the hub has it. Raises Failure."""
    if front is Front.OPENAI:
        return parse(body)
    hub = anthropic_front.read_request(body)
    try:
        return replace(parse(hub), original=body)
    except Failure as failure:
        raise anthropic_front.in_clients_words(failure, body) from None


def plain(request: ChatRequest, understands: frozenset[str], *, reasons: bool) -> tuple[ChatRequest, Names]:
    """A request of another front for a vendor of OpenAI's dialect, which lacks words for much of it.

    Beside it the names of what was left out. `reasons`: whether its model does. Raises Failure for what
    cannot be left out.
    """
    try:
        body, dropped = openai_chat.plainly(request.body, understands, reasons=reasons)
    except Failure as failure:
        raise _in_clients_words(failure, request) from None
    assert request.original is not None
    dropped = anthropic_front.clients_names(dropped, request.original)
    if body is request.body:
        return request, dropped
    return replace(parse(body), original=request.original), dropped


def failing(front: Front, failure: Failure, request_id: str) -> bytes:
    """What ends a stream that is not whole, in the protocol of its client."""
    if front is Front.OPENAI:
        return frame(error_event(failure))
    told = anthropic_front.error_body(failure, status_of(failure), request_id)
    return b"event: error\ndata: " + told + b"\n\n"


def silence(front: Front, *, committed: bool) -> bytes:
    """What is said to a client that would hear nothing else for long; `committed`: its answer has begun.

    A comment, which no client takes for a word of the answer. Anthropic's clients know an event for it, and
    some count the events; before the message has begun it would be out of place.
    """
    return anthropic_front.PING if committed and front is Front.ANTHROPIC else KEEP_ALIVE


def voice_of(front: Front, dialect: Dialect) -> Voice:
    """The voice of a pair."""
    return _VOICES[front][dialect]


class _Passed:
    """From OpenAI's clients to OpenAI's dialect: bytes pass through but for the named splices."""

    encode = staticmethod(openai_chat.encode)
    error = staticmethod(decode_error)

    def answer(self, body: bytes, naming: Naming, plan: StreamPlan) -> Answer | UpstreamProblem:
        return openai_chat.decode_answer(body, naming, plan.stop, plan.counting)

    def decoder(self, naming: Naming, plan: StreamPlan, habits: Habits) -> Decoder:
        return StreamDecoder(naming, plan, habits=habits)

    def ending(self, _decoder: Decoder, plan: StreamPlan, reported: Reported | None) -> bytes:
        return _ending(plan, reported)


class _Translated:
    """From OpenAI's clients to another dialect."""

    def __init__(self, dialect: dialects.Dialect) -> None:
        self.encode = dialect.encode
        self.answer = dialect.decode_answer
        self.error = dialect.decode_error
        self._decoder = dialect.decoder

    def decoder(self, naming: Naming, plan: StreamPlan, _habits: Habits) -> Decoder:
        return self._decoder(naming, plan)

    def ending(self, _decoder: Decoder, plan: StreamPlan, reported: Reported | None) -> bytes:
        return _ending(plan, reported)


class _Messages:
    """From Anthropic's clients to a dialect that is not theirs, through the hub."""

    def __init__(self, hub: Voice) -> None:
        self._hub = hub
        self.error = hub.error

    def encode(self, request: ChatRequest, plan: EncodePlan) -> Encoded:
        assert request.original is not None
        if not plan.goes_on:
            anthropic_front.refuse_prefill(request.original)
        try:
            encoded = self._hub.encode(request, plan)
            dropped = anthropic_front.clients_names(encoded.dropped, request.original)
            return encoded if dropped == encoded.dropped else replace(encoded, dropped=dropped)
        except Failure as failure:
            raise _in_clients_words(failure, request) from None

    def answer(self, body: bytes, naming: Naming, plan: StreamPlan) -> Answer | UpstreamProblem:
        answer = self._hub.answer(body, naming, plan)
        if isinstance(answer, UpstreamProblem):
            return answer
        return replace(answer, json=anthropic_front.write_answer(answer))

    def decoder(self, naming: Naming, plan: StreamPlan, habits: Habits) -> Decoder:
        return _MessageDecoder(self._hub.decoder(naming, plan, habits), MessageStream(naming))

    def ending(self, decoder: Decoder, _plan: StreamPlan, reported: Reported | None) -> bytes:
        return cast(_MessageDecoder, decoder).message.end(reported)


class _PassedMessages:
    """From Anthropic's clients to Anthropic's dialect: bytes pass through but for the named splices."""

    error = staticmethod(anthropic_messages.decode_error)

    def encode(self, request: ChatRequest, plan: EncodePlan) -> Encoded:
        assert request.original is not None
        return anthropic_front.pass_request(request.original, plan)

    def answer(self, body: bytes, naming: Naming, _plan: StreamPlan) -> Answer | UpstreamProblem:
        return anthropic_front.pass_answer(body, naming)

    def decoder(self, naming: Naming, _plan: StreamPlan, _habits: Habits) -> Decoder:
        return PassedStream(naming)

    def ending(self, _decoder: Decoder, _plan: StreamPlan, _reported: Reported | None) -> bytes:
        return b""  # its last event came with the rest


class _MessageDecoder:
    """The hub's chunks of a stream as the events of an Anthropic message."""

    def __init__(self, hub: Decoder, message: MessageStream) -> None:
        self._hub = hub
        self.message = message

    def feed(self, received: bytes) -> list[Event]:
        return [self._said(event) for event in self._hub.feed(received)]

    def end(self) -> list[Event]:
        return [self._said(event) for event in self._hub.end()]

    def _said(self, event: Event) -> Event:
        if not isinstance(event, Chunk):
            return event
        return Chunk(self.message.feed(event.frames), event.content_bytes, event.is_content)


def _in_clients_words(failure: Failure, request: ChatRequest) -> Failure:
    assert request.original is not None
    return anthropic_front.in_clients_words(failure, request.original)


def _ending(plan: StreamPlan, reported: Reported | None) -> bytes:
    return DONE if reported is None or not plan.include_usage else frame(reported.json) + DONE


_HUB: Mapping[Dialect, Voice] = {
    Dialect.OPENAI_CHAT: _Passed(),
    Dialect.ANTHROPIC_MESSAGES: _Translated(anthropic_messages),
    Dialect.GEMINI: _Translated(gemini),
}
_VOICES: Mapping[Front, Mapping[Dialect, Voice]] = {
    Front.OPENAI: _HUB,
    Front.ANTHROPIC: {
        Dialect.OPENAI_CHAT: _Messages(_HUB[Dialect.OPENAI_CHAT]),
        Dialect.ANTHROPIC_MESSAGES: _PassedMessages(),
        Dialect.GEMINI: _Messages(_HUB[Dialect.GEMINI]),
    },
}
