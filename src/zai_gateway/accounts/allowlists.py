"""Allowlists in canonical names: what a pattern is stored as when it names a model by an alias."""

from collections.abc import Iterable

from zai_gateway.catalogue.catalogue import Catalogue

_GLOB = frozenset("*?[")


def canonical_allow(patterns: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    """The patterns with each model by the name that allowlists are tested on, and each of them once.

    A pattern with `*`, `?` or `[` stays as it is: it is tested on canonical names as well.
    """
    return tuple(dict.fromkeys(_canonical(pattern, catalogue) for pattern in patterns))


def names_models(patterns: Iterable[str]) -> bool:
    """Whether any of them may be another name of a model, so that a catalogue is needed to tell."""
    return any(not _GLOB & set(pattern) and "/" in pattern for pattern in patterns)


def _canonical(pattern: str, catalogue: Catalogue) -> str:
    provider, slash, id = pattern.partition("/")
    if _GLOB & set(pattern) or not (provider and slash and id):
        return pattern
    return catalogue.model(provider, id).name
