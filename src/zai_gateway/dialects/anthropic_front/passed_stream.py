"""A stream from Anthropic's servers to Anthropic's client: the same bytes, read on their way through."""

import re

from zai_gateway.dialects.anthropic_front.passing import content_bytes
from zai_gateway.dialects.anthropic_usage import usage_of
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.outgoing import Outgoing
from zai_gateway.dialects.problem import broken, problem_inside, truncated
from zai_gateway.wire.draft import Draft
from zai_gateway.wire.events import Chunk, Event, Finished, Reported
from zai_gateway.wire.sse import MOST_BUFFERED, ServerEventDecoder
from zai_gateway.wire.values import Json, decode, encode


class PassedStream:
    """Reads one upstream's stream. What it says does not depend on how its bytes were cut.

    Every event goes on as it came, pings and comments too, but for the `model` that `message_start` names.
    `message_stop` comes in one go with Finished, so that it can be kept until the answer is settled. What an
    `error` event says comes as UpstreamProblem, and its bytes do not go on.
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._unended = bytearray()
        """An event whose end has not come yet."""
        self._usage: dict[str, Json] = {}
        self._over = False

    def feed(self, received: bytes) -> list[Event]:
        """The events that `received` completes."""
        if self._over:
            return []
        out = Outgoing()
        unended = self._unended
        if unended:
            # The end of an event may have been cut in two.
            is_ended = _END.search(bytes(unended[-_LONGEST_END:]) + received)
            unended += received
            if is_ended is None:
                self._check_size(out)
                return out.events()
            received = bytes(unended)
            unended.clear()
        at = self._take_all(received, out)
        unended += received[at:]
        self._check_size(out)
        return out.events()

    def end(self) -> list[Event]:
        """What the end of the upstream's body means: nothing after `message_stop`, else a cut."""
        out = Outgoing()
        if self._over:
            return []
        rest = bytes(self._unended).rstrip(b"\r\n")
        if rest.endswith(b"}") and b"message_stop" in rest:
            # Some proxies leave out the blank line behind the last event.
            self._take(rest + b"\n\n", out)
        if not self._over:
            self._over = True
            out.event(truncated())
        return out.events()

    def _take_all(self, received: bytes, out: Outgoing) -> int:
        """Takes every event that is whole; where the first begins that is not."""
        at = 0
        while not self._over:
            run = _PLAIN_RUN.match(received, at)
            size = None if run is None else _measured(run[0])
            if run is not None and size is not None:
                out.chunk(Chunk(run[0], size, True))
                at = run.end()
            end = _END.search(received, at)
            if end is None:
                return at
            self._take(received[at : end.end()], out)
            at = end.end()
        return len(received)

    def _check_size(self, out: Outgoing) -> None:
        if len(self._unended) > MOST_BUFFERED and not self._over:
            self._break(f"one event is larger than {MOST_BUFFERED} bytes", out)

    def _take(self, raw: bytes, out: Outgoing) -> None:
        """What ends with a blank line: one event, or comments."""
        found = _USUAL.fullmatch(raw)
        datas = [found[1]] if found else [event.data for event in ServerEventDecoder().feed(raw)]
        try:
            values = [decode(data) for data in datas]
        except ValueError as trouble:
            self._break(str(trouble), out)
            return
        if not values:
            out.chunk(Chunk(raw, 0, False))
        for data, value in zip(datas, values, strict=True):
            if not isinstance(value, dict):
                self._break("an event is not a JSON object", out)
                return
            self._pass(raw, data, value, out)

    def _pass(self, raw: bytes, data: bytes, value: dict[str, Json], out: Outgoing) -> None:
        sort = value.get("type")
        if sort == "content_block_delta":
            delta = value.get("delta")
            out.chunk(Chunk(raw, content_bytes(delta), _is_content(delta)))
        elif sort == "content_block_start":
            block = value.get("content_block")
            out.chunk(Chunk(raw, content_bytes(block), _is_content(block)))
        elif sort == "message_start":
            out.chunk(Chunk(raw.replace(data, self._named(data), 1), 0, False))
            message = value.get("message")
            self._report(message.get("usage") if isinstance(message, dict) else None, out, final=False)
        elif sort == "message_delta":
            out.chunk(Chunk(raw, 0, False))
            self._report(value.get("usage"), out, final=True)
        elif sort == "error":
            self._over = True
            out.event(problem_inside(value))
        else:
            out.chunk(Chunk(raw, 0, False))
        if sort == "message_stop":
            self._over = True
            out.event(Finished())

    def _named(self, data: bytes) -> bytes:
        draft = Draft(data)
        message = draft.raw("message")
        if message is None or not message.startswith(b"{"):
            return data
        inner = Draft(message)
        inner.say("model", self._naming.model)
        draft.put("message", inner.written())
        return draft.written()

    def _report(self, told: Json, out: Outgoing, *, final: bool) -> None:
        """Counts are cumulative, and what is not told again has not changed."""
        if isinstance(told, dict):
            self._usage |= {name: value for name, value in told.items() if value is not None}
        read = usage_of(self._usage)
        usage = read.usage
        if usage is not None:
            out.event(Reported(usage, read.tier, encode(self._usage), final=final))

    def _break(self, trouble: str, out: Outgoing) -> None:
        self._over = True
        out.event(broken(f"The provider's stream cannot be read: {trouble}."))


def _is_content(value: Json) -> bool:
    """Whether a block or a delta holds anything of the answer: an empty text that begins does not."""
    if not isinstance(value, dict):
        return False
    if content_bytes(value):
        return True
    return value.get("type") in ("signature_delta", "citations_delta", "tool_use", "server_tool_use")


def _measured(events: bytes) -> int | None:
    """Bytes of text in plain deltas, of which none may hold an escape; None where they are no UTF-8."""
    if not events.isascii():
        try:
            events.decode()
        except UnicodeDecodeError:
            return None
    return sum(map(len, _PLAIN_TEXT.findall(events)))


_LONGEST_END = len(b"\n\r\n")
_END = re.compile(rb"\n\r?\n|\r\r")
_USUAL = re.compile(rb"(?:event:[^\r\n]*\r?\n)?data: ?([^\r\n]*)\r?\n\r?\n")
_BEGINS = (
    rb'event: content_block_delta\ndata: \{"type":"content_block_delta","index":[0-9]{1,6},'
    rb'"delta":\{"type":"(?:text_delta","text|thinking_delta","thinking|input_json_delta","partial_json)":"'
)
_PLAIN_TEXT = re.compile(_BEGINS + rb'([^"\\\x00-\x1f]++)"\} *+\} *+\n\n')
_PLAIN_RUN = re.compile(rb'(?:%s[^"\\\x00-\x1f]++"\} *+\} *+\n\n)++' % _BEGINS)
"""Deltas as Anthropic writes most of them: told without parsing, since nothing in them is changed."""
