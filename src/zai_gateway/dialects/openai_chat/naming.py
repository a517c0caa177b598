"""How an answer is named to the client, whatever its provider called it."""

from msgspec import Struct

from zai_gateway.wire.splice import DuplicateMember, members, splice
from zai_gateway.wire.values import Json, decode, encode

CHUNK = "chat.completion.chunk"


class Naming(Struct, frozen=True, kw_only=True):
    """The names that stand in every chunk of an answer, or in the whole of it."""

    id: str
    """Starts with `cmpl_`."""
    model: str
    """The `provider/model` that answers."""
    created: int
    """Seconds since 1970, for a provider that does not say when."""


def created_by(value: object, naming: Naming) -> int:
    """When an answer was made by its provider's word, in seconds since 1970, or by ours where it has none."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return naming.created


class ChunkNames:
    """Gives every chunk of a stream the same `id`, `object`, `created` and `model` (wire.md 12).

    Most providers begin every chunk with the same bytes, names included; then what those bytes became is
    remembered and put in their place.
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._names: dict[str, bytes | None] = {}
        self._given: tuple[Json, ...] = ()
        self._head = b""
        self._named_head = b""

    def named(self, data: bytes, value: dict[str, Json]) -> bytes:
        """The chunk `data`, which says `value`, under our names. Raises ValueError where it is no object."""
        given = tuple(map(value.get, _NAMES))
        # Equal values rule out that a name stands a second time after the head and means something else.
        if self._head and given == self._given and data.startswith(self._head):
            return self._named_head + data[len(self._head) :]
        if not self._names:
            created = created_by(value.get("created"), self._naming)
            ours: tuple[Json, ...] = (self._naming.id, CHUNK, created, self._naming.model)
            self._names = {name: encode(our) for name, our in zip(_NAMES, ours, strict=True)}
        try:
            found = members(data)
        except DuplicateMember:
            data = encode(decode(data))
            found = members(data)
        named = splice(data, found, self._names)
        if all(name in found for name in _NAMES):
            head = max(found[name].value_end for name in _NAMES)
            self._given = given
            self._head = data[:head]
            self._named_head = named[: len(named) - (len(data) - head)]
        return named


_NAMES = ("id", "object", "created", "model")
