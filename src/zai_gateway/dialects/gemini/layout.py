"""The order of a turn's parts, told where it is not the usual one, so that the turn can come back whole."""

from zai_gateway.wire.values import Json

_USUAL = ("thought", "block", "text", "image", "call")
"""The order in which `replay` puts parts of which nothing is told."""


class Place:
    """One part of a turn: its kind, and which of that kind it is; of text, how many characters it has."""

    __slots__ = ("kind", "number", "signature")

    def __init__(self, kind: str, number: int) -> None:
        self.kind = kind
        self.number = number
        self.signature: str | None = None
        """Of text: what has to go back with it."""

    def become(self, kind: str, number: int) -> None:
        """Says what the part turned out to be."""
        self.kind, self.number = kind, number


class Layout:
    """The parts of one turn so far. Pieces of one text or thought are one part."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._thought_ended = False

    @property
    def goes_on_thinking(self) -> bool:
        """Whether more of a thought belongs to the one before."""
        return bool(self._places) and self._places[-1].kind == "thought" and not self._thought_ended

    @property
    def goes_on_with_text(self) -> bool:
        """Whether more text belongs to the one before."""
        return bool(self._places) and self._places[-1].kind == "text" and self._places[-1].signature is None

    def add(self, kind: str, number: int) -> Place:
        """The next part."""
        place = Place(kind, number)
        self._places.append(place)
        self._thought_ended = False
        return place

    def leave_out(self, place: Place) -> None:
        """Says that nothing of a part is shown."""
        self._places.remove(place)

    def end_thought(self) -> None:
        """The last thought got its signature: what follows is another one."""
        self._thought_ended = True

    def add_text(self, characters: int) -> None:
        """More text. What follows a signature is a part of its own: the two may not be merged."""
        if self.goes_on_with_text:
            self._places[-1].number += characters
        else:
            self.add("text", characters)

    def sign_text(self, signature: str) -> None:
        """The signature of the last text, or of an empty one where none stands last."""
        last = self._places[-1] if self._places else None
        if last is None or last.kind != "text" or last.signature is not None:
            last = self.add("text", 0)
        last.signature = signature

    @property
    def text_signature(self) -> str | None:
        """The signature of the last text that has one."""
        signed = (place.signature for place in reversed(self._places) if place.signature)
        return next(signed, None)

    def told(self) -> list[Json] | None:
        """`extra_content.google.parts`; None where the parts stand in their usual order.

        Each entry is one part: `text` has its number of characters, and its `thought_signature` where it has
        one; `thought` and `block` the `index` of their entry, `call` and `image` their place in their list.
        """
        if self._is_usual():
            return None
        return [_entry(place) for place in self._places]

    def _is_usual(self) -> bool:
        ranks = [_USUAL.index(place.kind) for place in self._places]
        texts = [place for place in self._places if place.kind == "text"]
        if ranks != sorted(ranks) or len(texts) > 1:
            return False
        # Beside calls an empty text would not be sent back.
        return not texts or texts[0].number > 0 or self._places[-1].kind != "call"


def _entry(place: Place) -> Json:
    entry: dict[str, Json] = {place.kind: place.number}
    if place.signature is not None:
        entry["thought_signature"] = place.signature
    return entry
