"""What a page needs of its visitor, and the row by which the console knows it."""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import Response

if TYPE_CHECKING:
    from zai_gateway.console.visit import Visit


class Needs(Enum):
    """From the least to the most."""

    NOTHING = auto()
    """Anybody may see it."""
    SESSION = auto()
    """Somebody who is signed in."""
    WORKSPACE = auto()
    """A member of the workspace that its path names, as `{slug}`."""


READ = ("GET",)
BOTH = ("GET", "POST")
ACT = ("POST",)
"""The methods of what shows, of a form that is sent to its own path, and of what changes only."""

Page: TypeAlias = tuple[str, Sequence[str], Needs, "Callable[[Visit], Response]"]
"""Its path, its methods, what it needs, and who makes it."""
