"""The names of a stream's chunks: ours in the place of the provider's."""

from msgspec import Raw

from zai_gateway.dialects.naming import CHUNK, Naming, created_by
from zai_gateway.wire.splice import DuplicateMember, compact, members, splice, written
from zai_gateway.wire.values import Json, decode, encode


class ChunkNames:
    """Gives every chunk of a stream the same `id`, `object`, `created` and `model` (wire.md 12).

    Most providers begin every chunk with the same bytes, names included; then what those bytes became is
    remembered and put in their place.
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._created: int | None = None
        """When the answer was made, once that is settled: by what its first chunk says."""
        self._names: dict[str, Raw] = {}
        self._given: tuple[Json, ...] = ()
        self._head = b""
        self._named_head = b""
        self.verbatim = True
        """Whether nothing but names was changed so far: a name that stood twice has a chunk written anew."""

    @property
    def heads(self) -> tuple[bytes, bytes]:
        """What the latest chunk that was named began with, up to the last name, and what became of it."""
        return self._head, self._named_head

    @property
    def begun(self) -> bool:
        """Whether it is settled when the answer was made."""
        return self._created is not None

    def begin(self, created: int) -> None:
        """A first chunk was named already, by its bytes: it was made at this time, by its provider's word."""
        if self._created is None:
            self._created = created

    def named(self, data: bytes, value: dict[str, Json]) -> bytes:
        """The chunk `data`, which says `value`, under our names. Raises ValueError where it is no object."""
        given = tuple(map(value.get, _NAMES))
        # Equal values rule out that a name stands a second time after the head and means something else.
        if self._head and given == self._given and data.startswith(self._head):
            return self._named_head + data[len(self._head) :]
        if not self._names:
            self._names = self._our_names(value.get("created"))
        values = compact(data)
        if values is None or not self._names.keys() <= values.keys():
            return self._spliced(data, given)
        rest = _after_names(values)
        values.update(self._names)
        named = written(values)
        self._given, self._head, self._named_head = given, data[:-rest], named[:-rest]
        return named

    def _our_names(self, said: Json) -> dict[str, Raw]:
        naming = self._naming
        if self._created is None:
            self._created = created_by(said, naming)
        ours = encode({"id": naming.id, "object": CHUNK, "created": self._created, "model": naming.model})
        return compact(ours) or {}

    def _spliced(self, data: bytes, given: tuple[Json, ...]) -> bytes:
        try:
            found = members(data)
        except DuplicateMember:
            self.verbatim = False
            data = encode(decode(data))
            found = members(data)
        named = splice(data, found, {name: bytes(our) for name, our in self._names.items()})
        if all(name in found for name in _NAMES):
            head = max(found[name].value_end for name in _NAMES)
            self._given = given
            self._head = data[:head]
            self._named_head = named[: len(named) - (len(data) - head)]
        return named


def _after_names(values: dict[str, Raw]) -> int:
    """Bytes of a compact object with all the names, behind the last of them."""
    items = iter(values.items())
    left = len(_NAMES)
    while left:
        name, _ = next(items)
        left -= name in _NAMES
    after = dict(items)
    return len(written(after)) if after else len(b"}")


_NAMES = ("id", "object", "created", "model")
