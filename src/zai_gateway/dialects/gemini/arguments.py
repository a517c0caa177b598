"""A call's arguments that come in pieces, each under a JSON path, put together to one object."""

import re

from zai_gateway.dialects.gemini.shape import PartialArgument
from zai_gateway.wire.values import Json

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_LONGEST_LIST = 100_000


class Arguments:
    """The arguments of one call so far (`partialArgs` with `willContinue`)."""

    def __init__(self) -> None:
        self.value: dict[str, Json] = {}

    def add(self, piece: PartialArgument) -> None:
        """The next piece: text goes on where text stands. Raises ValueError for a path that leads nowhere."""
        steps = _steps(piece.json_path)
        holder: Json = self.value
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            before = _get(holder, step)
            if following is None:
                _put(holder, step, _joined(before, piece))
            elif before is None:
                before = list[Json]() if isinstance(following, int) else dict[str, Json]()
                _put(holder, step, before)
            holder = before


def _joined(before: Json, piece: PartialArgument) -> Json:
    if piece.string_value is not None:
        return before + piece.string_value if isinstance(before, str) else piece.string_value
    return piece.bool_value if piece.bool_value is not None else piece.number_value


def _steps(path: str) -> list[str | int]:
    found: list[str | int] = []
    at = 1
    while path.startswith("$") and at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            break
        found.append(int(step[2]) if step[2] is not None else step[1] or step[3] or step[4] or "")
        at = step.end()
    if not found or at < len(path):
        raise ValueError("an argument of a call has a path that cannot be read")
    return found


def _get(holder: Json, step: str | int) -> Json:
    if isinstance(holder, dict) and isinstance(step, str):
        return holder.get(step)
    if isinstance(holder, list) and isinstance(step, int):
        return holder[step] if step < len(holder) else None
    raise ValueError("an argument of a call has a path that does not fit the others")


def _put(holder: Json, step: str | int, value: Json) -> None:
    if isinstance(holder, dict) and isinstance(step, str):
        holder[step] = value
    elif isinstance(holder, list) and isinstance(step, int) and step <= len(holder) < _LONGEST_LIST:
        holder[step : step + 1] = [value]
    else:
        raise ValueError("an argument of a call has a path that does not fit the others")
