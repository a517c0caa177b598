"""What a stream says, block by block, as the deltas of one choice."""

from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.blocks import Block, call_extras, read_block
from zai_gateway.dialects.anthropic_messages.endings import Ending
from zai_gateway.dialects.anthropic_messages.events import Delta
from zai_gateway.dialects.anthropic_messages.frames import Frames, size_of
from zai_gateway.dialects.anthropic_messages.keepsakes import own_block, redacted, thought
from zai_gateway.dialects.anthropic_messages.pieces import Pieces, Run
from zai_gateway.dialects.anthropic_messages.places import Places
from zai_gateway.dialects.anthropic_messages.reading import Written, is_given
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.outgoing import Outgoing
from zai_gateway.dialects.stops import StopWatch
from zai_gateway.wire.events import Chunk
from zai_gateway.wire.values import Json, decode

MOST_BLOCKS = 10_000
"""Of one answer, and there is memory kept for some of them."""


class _Call(Struct):
    """A call of the client's tools."""

    pieces: Pieces
    any_arguments: bool


class _Text(Struct):
    """Text, or the call of the tool whose parameters are the answer."""

    pieces: Pieces


class _Thought(Struct):
    """Reasoning."""

    place: int
    pieces: Pieces


class _Foreign(Struct):
    """A block that the hub has no form for: it is passed on when it is whole."""

    place: int
    members: dict[str, Json]
    partial_json: list[str]


_Open: TypeAlias = _Call | _Text | _Thought | _Foreign


