"""Tool calls in a stream: an index for each that stays the same, and no null where a client adds strings."""

from zai_gateway.wire.draft import Draft, listed
from zai_gateway.wire.splice import elements
from zai_gateway.wire.values import Json

MOST_CALLS = 1_000
"""Tool calls of one choice, and there is memory kept for each."""
_NEVER_NULL = ("id", "type", "function", "index")
_NEVER_NULL_IN_FUNCTION = ("name", "arguments")


class ToolCalls:
    """The tool calls of one choice so far."""

    def __init__(self) -> None:
        self.any = False
        self._ids: dict[int, str] = {}
        """The id of each call, empty while unknown, by the index that clients see."""
        self._ours: dict[int, int] = {}
        """The index that clients see, by the one that the provider uses for it now."""

    def sound(self, calls: Json) -> bool:
        """Whether the `tool_calls` of a delta go on with calls that are known and need no repair."""
        if not isinstance(calls, list):
            return False
        for call in calls:
            theirs = call.get("index") if isinstance(call, dict) else None
            known = isinstance(theirs, int) and self._ours.get(theirs) == theirs
            if not known or not isinstance(call, dict) or call.get("id") or not _is_sound(call, theirs):
                return False
        return True

    def repaired(self, text: bytes, calls: list[Json]) -> bytes:
        """The `tool_calls` of a delta with wire.md 10 and 11 kept; the same bytes where they were kept."""
        self.any = self.any or bool(calls)
        indexes = [self._place(call) if isinstance(call, dict) else None for call in calls]
        if all(map(_is_sound, calls, indexes)):
            return text
        return listed(
            [
                raw if index is None or not isinstance(call, dict) else _rewritten(raw, call, index)
                for raw, call, index in zip(elements(text), calls, indexes, strict=True)
            ]
        )

    def _place(self, call: dict[str, Json]) -> int:
        given = call.get("id")
        id = given if isinstance(given, str) else ""
        theirs = call.get("index")
        if not isinstance(theirs, int) or isinstance(theirs, bool) or theirs < 0:
            return self._place_by_id(id)
        ours = self._ours.get(theirs)
        # Some servers give each of several calls the index 0: another id with a name is another call.
        if ours is None or (id and self._ids[ours] not in ("", id) and _names_function(call)):
            ours = self._ours[theirs] = self._opened(id, theirs)
        elif id and not self._ids[ours]:
            self._ids[ours] = id
        return ours

    def _place_by_id(self, id: str) -> int:
        known = [index for index, other in self._ids.items() if other == id]
        if id and known:
            return known[0]
        if id or not self._ids:
            return self._opened(id, self._free())
        return max(self._ids)

    def _opened(self, id: str, wanted: int) -> int:
        """A new call, under the provider's own index unless that is taken."""
        if len(self._ids) >= MOST_CALLS:
            raise ValueError(f"it has more than {MOST_CALLS} tool calls")
        index = wanted if wanted not in self._ids else self._free()
        self._ids[index] = id
        return index

    def _free(self) -> int:
        return max(self._ids, default=-1) + 1


def _names_function(call: dict[str, Json]) -> bool:
    function = call.get("function")
    return isinstance(function, dict) and bool(function.get("name"))


def _is_sound(call: Json, index: Json) -> bool:
    if not isinstance(call, dict):
        return True
    function = call.get("function")
    return (
        call.get("index") == index
        and not any(name in call and call[name] is None for name in _NEVER_NULL)
        and not (isinstance(function, dict) and None in map(function.get, _present(function)))
    )


def _present(function: dict[str, Json]) -> list[str]:
    return [name for name in _NEVER_NULL_IN_FUNCTION if name in function]


def _rewritten(text: bytes, call: dict[str, Json], index: int) -> bytes:
    draft = Draft(text)
    for name in _NEVER_NULL:
        if name in call and call[name] is None:
            draft.drop(name)
    function, function_text = call.get("function"), draft.raw("function")
    if isinstance(function, dict) and function_text is not None:
        inner = Draft(function_text)
        for name in _present(function):
            if function[name] is None:
                inner.drop(name)
        draft.put("function", inner.written())
    draft.say("index", index)
    return draft.written()
