"""What a request of another front's loses on its way to an upstream of this dialect, and what may stay."""

from zai_gateway.errors import Code, Failure


class Omissions:
    """Those of one request."""

    def __init__(self, takes: frozenset[str]) -> None:
        self._takes = takes
        self._named: dict[str, None] = {}

    def spares(self, name: str) -> bool:
        """Whether the vendor understands what stands under `name`, so that it stays as it is."""
        return name in self._takes

    def name(self, name: str) -> None:
        """Notes that something is left out whose absence can be noticed."""
        self._named.setdefault(name)

    @property
    def named(self) -> tuple[str, ...]:
        """What was noted, in the order in which it came, each once."""
        return tuple(self._named)


def unsayable(path: str, why: str) -> Failure:
    """The refusal of what OpenAI's protocol has no word for, where the answer would be wrong without it."""
    return Failure(Code.UNSUPPORTED_PARAMETER, f"`{path}` cannot be said to this provider: {why}", param=path)
