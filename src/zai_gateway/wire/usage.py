"""What an answer used, in buckets that never overlap, so that each can be priced apart."""

from msgspec import Struct

MOST_TOKENS = 2**31 - 1
"""A count above this is taken for no count at all: at no price would the books hold it."""


class Usage(Struct, frozen=True, kw_only=True):
    """Token counts of one answer. No token stands in two buckets, unless its provider bills it in both.

    Providers count differently: OpenAI's and Gemini's prompt count includes cached tokens, Anthropic's and
    Bedrock's does not; each dialect brings its provider's report into this one form (wire.md 22-24).
    """

    input: int
    """Input tokens that were neither read from nor written to a cache."""
    cache_read: int = 0
    cache_write: int = 0
    """Written to the cache with the provider's shorter lifetime."""
    cache_write_long: int = 0
    """Written to the cache with its longer lifetime, where it has two."""
    output: int
    """All output tokens, reasoning included."""
    reasoning: int = 0
    """How many of `output` were reasoning: shown, never priced a second time."""
    searches: int = 0
    """Searches of the web that the provider reports, or sources read, where it charges a fee for each."""

    @property
    def prompt(self) -> int:
        """Every token that went in: what long-context prices are decided by."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_long


class Statement(Struct, frozen=True, kw_only=True):
    """Where a vendor says in `usage` what it billed for the answer."""

    path: tuple[str, ...]
    """The names that lead to the amount."""
    parts_per_usd: int = 1
    """How many of the amount's units are a USD."""
    beside: tuple[str, ...] = ()
    """What another vendor billed on the same account's own key there: added where `is_byok` is true."""


class Counting(Struct, frozen=True, kw_only=True):
    """How a vendor that speaks OpenAI's dialect counts, where that is known from its recorded traffic.

    None: its own numbers decide each time, and where they leave a doubt the dearer reading is taken.
    """

    reasoning_apart: bool | None = None
    """Whether `completion_tokens` leaves reasoning out."""
    cache_apart: bool | None = None
    """Whether `prompt_tokens` leaves cached tokens out."""
    statement: Statement | None = None
    """Where it says what it billed; None: nowhere, or not in a way that can be believed."""


USUAL_COUNTING = Counting()


def estimated_tokens(text_bytes: int) -> int:
    """A guess at the tokens in so many bytes of text: four bytes a token, rounded up.

    Only for what nobody reported; the ledger marks it `estimated` and keeps the rest of the worst case as
    risk.
    """
    return -(-text_bytes // 4)
