"""A stream of Anthropic's events: bytes in at any cut, chunks in OpenAI's shape out."""

import msgspec
from msgspec import Raw

from zai_gateway.dialects.anthropic_messages.answer import BESIDE
from zai_gateway.dialects.anthropic_messages.endings import Ending
from zai_gateway.dialects.anthropic_messages.events import MessageBegun, StreamEvent
from zai_gateway.dialects.anthropic_messages.frames import Frames
from zai_gateway.dialects.anthropic_messages.pieces import Run
from zai_gateway.dialects.anthropic_messages.reading import Written, is_given
from zai_gateway.dialects.anthropic_messages.saying import Saying
from zai_gateway.dialects.anthropic_messages.usage import shown_tier, shown_usage
from zai_gateway.dialects.anthropic_usage import Told, told_usage
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.outgoing import Outgoing
from zai_gateway.dialects.problem import broken, problem_inside, truncated
from zai_gateway.wire.events import Event, Finished, Reported, UpstreamProblem
from zai_gateway.wire.sse import EventTooLarge, ServerEvent, ServerEventDecoder
from zai_gateway.wire.surrogates import with_whole_surrogates
from zai_gateway.wire.values import decode


class StreamDecoder:
    """Reads one upstream's stream. What it says does not depend on how its bytes were cut.

    The answer is complete with `message_stop` and not before. After Finished or UpstreamProblem nothing
    comes.
    """

    def __init__(self, naming: Naming, plan: StreamPlan) -> None:
        self._frames = Frames(naming)
        self._saying = Saying(self._frames, naming, plan)
        self._source = ServerEventDecoder()
        self._told = Told()
        self._ending = Ending()
        self._beside: dict[str, Written] = {}
        self._reported = False
        self._over = False

    def feed(self, received: bytes) -> list[Event]:
        """The events that `received` completes."""
        if self._over:
            return []
        run = self._saying.run(received, 0) if self._source.between_events else None
        if run is not None and run.end == len(received):
            return [run.chunk]
        out = Outgoing()
        try:
            self._read(received, run, out)
        except EventTooLarge as trouble:
            self._take_all(trouble.before, out)
            self._fail(_unreadable(trouble), out)
        return out.events()

    def end(self) -> list[Event]:
        """What the end of the body means: a cut, unless `message_stop` lacks only its blank line."""
        if self._over:
            return []
        out = Outgoing()
        for event in self._source.feed(b"\n\n"):
            if _ends(event):
                self._take(event, out)
        self._fail(truncated(), out)
        return out.events()

    def _read(self, received: bytes, run: Run | None, out: Outgoing) -> None:
        """Reads on from `run`, with which `received` begins if it begins with one."""
        at = 0
        while at < len(received) and not self._over:
            if run is not None:
                out.chunk(run.chunk)
                at = run.end
            else:
                following = received.find(b"\n\n", at)
                end = len(received) if following < 0 else following + 2
                self._take_all(self._source.feed(received[at:end]), out)
                at = end
            run = self._saying.run(received, at) if self._source.between_events else None

    def _take_all(self, events: list[ServerEvent], out: Outgoing) -> None:
        for event in events:
            if not self._over:
                self._take(event, out)

    def _take(self, event: ServerEvent, out: Outgoing) -> None:
        data = event.data
        try:
            try:
                told = _EVENT.decode(data)
            except msgspec.DecodeError:
                if not data.strip():
                    return
                data = with_whole_surrogates(data)
                told = _EVENT.decode(data)
            self._understand(told, data, out)
        except (msgspec.MsgspecError, ValueError, RecursionError) as trouble:
            self._fail(_unreadable(trouble), out)

    def _understand(self, told: StreamEvent, data: bytes, out: Outgoing) -> None:
        sort = told.type
        if sort == "content_block_delta" and told.delta is not None:
            self._saying.go_on(told.index, told.delta, data, out)
        elif sort == "content_block_start":
            self._saying.begin(told.index, told.content_block, out)
        elif sort == "content_block_stop":
            self._saying.end(told.index, out)
        elif sort == "message_start":
            self._start(told.message, out)
        elif sort == "message_delta":
            self._close(told, out)
        elif sort == "message_stop":
            self._finish(out)
        elif sort == "error" or is_given(told.error):
            self._fail(problem_inside(decode(data)), out)

    def _start(self, message: Raw, out: Outgoing) -> None:
        begun = msgspec.json.decode(message, type=MessageBegun)
        self._told = told_usage(begun.usage)
        self._keep(begun)
        out.chunk(self._frames.role())

    def _close(self, told: StreamEvent, out: Outgoing) -> None:
        """What the message comes to, told before its end."""
        later = told_usage(told.usage)
        self._told = self._told.followed_by(later)
        delta = told.delta
        if delta is not None:
            self._ending = Ending(delta.stop_reason, delta.stop_sequence, delta.stop_details)
            if is_given(delta.container):
                self._beside["container"] = delta.container
        self._keep(told)
        tier = shown_tier(self._told)
        if tier is not None:
            self._beside["service_tier"] = tier
        # What the beginning said of the output is no count of it.
        if later.output_tokens is not None:
            self._report(out, final=True)

    def _keep(self, told: StreamEvent | MessageBegun) -> None:
        for name in BESIDE:
            value: Raw = getattr(told, name)
            if is_given(value):
                self._beside[name] = value

    def _report(self, out: Outgoing, *, final: bool) -> None:
        usage, tier = self._told.usage, shown_tier(self._told)
        if usage is None:
            return
        self._reported = True
        shown: dict[str, Written] = {"usage": {**shown_usage(usage, self._told)}}
        if tier is not None:
            shown["service_tier"] = tier
        out.event(Reported(usage, self._told.tier, self._frames.used(shown), None, final))

    def _finish(self, out: Outgoing) -> None:
        reason, extras = self._saying.conclude(self._ending, out)
        out.chunk(self._frames.end(reason, extras, self._beside))
        self._over = True
        out.event(Finished())

    def _fail(self, problem: UpstreamProblem, out: Outgoing) -> None:
        if self._over:
            return
        self._over = True
        if not self._reported:
            # What went in was told at the beginning.
            self._report(out, final=False)
        out.event(problem)


def _ends(event: ServerEvent) -> bool:
    """Whether an event without its blank line is whole all the same, and ends the stream."""
    try:
        return _EVENT.decode(event.data).type in ("message_stop", "error")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False


def _unreadable(trouble: Exception) -> UpstreamProblem:
    words = "it is nested too deeply" if isinstance(trouble, RecursionError) else str(trouble)
    return broken(f"The provider's stream cannot be read: {words}.")


_EVENT = msgspec.json.Decoder(StreamEvent)
