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
    leased: int
    """Nano-USD that workers had leased when the copy was made: after a restore they are unconfirmed."""


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


class Sums(Struct, frozen=True, kw_only=True):
    """One workspace's spend, added up in each of the books that have to agree. All of it in nano-USD.

    Of each request in the one window that counts all of its key, so that no dollar is added twice.
    """

    workspace: str
    name: str
    cost: int
    """What the ledger has as spent."""
    risk: int
    """What the ledger has as unconfirmed."""
    spent: int
    """What the leases have as spent."""
    at_risk: int
    """What the leases have as unconfirmed."""
    granted: int
    """What the leases hold, spent and unconfirmed amounts included."""
    committed: int
    """What the windows have granted."""

    @property
    def agree(self) -> bool:
        """Whether the ledger, the leases and the windows say the same."""
        ledger_and_leases = (self.cost, self.risk) == (self.spent, self.at_risk)
        return ledger_and_leases and self.committed == self.granted >= self.spent + self.at_risk


class Reconciliation(Struct, frozen=True, kw_only=True):
    """What came of comparing the books of spend with one another."""

    findings: tuple[Finding, ...]
    sums: tuple[Sums, ...]
    """By the workspace's id."""

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return all(each.grade is not Grade.FAIL for each in self.findings) and all(
            each.agree for each in self.sums
        )


def fine(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check=check, grade=Grade.OK, found=found)


def doubtful(check: str, found: str, do: str) -> Finding:
    """Somebody should look at it."""
    return Finding(check=check, grade=Grade.WARN, found=found, do=do)


def wrong(check: str, found: str, do: str) -> Finding:
    """It has to be mended."""
    return Finding(check=check, grade=Grade.FAIL, found=found, do=do)
