"""The form of keys: how one is made, told from a typo without the store, and kept as a digest."""

import re
import secrets
from hashlib import sha256
from string import ascii_letters, digits
from zlib import crc32

LIVE = "zk_live_"
"""What an API key begins with."""
ADMIN = "zk_admin_"
"""What a management key begins with."""
_ALPHABET = digits + ascii_letters
_RANDOM = 32
"""Characters of chance, each worth 5.95 bits: 190 bits in all."""
_CHECK = 6
"""62^6 is more than 2^32, so six characters hold every CRC-32, each in one spelling only."""
_PREFIX = 12

_SHAPE = re.compile(f"({LIVE}|{ADMIN})([0-9A-Za-z]{{{_RANDOM}}})([0-9A-Za-z]{{{_CHECK}}})")


def new_secret(mark: str = LIVE) -> str:
    """A new key: its mark, 32 random base62 characters, and their checksum in six more."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return f"{mark}{body}{_checksum(body)}"


def well_formed(token: str, mark: str = LIVE) -> bool:
    """Whether `token` could be a key of this mark: its shape and its checksum are right.

    A CRC-32 finds every error within 32 bits in a row, so one wrong character is always found, and so are two
    neighbours that changed places; other damage passes once in 2^32.
    """
    parts = _SHAPE.fullmatch(token)
    return parts is not None and parts[1] == mark and parts[3] == _checksum(parts[2])


def digest(token: str) -> bytes:
    """SHA-256 of the whole key, the only form in which one is kept; defined for any text."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def prefix(token: str) -> str:
    """The first 12 characters (`zk_live_0PkU`), to tell keys apart by."""
    return token[:_PREFIX]


def _checksum(body: str) -> str:
    rest = crc32(body.encode("ascii"))
    characters: list[str] = []
    for _ in range(_CHECK):
        rest, index = divmod(rest, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(reversed(characters))
