"""Marks: what another vendor's answer must have back next turn, carried where Anthropic's clients keep it.

A client of Anthropic's sends back whole blocks, and of another vendor's answer nothing else. So what the next
turn needs travels inside members that clients never read: a block's signature, its opaque data, a call's id.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from zai_gateway.wire.splice import outnumbers
from zai_gateway.wire.values import Json, decode, encode

MARK = "zai."
"""Begins every marked signature. Anthropic's own are plain base64, which has no full stop."""
_CALL = "toolu_zai_"
_FEW, _LEAST_BYTES = 100, 8
"""Values that any mark may hold, and bytes for each further one."""


def marked(said: Mapping[str, Json]) -> str:
    """A signature, or a block's data, that holds `said`."""
    return MARK + _packed({**said})


def unmarked(text: str) -> dict[str, Json] | None:
    """What a signature or data holds; None for one that was not made here."""
    if not text.startswith(MARK):
        return None
    said = _unpacked(text[len(MARK) :])
    return said if isinstance(said, dict) else None


def shown_id(id: str, extra: Json) -> str:
    """The id of a call as clients see it, with the call's `extra_content` inside where it has any.

    An id with characters that Anthropic does not take is packed too, since the next turn may be its own.
    """
    if not extra and _PLAIN.fullmatch(id) and not id.startswith(_CALL):
        return id
    return _CALL + _packed([id, extra or None])


def hub_id(shown: str) -> tuple[str, dict[str, Json] | None]:
    """The id of a call as its provider knows it, and the call's `extra_content`."""
    said = _unpacked(shown[len(_CALL) :]) if shown.startswith(_CALL) else None
    match said:
        case [str(id), dict(extra)]:
            return id, extra
        case [str(id), None]:
            return id, None
        case _:
            return shown, None


def _packed(value: Json) -> str:
    return urlsafe_b64encode(encode(value)).rstrip(b"=").decode()


def _unpacked(text: str) -> Json:
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        # What was packed here is long words and few: of anything else reading would take much memory.
        return None if outnumbers(packed, _FEW + len(packed) // _LEAST_BYTES) else decode(packed)
    except ValueError:
        return None


_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
