"""Blocks that a provider made for itself and that come back in a conversation: which media are in them."""

import json
from typing import TypeAlias

from zai_gateway.wire.fields import invalid

_Pairs: TypeAlias = list[tuple[str, object]]

MOST_FOUND = 1_000
"""More media than this change nothing any more."""
REFERENCES = frozenset(("file_id", "fileid", "file_uri", "fileuri"))
"""Members that name what the provider stores, of whatever size."""
_KINDS = frozenset(("image", "document", "file", "audio", "video", "container_upload", "image_url"))
_MEMBERS = frozenset(("inline_data", "inlinedata", "file_data", "filedata", "image_url", "input_audio"))


def media_within(blocks: bytes, path: str) -> list[str]:
    """What every medium in the JSON text `blocks` is called, in lower case; references by their own names.

    A name that stands twice in an object counts twice, since a provider might read either. Raises Failure:
    INVALID_REQUEST, with `path`, for a text that cannot be read.
    """
    found: list[str] = []

    def look(pairs: _Pairs) -> bool:
        for name, value in pairs:
            if len(found) >= MOST_FOUND or value is None:
                continue
            folded = name[:64].casefold()
            if folded in REFERENCES or folded in _MEMBERS:
                found.append(folded)
            elif folded == "type" and isinstance(value, str) and value[:64].casefold() in _KINDS:
                found.append(value[:64].casefold())
        return True  # in place of the object, which thus is not null

    try:
        json.loads(blocks, object_pairs_hook=look, parse_int=_nothing, parse_float=_nothing)
    except (ValueError, RecursionError):
        raise invalid(path, "a list of objects that can be read", "not") from None
    return found


def _nothing(number: str) -> bool:
    """In place of a number, which may have millions of digits."""
    return bool(number)
