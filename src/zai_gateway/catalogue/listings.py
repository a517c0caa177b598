"""Listings: the models that providers themselves say they have, by the provider key that was asked with."""

from collections.abc import Mapping

from msgspec import Struct


class ListedModel(Struct, frozen=True, kw_only=True):
    """A model as its provider lists it; what the list does not say is None."""

    id: str
    """The provider's own id, without its prefix."""
    created: int = 0
    """Seconds since 1970; 0 where unknown."""
    context_window: int | None = None
    max_output: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    chat: bool | None = None
    """Whether it answers chat requests."""
    embeds: bool = False
    """Whether it makes embeddings, by its provider's word."""


Listings = Mapping[str, Mapping[str, ListedModel]]
"""Models by id, by the id of the provider key; a key whose provider was not asked yet, or has no list, is
absent."""

NO_LISTINGS: Listings = {}
