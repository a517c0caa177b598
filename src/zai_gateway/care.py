"""Care of a data directory, in values: what a copy of its books holds, and what an examination found."""

from enum import StrEnum
from pathlib import Path

from msgspec import Struct


class CopiedBooks(Struct, frozen=True, kw_only=True):
    """A copy of the books that was made, or put back."""

    file: Path
    size: int
    """Bytes."""
    schema: str
    """The newest migration that the books have seen."""
    open_holds: int
    """Requests that were under way when the copy was made: after a restore they are unconfirmed."""


class KeyFit(StrEnum):
    """Whether the encryption key that is here opens the secrets of the books."""

    OPENS = "opens"
    WRONG = "wrong"
    MISSING = "missing"
    """There is no key here."""
    NOTHING_SEALED = "nothing_sealed"
    """The books never had a key: any will do."""


class RestoredBooks(Struct, frozen=True, kw_only=True):
    """Books that were put back, and whether the key that is here opens their secrets."""

    books: CopiedBooks
    key: KeyFit


class Grade(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARN = "warn"
    """It works, and somebody should look at it."""
    FAIL = "fail"
    """Something does not work, or will not, or the books are not right."""


class Finding(Struct, frozen=True, kw_only=True):
    """What one check of an examination found. Never holds a secret."""

    check: str
    grade: Grade
    found: str
    """What is so, in a sentence."""
    do: str | None = None
    """What to do about it; None where nothing has to be done."""


def fine(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check=check, grade=Grade.OK, found=found)


def doubtful(check: str, found: str, do: str) -> Finding:
    """Somebody should look at it."""
    return Finding(check=check, grade=Grade.WARN, found=found, do=do)


def wrong(check: str, found: str, do: str) -> Finding:
    """It has to be mended."""
    return Finding(check=check, grade=Grade.FAIL, found=found, do=do)
