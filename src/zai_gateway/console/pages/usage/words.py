"""The words of the ledger that need explaining, and what each means."""

from collections.abc import Iterable, Mapping

from zai_gateway.accounts.usage_books import LedgerLine

PENDING = "pending"
MEANINGS: Mapping[str, str] = {
    PENDING: (
        "Set aside for requests that are under way, or about to come. It counts against caps until they end, "
        "and what they did not use is free again at once."
    ),
    "unconfirmed": (
        "A request was cut off, and nobody said what it cost. Its worst case counts against caps until "
        "somebody says what the provider's bill says, or it is written off."
    ),
    "estimated": (
        "The provider did not report what it used, so the cost is a guess by the bytes that came; what it "
        "may have cost beside that is unconfirmed."
    ),
    "interrupted": "The answer ended before its end: the client left, or the provider did.",
    "overrun": (
        "The provider billed more than its own documented limits allow. It is booked in full, though a cap "
        "could not foresee it."
    ),
    "unpriced": "Nobody published a price of the model, so the cost stands at zero.",
    "written_off": (
        "Nobody confirmed it in time: what it most likely cost is booked, and the rest is free again."
    ),
    "correction": "A later line of an earlier request: it books what that turned out to cost.",
}
FLAGS = ("overrun", "written_off", "unpriced", "interrupted")
"""Those to look for, the gravest first."""


def words_of(line: LedgerLine) -> list[str]:
    """What is to be noticed about it, in words of `MEANINGS`."""
    certainty = [line.certainty] if line.certainty in MEANINGS else []
    correction = ["correction"] if line.seq else []
    return [*correction, *certainty, *(flag for flag in line.flags if flag in MEANINGS)]


def meanings(lines: Iterable[LedgerLine]) -> Mapping[str, str]:
    """The words that stand in these lines, each once, with what they mean."""
    there = {word for line in lines for word in words_of(line)}
    return {word: meaning for word, meaning in MEANINGS.items() if word in there}
