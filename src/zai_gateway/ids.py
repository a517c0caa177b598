"""Identifiers: a prefix that says what they name, the time they were made, and chance."""

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str, now_ms: int) -> str:
    """A new identifier such as `key_01jd0k...`, sortable by the time it was made.

    The body is a ULID in lower case: 48 bits of milliseconds since 1970, then 80 random bits
    (https://github.com/ulid/spec).
    """
    value = (now_ms << 80) | secrets.randbits(80)
    return f"{prefix}_{_crockford32(value)}"


def _crockford32(value: int) -> str:
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
