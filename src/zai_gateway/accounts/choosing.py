"""Choosing one thing by its id or its name, with an error that lists the choices."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Protocol, TypeVar

from zai_gateway.accounts import keys
from zai_gateway.errors import Code, Failure, OperatorError

_MOST_LISTED = 10
_MOST_SHOWN = 100


class Named(Protocol):
    """Something with an id and a name."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


Thing = TypeVar("Thing", bound=Named)


def chosen(ref: str, things: Sequence[Thing], what: str) -> Thing:
    """The thing whose id is `ref`, or the only one of that name.

    Raises Failure (NOT_FOUND) where there is none, and OperatorError where there is more than one, both with
    the choices; `what` says what is sought (`API key`).
    """
    by_id = next((thing for thing in things if thing.id == ref), None)
    if by_id is not None:
        return by_id
    by_name = [thing for thing in things if thing.name == ref]
    if len(by_name) == 1:
        return by_name[0]
    # People look for a key by the key itself, and an error may end in a log.
    shown = f"{keys.prefix(ref)}..." if ref.startswith((keys.LIVE, keys.ADMIN)) else repr(ref[:_MOST_SHOWN])
    if by_name:
        ids = _listed(thing.id for thing in by_name)
        raise OperatorError(f"{len(by_name)} {what}s are named {shown}; choose one by its id: {ids}.")
    if not things:
        raise Failure(Code.NOT_FOUND, f"There is no {what} {shown}, nor any other yet.")
    choices = _listed(f"{thing.name} ({thing.id})" for thing in things)
    raise Failure(Code.NOT_FOUND, f"There is no {what} {shown}; there are: {choices}.")


def suggestion(name: str, names: Iterable[str]) -> str:
    """Names close to `name`, as ` Did you mean ...?`; empty where none is close."""
    close = get_close_matches(name[:_MOST_SHOWN].lower(), list(names), n=3)
    return f" Did you mean {' or '.join(close)}?" if close else ""


def _listed(items: Iterable[str]) -> str:
    every = list(items)
    more = [f"and {len(every) - _MOST_LISTED} more"] if len(every) > _MOST_LISTED else []
    return ", ".join([*every[:_MOST_LISTED], *more])
