"""A stream of the hub's chunks as the events of an Anthropic message."""

from zai_gateway.dialects.anthropic_front.answer import beside, call_id, message_id
from zai_gateway.dialects.anthropic_front.blocks import (
    AN_IMAGE,
    arguments_of,
    call_block,
    provider_block,
    refusal_of,
    spoken,
)
from zai_gateway.dialects.anthropic_front.citations import citation_of
from zai_gateway.dialects.anthropic_front.conversation import ANTHROPIC
from zai_gateway.dialects.anthropic_front.ending import stop_reason, stop_sequence
from zai_gateway.dialects.anthropic_front.events import begun, framed
from zai_gateway.dialects.anthropic_front.failures import error_object
from zai_gateway.dialects.anthropic_front.keepsakes import Keepsake, in_block, in_citation
from zai_gateway.dialects.anthropic_front.plain_text import PlainText, learned
from zai_gateway.dialects.anthropic_front.reasoning import Thought, redacted, thoughts
from zai_gateway.dialects.anthropic_front.sequence import (
    CallBlock,
    Note,
    Sequence,
    StreamedBlock,
    TextBlock,
    ThinkingBlock,
)
from zai_gateway.dialects.anthropic_front.usage import told_usage
from zai_gateway.dialects.naming import Naming
from zai_gateway.errors import Failure
from zai_gateway.wire.events import Reported
from zai_gateway.wire.sse import ServerEventDecoder
from zai_gateway.wire.values import Json, decode, encode


