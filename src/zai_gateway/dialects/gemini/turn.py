"""One candidate's turn: its parts in the order in which the model made them, told one by one."""

from typing import Protocol

from msgspec import Raw

from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini.arguments import Arguments
from zai_gateway.dialects.gemini.layout import Layout, Place
from zai_gateway.dialects.gemini.replay import FORMAT
from zai_gateway.dialects.gemini.results import made_id
from zai_gateway.dialects.gemini.shape import Blob, Event, FunctionCall, Part, is_told
from zai_gateway.dialects.gemini.structure import answer_in
from zai_gateway.dialects.stops import StopWatch
from zai_gateway.wire.values import Json, decode, encode

MOST_CALLS = 1_000
"""Function calls of one candidate, and there is memory kept for each."""
_SIGNATURE = frozenset(("thought", "thoughtSignature"))


class Listener(Protocol):
    """Hears what a candidate says: a stream's chunks, or the message of a whole answer."""

    def text(self, text: str) -> None:
        """More of the content."""
        ...

    def thought(self, index: int, text: str, signature: str | None, *, begins: bool) -> None:
        """More of the thought `index`, or its signature."""
        ...

    def call(self, index: int, call: dict[str, Json]) -> None:
        """A whole call, as `tool_calls` has it."""
        ...

    def block(self, block: dict[str, Json]) -> None:
        """What one of Google's own tools did, as `provider_blocks` has it."""
        ...

    def image(self, image: dict[str, Json]) -> None:
        """An image that the model made, as `images` has it."""
        ...


class _Waiting:
    """A call that may turn out to be one that Google itself carried out."""

    def __init__(self, call: FunctionCall, signature: str | None, verbatim: dict[str, Json]) -> None:
        self.id = call.id
        self.name = call.name or ""
        self.args = call.args
        self.signature = signature
        self.verbatim = verbatim
        self.place: Place | None = None
        self.pieces: Arguments | None = None
        self.open = False


