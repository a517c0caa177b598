"""Betas: which of the features that `anthropic-beta` asks for go on to Anthropic."""

from fnmatch import fnmatchcase

from zai_gateway.providers.provider import Dialect

_OTHERS = ("oauth-*",)
"""Of a subscription's sign-in, which is not how a gateway signs."""
_BOUNDED = (
    *(
        "claude-code-*",
        "computer-use-*",
        "context-management-*",
        "effort-*",
        "extended-cache-ttl-*",
        "fine-grained-tool-streaming-*",
    ),
    *("interleaved-thinking-*", "output-128k-*", "pdfs-*", "prompt-caching-*", "structured-outputs-*"),
    *("token-counting-*", "token-efficient-tools-*", "tool-examples-*", "tool-search-tool-*"),
)
"""Those that leave the worst case of a request what it is, or make it less. A longer context has another
price and another window, compaction (`compact-*`) is billed apart, and a fast answer costs twice as much."""


def betas(
    wanted: tuple[str, ...], dialect: Dialect, *, capped: bool
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The header that goes on, where any feature does, and how those are called that are kept back.

    Only Anthropic's own dialect has them, and a key with a cap gets what its worst case covers.
    """
    own = [name for name in wanted if not _is_any(name, _OTHERS)]
    if dialect is not Dialect.ANTHROPIC_MESSAGES:
        return (), ("anthropic-beta",) if own else ()
    sent = [name for name in own if not capped or _is_any(name, _BOUNDED)]
    header = (("anthropic-beta", ",".join(sent)),) if sent else ()
    return header, tuple(f"anthropic-beta {name}" for name in own if name not in sent)


def _is_any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
