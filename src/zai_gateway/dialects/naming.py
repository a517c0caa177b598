"""How an answer is named to the client, whatever its provider called it."""

from msgspec import Struct

CHUNK = "chat.completion.chunk"
"""The `object` of every chunk of a stream."""


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
