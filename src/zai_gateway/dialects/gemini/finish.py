"""Why an answer ended: Gemini's words, and which of OpenAI's four each of them is."""

from zai_gateway.wire.events import UpstreamProblem

_LONGEST_WORDS = 300
"""Characters of Google's own words: they quote what the model wrote."""
_FILTERED = frozenset(
    (
        *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    )
)
_BY_NUMBER = (
    *("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "LANGUAGE"),
    *("BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY"),
    *("UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER"),
    *("NO_IMAGE", "IMAGE_RECITATION"),
)
"""As `generative_service.proto` numbers them: some clients of Vertex AI ask for numbers."""
_BLOCKS_BY_NUMBER = (
    *("BLOCK_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"),
)
_MALFORMED = ("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE")
_SAY_NO_MORE = ("STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED")


def named(reason: str | int | None) -> str | None:
    """A `finishReason` as a word; None where there is none."""
    return _named(reason, _BY_NUMBER)


def block_named(reason: str | int | None) -> str | None:
    """A `blockReason` as a word; None where there is none."""
    return _named(reason, _BLOCKS_BY_NUMBER)


def finish_reason(reason: str | None, *, has_calls: bool) -> str:
    """One of OpenAI's: `stop`, `length`, `tool_calls` or `content_filter`."""
    if reason == "MAX_TOKENS":
        return "length"
    if reason in _FILTERED:
        return "content_filter"
    return "tool_calls" if has_calls else "stop"


def is_malformed(reason: str | None) -> bool:
    """Whether the model wrote something that Google cannot read itself, so that the answer lacks it."""
    return reason in _MALFORMED


def malformed(told: str | None) -> UpstreamProblem:
    """Such an answer: a client that took it for a whole one would believe that nothing is to be done.

    `told` is what Google says of it. The same request may well succeed when it is sent again.
    """
    words = " ".join((told or "").split())[:_LONGEST_WORDS]
    said = f" Google says: {words}" if words else ""
    return UpstreamProblem(
        status=200,
        message=f"The model wrote a call of a function that cannot be read. Try it again.{said}",
        type="upstream_error",
        code="malformed_call",
    )


def native_reason(reason: str | None) -> str | None:
    """Gemini's own word, where it says more than OpenAI's."""
    return None if reason in _SAY_NO_MORE else reason


def _named(reason: str | int | None, words: tuple[str, ...]) -> str | None:
    if isinstance(reason, int):
        return words[reason] if 0 <= reason < len(words) else str(reason)
    return reason or None
