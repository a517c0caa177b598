"""A whole answer of the hub as an Anthropic message."""

from collections.abc import Iterator, Mapping

from zai_gateway.dialects.anthropic_front.blocks import (
    AN_IMAGE,
    Block,
    arguments_of,
    call_block,
    input_of,
    provider_block,
    refusal_of,
    spoken,
)
from zai_gateway.dialects.anthropic_front.citations import citation_of
from zai_gateway.dialects.anthropic_front.conversation import ANTHROPIC
from zai_gateway.dialects.anthropic_front.ending import stop_reason, stop_sequence
from zai_gateway.dialects.anthropic_front.keepsakes import Keepsake, in_block, in_citation
from zai_gateway.dialects.anthropic_front.reasoning import redacted, signature_of, thoughts
from zai_gateway.dialects.anthropic_front.text_parts import text_parts
from zai_gateway.dialects.anthropic_front.usage import told_usage
from zai_gateway.wire.events import Answer
from zai_gateway.wire.values import Json, decode, encode

_Placed = tuple[int | None, Block]
"""A block, and the place that it had in an answer of Anthropic's."""


def write_answer(answer: Answer) -> bytes:
    """The Anthropic message that a hub answer is (schema `Message` of the SDK anthropic 2.12.0).

    Thinking comes first, then text, blocks that the provider made for itself, and calls, unless the answer
    says where each stood. What was used is taken from `answer.reported`.
    """
    hub = decode(answer.json)
    assert isinstance(hub, dict), "an answer of the hub is an object"
    choice = _first(hub.get("choices"))
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    content = blocks_of(message, str(hub.get("id")))
    calls = any(block["type"] == "tool_use" for block in content)
    refusal, more = refusal_of(message), beside(hub, choice)
    if refusal and "stop_details" not in more:
        content.append({"type": "text", "text": refusal})
    return encode(
        {
            "id": message_id(str(hub.get("id"))),
            "type": "message",
            "role": "assistant",
            "model": hub.get("model"),
            "content": [*content],
            "stop_reason": stop_reason(choice, calls=calls, refused=bool(refusal)),
            "stop_sequence": stop_sequence(choice),
            **more,
            "usage": told_usage(answer.reported),
        }
    )


def beside(hub: Mapping[str, Json], choice: Mapping[str, Json]) -> dict[str, Json]:
    """What an answer of Anthropic's says beside its content; a refusal's explanation stands in it."""
    found = {"container": hub.get("container"), "stop_details": choice.get("stop_details")}
    return {name: value for name, value in found.items() if isinstance(value, dict)}


def message_id(id: str) -> str:
    """The id of a message as Anthropic's look, made of an answer's id."""
    return f"msg_{id.removeprefix('cmpl_')}"


def call_id(id: str, index: int) -> str:
    """The id of a call to which its provider gave none."""
    return f"toolu_{id.removeprefix('cmpl_')}_{index}"


def blocks_of(message: Mapping[str, Json], id: str) -> list[Block]:
    """All blocks of a message of the hub, in their order; `id` is the answer's."""
    placed = [*_thinking(message), *_texts(message), *_foreign(message)]
    if message.get("images"):
        placed.append((None, {"type": "text", "text": AN_IMAGE}))
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else []):
        if isinstance(call, dict):
            block = call_block(call, call_id(id, index))
            placed.append((None, {**block, "input": input_of(arguments_of(call))}))
    return _with_keepsake(_in_place(placed), message)


def _with_keepsake(blocks: list[Block], message: Mapping[str, Json]) -> list[Block]:
    keepsake = Keepsake(ANTHROPIC)
    keepsake.take(message)
    told = keepsake.told()
    if told is None:
        return blocks
    text = next((block for block in reversed(blocks) if block["type"] == "text"), None)
    if text is None:
        return [*blocks, in_block(told)]
    cited = text.get("citations")
    text["citations"] = [*(cited if isinstance(cited, list) else []), in_citation(told)]
    return blocks


def _first(choices: Json) -> dict[str, Json]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _thinking(message: Mapping[str, Json]) -> Iterator[_Placed]:
    text, told, key = "", dict[str, Json](), None
    for thought in thoughts(message):
        if told or text:
            if thought.key == key and thought.data is None:
                text, told = text + thought.text, told | thought.told
                continue
            yield _place_of(told), _thinking_block(text, told)
            text, told = "", {}
        if thought.data is not None:
            yield _place_of(thought.told), redacted(thought)
        else:
            text, told, key = thought.text, thought.told, thought.key
    if told or text:
        yield _place_of(told), _thinking_block(text, told)
    for sort, said in spoken(message):
        if sort == "thinking" and said:
            yield None, _thinking_block(said, {})


def _thinking_block(text: str, told: Mapping[str, Json]) -> Block:
    return {"type": "thinking", "thinking": text, "signature": signature_of(told)}


def _texts(message: Mapping[str, Json]) -> Iterator[_Placed]:
    parts = text_parts(message)
    if parts is not None:
        for part in parts:
            yield part.index, part.block
        return
    citations = _citations(message)
    for sort, text in spoken(message):
        if sort == "text" and text:
            block: Block = {"type": "text", "text": text}
            if citations:
                block["citations"], citations = citations, []
            yield None, block


def _citations(message: Mapping[str, Json]) -> list[Json]:
    annotations = message.get("annotations")
    found = [citation_of(each) for each in annotations] if isinstance(annotations, list) else []
    return [citation for citation in found if citation is not None]


def _foreign(message: Mapping[str, Json]) -> Iterator[_Placed]:
    values = message.get("provider_blocks")
    for value in values if isinstance(values, list) else []:
        block = provider_block(value, ANTHROPIC)
        if block is not None and isinstance(value, dict):
            yield _place_of({"format": ANTHROPIC, **value}), block


def _place_of(told: Mapping[str, Json]) -> int | None:
    """The place that Anthropic's own dialect noted; what other vendors number is their own matter."""
    index = told.get("index")
    if told.get("format") != ANTHROPIC or not isinstance(index, int) or isinstance(index, bool):
        return None
    return index


def _in_place(placed: list[_Placed]) -> list[Block]:
    """The blocks that know their place there, all others in their order where room is left."""
    free = [block for index, block in placed if index is None]
    ordered: list[Block] = []
    for index, block in sorted([(at, block) for at, block in placed if at is not None], key=_index):
        room = max(0, min(index - len(ordered), len(free)))
        ordered += free[:room]
        del free[:room]
        ordered.append(block)
    return ordered + free


def _index(entry: tuple[int, Block]) -> int:
    return entry[0]
