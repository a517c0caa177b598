"""Sights: what somebody saw of a thing before changing it, so that nothing is overwritten unseen."""

from hashlib import sha256

import msgspec
from msgspec import Struct

from zai_gateway.errors import OperatorError

_DIGITS = 32
NOTHING = ""
"""The sight of what is not there."""


def sight(state: Struct | None) -> str:
    """Some letters that are others as soon as anything of `state` is; `NOTHING` where there is none.

    Nothing can be read out of them.
    """
    return NOTHING if state is None else sha256(msgspec.json.encode(state)).hexdigest()[:_DIGITS]


def refuse_unseen(seen: str | None, state: Struct | None, what: str) -> None:
    """Raises OperatorError where `seen` is the sight of another state; None: nobody says what was seen."""
    if seen is not None and seen != sight(state):
        raise OperatorError(
            f"{what} was changed by somebody else meanwhile, so nothing was done: look at it as it is now, "
            "and do it again if you still want to."
        )