class Turn:
    """Reads parts. Calls are held until what follows tells who carries them out: the client, or Google.

    With servers of MCP, Google's own answer to a call follows it in the same turn.
    """

    def __init__(self, listener: Listener, answer: str, candidate: int, plan: StreamPlan) -> None:
        self._listener = listener
        self._answer = answer
        self._candidate = candidate
        self._watch = StopWatch(plan.stop) if plan.stop else None
        self._answer_tool = plan.answer_tool
        self._answered_by_tool = False
        self._waiting: list[_Waiting] = []
        self.calls = 0
        self._thoughts = -1
        self._blocks = 0
        self._images = 0
        self.layout = Layout()
        self.stopped = False
        """Whether a stop sequence was found here, so that nothing more is shown."""

    def take(self, part: Part, event: Event, at: tuple[int, int]) -> bool:
        """The next part, which stands in `event` at this candidate and place; whether it said anything."""
        if part.function_call is not None:
            self._take_call(part.function_call, part.thought_signature, event, at)
        elif part.text is not None:
            if not part.text and not part.thought_signature:
                return False
            self._take_text(part.text, part)
        elif part.inline_data is not None and part.inline_data.mime_type.startswith("image/"):
            self.settle()
            self._take_image(part.inline_data, part.thought_signature)
        else:
            verbatim = event.part(*at)
            if _SIGNATURE.issuperset(verbatim):
                if not part.thought_signature:
                    return False
                self._take_text("", part)
            else:
                self._take_block(verbatim)
        return True

    @property
    def goes_on_plainly(self) -> bool:
        """Whether more text is nothing but more of the same text."""
        return self._watch is None and not self._waiting and self.layout.goes_on_with_text

    def settle(self) -> None:
        """What is still held is the client's to carry out."""
        for waiting in self._waiting:
            self._tell_call(waiting)
        self._waiting.clear()

    def close(self) -> None:
        """Tells what was held back: the turn is over."""
        self.settle()
        if self._watch is not None and not self.stopped:
            self._say(self._watch.rest())

    def _take_text(self, text: str, part: Part) -> None:
        if self._waiting and (text or part.thought_signature):
            self.settle()
        if part.thought:
            self._take_thought(text, part.thought_signature)
            return
        if self.stopped:
            return
        self._say(self._watched(text))
        if part.thought_signature:
            self.layout.sign_text(part.thought_signature)

    def _watched(self, text: str) -> str:
        """What of a text is shown by now."""
        if self._watch is not None:
            text, self.stopped = ("", True) if self.stopped else self._watch.feed(text)
        return text

    def _say(self, text: str) -> None:
        if text:
            self.layout.add_text(len(text))
            self._listener.text(text)

    def _take_thought(self, text: str, signature: str | None) -> None:
        begins = not self.layout.goes_on_thinking
        if begins:
            self._thoughts += 1
            self.layout.add("thought", self._thoughts)
        if signature:
            self.layout.end_thought()
        self._listener.thought(self._thoughts, text, signature, begins=begins)

    def _take_call(
        self, call: FunctionCall, signature: str | None, event: Event, at: tuple[int, int]
    ) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last is None or not last.open:
            if self.calls + len(self._waiting) >= MOST_CALLS:
                raise ValueError(f"it has more than {MOST_CALLS} function calls")
            last = _Waiting(call, signature, event.part(*at))
            last.place = self.layout.add("call", 0)
            self._waiting.append(last)
        for piece in call.partial_args or ():
            last.pieces = last.pieces or Arguments()
            last.pieces.add(piece)
        last.open = call.will_continue is True

    def _take_block(self, verbatim: dict[str, Json]) -> None:
        answered = self._answered(verbatim.get("functionResponse"))
        if answered is None:
            self.settle()
        else:
            self._waiting.remove(answered)
            assert answered.place is not None
            answered.place.become("block", self._blocks)
            self._tell_block(answered.verbatim)
        self.layout.add("block", self._blocks)
        self._tell_block(verbatim)

    def _answered(self, response: Json) -> _Waiting | None:
        """The call that Google itself answers."""
        if not isinstance(response, dict):
            return None
        for waiting in self._waiting:
            if waiting.name == response.get("name") and waiting.id == response.get("id"):
                return waiting
        return None

    def _tell_block(self, verbatim: dict[str, Json]) -> None:
        sort = next((name for name in verbatim if name not in _SIGNATURE), "")
        head: dict[str, Json] = {"type": sort, "format": FORMAT, "index": self._blocks}
        self._blocks += 1
        self._listener.block(head | verbatim)

    def _tell_call(self, waiting: _Waiting) -> None:
        arguments = _arguments(waiting.args) if waiting.pieces is None else waiting.pieces.value
        assert waiting.place is not None
        if waiting.name and waiting.name == self._answer_tool:
            self._tell_answer(waiting.place, answer_in(waiting.name, arguments))
            return
        index = self.calls
        self.calls += 1
        waiting.place.become("call", index)
        call: dict[str, Json] = {
            "id": waiting.id or made_id(self._answer, self._candidate, index),
            "type": "function",
            "function": {"name": waiting.name, "arguments": encode(arguments).decode()},
        }
        if waiting.signature:
            call["extra_content"] = {"google": {"thought_signature": waiting.signature}}
        self._listener.call(index, call)

    def _tell_answer(self, place: Place, text: str) -> None:
        """The answer that was given by a tool's call. Its signature is of a call, and no text may have it."""
        if self._answered_by_tool:
            # Who calls it twice has said it all before, and two answers behind each other are no JSON.
            self.layout.leave_out(place)
            return
        self._answered_by_tool = True
        shown = self._watched(text)
        place.become("text", len(shown))
        if shown:
            self._listener.text(shown)

    def _take_image(self, blob: Blob, signature: str | None) -> None:
        self.layout.add("image", self._images)
        image: dict[str, Json] = {
            "type": "image_url",
            "image_url": {"url": f"data:{blob.mime_type};base64,{blob.data}"},
            "index": self._images,
        }
        self._images += 1
        if signature:
            image["extra_content"] = {"google": {"thought_signature": signature}}
        self._listener.image(image)


def _arguments(args: Raw) -> dict[str, Json]:
    """The arguments. Raises ValueError where they are no object."""
    if not is_told(args):
        return {}
    value = decode(bytes(args))
    if not isinstance(value, dict):
        raise ValueError("the arguments of a call are no object")
    return value
