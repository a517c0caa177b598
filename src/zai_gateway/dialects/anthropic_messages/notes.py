"""What a request loses on its way to Anthropic, for the header that names it."""

from collections.abc import Iterable


class Notes:
    """Collects the names of what was left out."""

    def __init__(self) -> None:
        self._dropped: dict[str, str] = {}
        """The member of the body that each name stands in."""

    def drop(self, member: str, name: str | None = None) -> None:
        """Notes that a member of the body, or what stands at `name` in it, is not sent."""
        self._dropped.setdefault(name or member, member)

    def dropped(self, order: Iterable[str]) -> tuple[str, ...]:
        """The names, in the order of the body's members."""
        places = {member: place for place, member in enumerate(order)}
        return tuple(sorted(self._dropped, key=lambda name: places.get(self._dropped[name], len(places))))
