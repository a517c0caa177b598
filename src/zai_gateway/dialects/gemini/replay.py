"""An assistant's earlier message as the parts that the model made, in their order, signatures included."""

from collections import defaultdict
from collections.abc import Iterator

from zai_gateway.dialects.gemini.asked import (
    MOST_ELEMENTS,
    Dropped,
    mapping,
    required_text,
    unsupported,
    verbatim,
)
from zai_gateway.dialects.gemini.media import google_extra, grouped_parts, parts_of, signature_of
from zai_gateway.dialects.gemini.results import Call, given_id
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import Json, decode, kind

FORMAT = "google-gemini-v1"
"""How `reasoning_details` and `provider_blocks` of Gemini's are told from another vendor's."""
NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google asks for in place of the signature of a call that another model made
(https://ai.google.dev/gemini-api/docs/thought-signatures, FAQ)."""

_Part = dict[str, Json]
_NOTHING: _Part = {"text": ""}
_BESIDE = ("index", "format", "type")
"""What the hub says of a block beside the part that it is."""


class Replay:
    """The parts of one earlier answer, by what they are."""

    def __init__(self, message: Fields, calls: list[Call], dropped: Dropped) -> None:
        """Raises Failure for what is malformed; `calls` gets the calls of this message too."""
        self.thoughts = _thoughts(message)
        self.blocks = dict(_blocks(message, dropped))
        said = [[part for part in parts if part != _NOTHING] for parts in grouped_parts(message, dropped)]
        self.texts = [part for parts in said for part in parts]
        self._sizes = [len(parts) for parts in said]
        order = verbatim(message, "block_order", "a list")
        self._order = order if isinstance(order, list) else []
        self.signature = signature_of(message)
        self.images = _images(message, dropped)
        self.calls = [_call(call, calls) for call in message.objects("tool_calls", MOST_ELEMENTS) or []]
        _add_old_call(self, message, calls)
        _give_signatures(self, message)
        refusal = message.text("refusal")
        if refusal and not self.texts:
            self.texts = [{"text": refusal}]
        google = google_extra(message)
        self.layout = [] if google is None else google.objects("parts", MOST_ELEMENTS) or []

    def parts(self, needs_signatures: bool) -> list[_Part]:
        """All parts in the order in which the model made them."""
        laid_out = self._laid_out() if self.layout else None
        made = self._usual_order() if laid_out is None else laid_out
        first_call = next((part for part in made if "functionCall" in part), None)
        if needs_signatures and first_call is not None:
            first_call.setdefault("thoughtSignature", NO_SIGNATURE)
        return made

    def _usual_order(self) -> list[_Part]:
        texts = [dict(part) for part in self.texts]
        if self.signature is not None:
            signed = next((part for part in reversed(texts) if "text" in part), None)
            if signed is not None:
                signed["thoughtSignature"] = self.signature
            elif not self.calls:
                texts.append({"text": "", "thoughtSignature": self.signature})
        thoughts = [part for _, part in sorted(self.thoughts.items())]
        blocks = [part for _, part in sorted(self.blocks.items())]
        calls = list(self.calls)
        return [*thoughts, *blocks, *self._in_order(texts, calls), *texts, *self.images, *calls]

    def _in_order(self, texts: list[_Part], calls: list[_Part]) -> list[_Part]:
        """The parts that `block_order` places, taken out of the two lists; it names for each its list."""
        ordered: list[_Part] = []
        sizes = iter(self._sizes)
        for source in self._order:
            taken = texts if source == "content" else calls if source == "tool_calls" else []
            size = next(sizes, 0) if source == "content" else 1
            ordered += taken[:size]
            del taken[:size]
        return ordered

    def _laid_out(self) -> list[_Part] | None:
        """The parts as `extra_content.google.parts` tells; None where it does not fit the message.

        A client may have changed what was said since.
        """
        text = "".join(str(part["text"]) for part in self.texts if "text" in part)
        if any("text" not in part for part in self.texts):
            return None
        at = 0
        made: list[_Part] = []
        left = {
            "thought": dict(self.thoughts),
            "block": dict(self.blocks),
            "call": dict(enumerate(self.calls)),
            "image": dict(enumerate(self.images)),
        }
        for entry in self.layout:
            size = _index(entry, "text")
            if size is not None:
                part: _Part = {"text": text[at : at + size]}
                at += size
                signature = entry.text("thought_signature")
                if signature is not None:
                    part["thoughtSignature"] = signature
                made.append(part)
                continue
            sort = next((name for name in left if entry.has(name)), None)
            found = None if sort is None else left[sort].pop(_index(entry, sort) or 0, None)
            if found is None:
                return None
            made.append(found)
        return made if at == len(text) and not any(left.values()) else None


def _index(entry: Fields, name: str) -> int | None:
    text = entry.raw(name)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 9:
        raise invalid(entry.at(name), "a whole number", kind(text))
    return int(text)


def _thoughts(message: Fields) -> dict[int, _Part]:
    """The reasoning that comes back, by its index; none of another vendor's.

    Entries of one index are pieces of one thought, as they came in a stream.
    """
    thoughts: dict[int, _Part] = {}
    # `reasoning_content` says the same, and nothing of whose it is.
    for position, detail in enumerate(message.objects("reasoning_details", MOST_ELEMENTS) or []):
        if not _is_own(detail) or _signs_call(detail):
            continue
        text = detail.text("text") or detail.text("summary")
        signature = detail.text("signature") or detail.text("data")
        if text or signature:
            index = _index(detail, "index")
            thought = thoughts.setdefault(position if index is None else index, {"thought": True})
            if text:
                thought["text"] = str(thought.get("text", "")) + text
            if signature:
                thought["thoughtSignature"] = signature
    return thoughts


def _is_own(detail: Fields) -> bool:
    return detail.text("format") in (None, FORMAT)


def _signs_call(detail: Fields) -> bool:
    """Whether it is the signature of a call in OpenRouter's form: an encrypted detail with the call's id."""
    return bool(detail.text("id")) and detail.text("data") is not None


def _blocks(message: Fields, dropped: Dropped) -> Iterator[tuple[int, _Part]]:
    """What Google's own tools did, by its index; none of another vendor's."""
    for position, block in enumerate(message.objects("provider_blocks", MOST_ELEMENTS) or []):
        if block.text("format") != FORMAT:
            dropped.note("provider_blocks")
            continue
        part = {name: decode(bytes(text)) for name, text in block.values.items() if name not in _BESIDE}
        index = _index(block, "index")
        yield position if index is None else index, part


def _images(message: Fields, dropped: Dropped) -> list[_Part]:
    """The images that the model made (OpenRouter's form)."""
    images = message.objects("images", MOST_ELEMENTS) or []
    return [part for image in images for part in parts_of(image, dropped)]


def _call(call: Fields, calls: list[Call]) -> _Part:
    sort = call.text("type") or "function"
    function = mapping(call, "function")
    if sort != "function":
        raise unsupported(
            call.at("type"), f"`{call.at('type')}` must be function: Gemini has no other calls."
        )
    if function is None:
        raise missing(call.at("function"), "an object")
    id = call.text("id") or ""
    part = _called(function, id, calls)
    signature = signature_of(call)
    if signature is not None:
        part["thoughtSignature"] = signature
    return part


def _called(function: Fields, id: str, calls: list[Call]) -> _Part:
    name = required_text(function, "name")
    calls.append(Call(id, name, len(calls)))
    called: _Part = {"name": name, "args": _arguments(function)}
    known = given_id(id)
    if known is not None:
        called["id"] = known
    return {"functionCall": called}


def _arguments(function: Fields) -> Json:
    text = function.text("arguments")
    if text is None or not text.strip():
        return {}
    path = function.at("arguments")
    try:
        arguments = decode(text.encode())
    except ValueError:
        raise invalid(path, "a JSON object in a string", "a string that cannot be read as JSON") from None
    if not isinstance(arguments, dict):
        raise invalid(path, "a JSON object in a string", "another JSON value in a string")
    return arguments


def _add_old_call(replay: Replay, message: Fields, calls: list[Call]) -> None:
    """`function_call`, which was before `tool_calls`."""
    function = mapping(message, "function_call")
    if function is not None:
        replay.calls.append(_called(function, "", calls))


def _give_signatures(replay: Replay, message: Fields) -> None:
    """Gives calls the signatures that stand among the reasoning."""
    signed = [
        detail
        for detail in message.objects("reasoning_details", MOST_ELEMENTS) or []
        if _is_own(detail) and _signs_call(detail)
    ]
    if not signed:
        return
    named: defaultdict[str | None, list[_Part]] = defaultdict(list)
    for call, part in zip(message.objects("tool_calls", MOST_ELEMENTS) or [], replay.calls, strict=False):
        named[call.text("id")].append(part)
    for detail in signed:
        for part in named[detail.text("id")]:
            part.setdefault("thoughtSignature", detail.text("data"))