class Saying:
    """The state of an answer between its events."""

    def __init__(self, frames: Frames, naming: Naming, plan: StreamPlan) -> None:
        self._frames = frames
        self._naming = naming
        self._answer_tool = plan.answer_tool
        self._watch = StopWatch(plan.stop) if plan.stop else None
        self._stopped = False
        self._places = Places()
        self._calls = 0
        self._blocks = 0
        self._index = -1
        self._open: _Open | None = None

    def run(self, received: bytes, at: int) -> Run | None:
        """What the open block goes on to say at `at`, where an event begins; None where it takes a look."""
        block = self._open
        if block is None or self._watched or isinstance(block, _Foreign):
            return None
        run = block.pieces.run(received, at)
        if run is not None:
            if isinstance(block, _Text):
                self._places.grow(run.characters)
            elif isinstance(block, _Call):
                block.any_arguments = True
        return run

    def begin(self, index: int, content: Raw, out: Outgoing) -> None:
        """A block begins. Raises ValueError where another has not ended, or there are too many."""
        if self._open is not None:
            raise ValueError("a block begins inside another")
        self._blocks += 1
        if self._blocks > MOST_BLOCKS:
            raise ValueError(f"it has more than {MOST_BLOCKS} blocks")
        self._index = index
        block = read_block(content)
        if block is None:
            members = decode(bytes(content))
            assert isinstance(members, dict)
            self._open = _Foreign(self._places.take(), members, [])
        elif block.type == "text":
            self._begin_text("text", block.text or "", out)
            for citation in block.citations or []:
                self._places.cite(citation)
        elif block.type == "tool_use":
            self._begin_call(block, out)
        else:
            self._begin_thought(block, out)

    def go_on(self, index: int, delta: Delta, data: bytes, out: Outgoing) -> None:
        """A block goes on, as the event `data` says. Raises ValueError where it is not open."""
        block = self._open
        if block is None or index != self._index:
            raise ValueError("an event goes on with a block that is not open")
        if isinstance(block, _Foreign):
            _grow(block, delta, data)
            return
        for spelled in (delta.text, delta.thinking, delta.partial_json):
            text = msgspec.json.decode(spelled, type=str) if is_given(spelled) else ""
            if text:
                self._go_on_saying(block, spelled, text, out)
        if is_given(delta.citation):
            self._places.cite(delta.citation)
        if delta.signature and isinstance(block, _Thought):
            self._show({"reasoning_details": [thought("", delta.signature, block.place)]}, 0, out)

    def end(self, index: int, out: Outgoing) -> None:
        """A block ends."""
        block = self._open
        if block is None or index != self._index:
            raise ValueError("a block ends that is not open")
        self._open = None
        if isinstance(block, _Text):
            annotations = self._places.end_text()
            if annotations:
                self._show({"annotations": [*annotations]}, 0, out)
        elif isinstance(block, _Call) and not block.any_arguments:
            self._pass(block.pieces.one(b'"{}"', "{}"), out)
        elif isinstance(block, _Foreign):
            self._show({"provider_blocks": [own_block(_whole(block), block.place)]}, 0, out)

    def conclude(self, ending: Ending, out: Outgoing) -> tuple[str, dict[str, Written]]:
        """Says what is left to say; why the choice ends, and what it says of that."""
        if self._open is not None:
            # At its limit an answer may end inside a block.
            self.end(self._index, out)
        if self._watch is not None and not self._stopped:
            rest = self._watch.rest()
            if rest:
                out.chunk(self._frames.content(rest))
        if self._stopped:
            return "stop", {}
        refusal = ending.explanation()
        if refusal is not None:
            self._show({"refusal": refusal}, size_of(refusal), out)
        markers = self._places.markers()
        if markers:
            self._show({"provider_blocks": markers}, 0, out)
        return ending.finish_reason(called=self._calls > 0), ending.extras()

    @property
    def _watched(self) -> bool:
        """Whether what is said has to be looked through, or is not shown any more."""
        return self._stopped or (self._watch is not None and isinstance(self._open, _Text))

    def _begin_text(self, sort: str, text: str, out: Outgoing) -> None:
        member = "text" if sort == "text" else "partial_json"
        block = _Text(Pieces(self._index, f"{sort}_delta", member, self._frames.around_content()))
        self._open = block
        self._places.begin_text()
        if text:
            self._go_on_saying(block, Raw(msgspec.json.encode(text)), text, out)

    def _begin_call(self, block: Block, out: Outgoing) -> None:
        arguments = "" if bytes(block.input) in (b"{}", b"null") else bytes(block.input).decode()
        if block.name is not None and block.name == self._answer_tool:
            self._begin_text("input_json", arguments, out)
            return
        self._places.call()
        around = self._frames.around_arguments(self._calls)
        self._open = _Call(Pieces(self._index, "input_json_delta", "partial_json", around), bool(arguments))
        name = block.name or ""
        call: dict[str, Written] = {
            "index": self._calls,
            "id": block.id or f"call_{self._naming.id}_{self._calls}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
            **call_extras(block),
        }
        self._calls += 1
        self._show({"tool_calls": [call]}, size_of(name) + size_of(arguments), out)

    def _begin_thought(self, block: Block, out: Outgoing) -> None:
        place = self._places.take()
        around = self._frames.around_thought(place)
        opened = _Thought(place, Pieces(self._index, "thinking_delta", "thinking", around))
        self._open = opened
        if block.data is not None:
            self._show({"reasoning_details": [redacted(block.data, place)]}, 0, out)
        if block.thinking:
            self._go_on_saying(opened, Raw(msgspec.json.encode(block.thinking)), block.thinking, out)
        if block.signature:
            self._show({"reasoning_details": [thought("", block.signature, place)]}, 0, out)

    def _go_on_saying(self, block: _Call | _Text | _Thought, spelled: Raw, text: str, out: Outgoing) -> None:
        if isinstance(block, _Text):
            self._places.grow(len(text))
            if self._watch is not None and not self._stopped:
                shown, self._stopped = self._watch.feed(text)
                if shown:
                    out.chunk(self._frames.content(shown))
                return
        elif isinstance(block, _Call):
            block.any_arguments = True
        self._pass(block.pieces.one(bytes(spelled), text), out)

    def _show(self, delta: dict[str, Written], size: int, out: Outgoing) -> None:
        self._pass(self._frames.delta(delta, size), out)

    def _pass(self, chunk: Chunk, out: Outgoing) -> None:
        if not self._stopped:
            out.chunk(chunk)


def _whole(block: _Foreign) -> dict[str, Json]:
    try:
        told = decode("".join(block.partial_json).encode()) if block.partial_json else None
    except ValueError:
        # The answer met its limit here: what there is of the input is none.
        return block.members
    return block.members if told is None else {**block.members, "input": told}


def _grow(block: _Foreign, delta: Delta, data: bytes) -> None:
    """A block that is unknown goes on: its input, or any text that it has."""
    if is_given(delta.partial_json):
        block.partial_json.append(msgspec.json.decode(delta.partial_json, type=str))
        return
    event = decode(data)
    pieces = event.get("delta") if isinstance(event, dict) else None
    for name, piece in pieces.items() if isinstance(pieces, dict) else ():
        if name != "type" and isinstance(piece, str):
            begun = block.members.get(name)
            block.members[name] = f"{begun}{piece}" if isinstance(begun, str) else piece
        elif name != "type":
            block.members[name] = piece