class MessageStream:
    """Writes one message. What it writes does not depend on how the chunks were joined.

    Blocks never overlap, as in Anthropic's own streams: of calls whose arguments come by turns, the later
    ones wait. Only the first choice is told.
    """

    def __init__(self, naming: Naming, input_tokens: int = 0) -> None:
        """`input_tokens` is an estimate, which `message_start` tells; the count comes at the end."""
        self._naming = naming
        self._input_tokens = input_tokens
        self._source = ServerEventDecoder()
        self._blocks = Sequence()
        self._calls: dict[int, CallBlock] = {}
        self._held: list[Thought] = []
        """Reasoning that nobody can read and that came behind text: a message does not end in it."""
        self._cited: list[bytes] = []
        """What the next text cites."""
        self._keepsake = Keepsake(ANTHROPIC)
        self._has_images = False
        self._plain: PlainText | None = None
        self._ending: dict[str, Json] = {}
        self._refusal: list[str] = []
        """Its words, kept to the end, which tells whether they are shown as text."""
        self._started = False

    def feed(self, frames: bytes) -> bytes:
        """The events that chunks make (`wire.events.Chunk.frames`); empty where they make none."""
        start = b"" if self._started else self._start()
        at = 0
        while at < len(frames):
            plain = self._plain if self._source.between_events else None
            run = None if plain is None else plain.run(frames, at)
            if run is not None:
                texts, at = run
                self._take_plain(texts)
            else:
                end = frames.find(b"\n\n", at) + 2
                end = end if end > 1 else len(frames)
                self._read(frames[at:end])
                at = end
        return start + self._blocks.taken()

    def _take_plain(self, texts: list[bytes]) -> None:
        """Several texts, as the insides of JSON strings."""
        told = [text for text in texts if text] if b"" in texts else texts
        if told:
            self._blocks.add_texts(self._text_block(), told)
            self._blocks.settle()

    def _read(self, frame: bytes) -> None:
        for event in self._source.feed(frame):
            value = decode(event.data)
            if isinstance(value, dict):
                self._take_chunk(event.data, value)

    def end(self, reported: Reported | None) -> bytes:
        """The end of a message that is whole: why it ended, what it used, `message_stop`."""
        start = b"" if self._started else self._start()
        more = beside(self._ending, self._ending)
        if self._refusal and "stop_details" not in more:
            self._take_text("".join(self._refusal))
        self._keep()
        self._blocks.finish()
        delta: Json = {
            "stop_reason": stop_reason(self._ending, calls=bool(self._calls), refused=bool(self._refusal)),
            "stop_sequence": stop_sequence(self._ending),
            **more,
        }
        told = framed("message_delta", delta=delta, usage=told_usage(reported))
        return start + self._blocks.taken() + told + framed("message_stop")

    def fail(self, failure: Failure, status: int, request_id: str | None) -> bytes:
        """The end of one that is not: an `error` event, and no `message_stop`."""
        return self._blocks.taken() + framed("error", **error_object(failure, status, request_id))

    def _start(self) -> bytes:
        self._started = True
        return begun(message_id(self._naming.id), self._naming.model, self._input_tokens)

    def _take_chunk(self, data: bytes, value: dict[str, Json]) -> None:
        choices = _listed(value.get("choices"))
        for choice in choices:
            if isinstance(choice, dict) and choice.get("index", 0) == 0:
                self._take(choice)
                delta = choice.get("delta")
                is_plain = len(choices) == 1 and isinstance(delta, dict) and not _ends(choice)
                self._plain = learned(data, delta) if is_plain and isinstance(delta, dict) else None
        if "container" in value:
            self._ending["container"] = value["container"]

    def _take(self, choice: dict[str, Json]) -> None:
        delta = choice.get("delta")
        if isinstance(delta, dict):
            if not _TEXT_ALONE.issuperset(delta):
                self._take_thoughts(delta)
            for sort, text in spoken(delta):
                if sort == "text":
                    self._take_text(text)
                else:
                    self._think(Thought(None, text, {}))
            if not _TEXT_ALONE.issuperset(delta):
                self._take_beside_text(delta)
                refusal = refusal_of(delta)
                if refusal:
                    self._refusal.append(refusal)
            self._blocks.settle()
        for name in _ENDING:
            if choice.get(name) is not None:
                self._ending[name] = choice[name]

    def _take_text(self, text: str) -> None:
        if text:
            self._blocks.add_texts(self._text_block(), [encode(text)[1:-1]])

    def _text_block(self) -> TextBlock:
        """The block that more text belongs to, begun where it has to be."""
        block = self._blocks.last
        if not isinstance(block, TextBlock):
            block = TextBlock()
            self._begin(block)
            for citation in self._cited:
                self._blocks.add(block, citation)
            self._cited.clear()
        return block

    def _take_thoughts(self, delta: dict[str, Json]) -> None:
        for thought in thoughts(delta):
            if thought.data is None:
                self._think(thought)
                continue
            if isinstance(self._blocks.last, TextBlock) and thought.told.get("format") != ANTHROPIC:
                self._held.append(thought)
            else:
                self._begin(StreamedBlock(redacted(thought)))

    def _think(self, thought: Thought) -> None:
        last = self._blocks.last
        block = last if isinstance(last, ThinkingBlock) else None
        if block is not None:
            goes_on = block.key == thought.key or not thought.text
            block = block if goes_on and "signature" not in block.told else None
        if block is None:
            if not thought.text and thought.signature is None:
                return
            block = ThinkingBlock(thought.key)
            self._begin(block)
        block.told |= thought.told
        if thought.text:
            self._blocks.add(block, b'{"type":"thinking_delta","thinking":%b}' % encode(thought.text))

    def _take_beside_text(self, delta: dict[str, Json]) -> None:
        for annotation in _listed(delta.get("annotations")):
            citation = citation_of(annotation)
            if citation is not None:
                self._cite(citation)
        for value in _listed(delta.get("provider_blocks")):
            own = provider_block(value, ANTHROPIC)
            if own is not None:
                self._begin(StreamedBlock(own))
        self._keepsake.take(delta)
        if delta.get("images") and not self._has_images:
            self._has_images = True
            self._begin(Note(AN_IMAGE))
        for call in _listed(delta.get("tool_calls")):
            if isinstance(call, dict):
                self._take_call(call)

    def _cite(self, citation: Json) -> None:
        block, delta = self._blocks.citing, encode({"type": "citations_delta", "citation": citation})
        if block is not None:
            self._blocks.add(block, delta)
        else:
            # The text has stopped: an empty one, only to cite, would be refused when it comes back.
            self._cited.append(delta)

    def _keep(self) -> None:
        """Says last of all what the next turn must have."""
        for thought in self._held:
            self._keepsake.take_reasoning(thought.told)
        told = self._keepsake.told()
        if told is None:
            return
        if self._blocks.citing is not None:
            self._cite(in_citation(told))
        else:
            self._blocks.append(StreamedBlock(in_block(told)))

    def _take_call(self, call: dict[str, Json]) -> None:
        index = call.get("index")
        index = index if isinstance(index, int) else 0
        block = self._calls.get(index)
        begins = block is None
        if block is None:
            block = self._calls[index] = CallBlock()
            self._begin(block)
        if not block.start:
            start = call_block(call, call_id(self._naming.id, index))
            if start["name"]:
                block.start = start
        piece = arguments_of(call)
        if piece:
            block.arguments.add(piece)
            self._blocks.add(block, b'{"type":"input_json_delta","partial_json":%b}' % encode(piece))
            if begins and block.start and block.arguments.are_whole():
                self._blocks.let_wait(block)

    def _begin(self, block: StreamedBlock) -> None:
        for held in self._held:
            self._blocks.append(StreamedBlock(redacted(held)))
        self._held.clear()
        self._blocks.append(block)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _ends(choice: dict[str, Json]) -> bool:
    return any(choice.get(name) is not None for name in _ENDING)


_ENDING = ("finish_reason", "native_finish_reason", "stop_sequence", "stop_details")
_TEXT_ALONE = frozenset(("content", "role"))
