"""How a provider key stands: in one word, in the colour of that word, and in a sentence that says why."""

from msgspec import Struct

from zai_gateway.accounts.provider_keys import terms_of
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.sights import sight
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.registry import Provider, provider, provider_of

_REFUSALS = (401, 403)


class Standing(Struct, frozen=True, kw_only=True):
    """Whether requests can use a provider key."""

    word: str
    kind: str
    """Of the badge: `good`, `bad`, `warn`, or empty."""
    why: str = ""


class ShownKey(Struct, frozen=True, kw_only=True):
    """A provider key as pages show it: nothing of its secret."""

    id: str
    name: str
    row: Provider
    title: str
    """The vendor's; of a custom provider, that it is one."""
    base_url: str
    disabled: bool
    health: Health | None
    created_ms: int
    standing: Standing
    sight: str
    """What of it is seen, sent back with whatever changes it."""
    has_secret: bool


def shown(visit: Visit, key: ProviderKey) -> ShownKey:
    """The key, for a page."""
    row = provider_of(key.provider)
    readable = visit.services.accounts.provider_keys.readable(key)
    return ShownKey(
        id=key.id,
        name=key.name,
        row=row,
        title=row.title if provider(key.provider) is not None else "Custom endpoint",
        base_url=key.base_url,
        disabled=key.disabled_ms is not None,
        health=key.health,
        created_ms=key.created_ms,
        standing=standing(key, readable=readable),
        sight=sight(terms_of(key)),
        has_secret=bool(key.sealed),
    )


def standing(key: ProviderKey, *, readable: bool) -> Standing:
    """How the key stands; `readable`: whether the vault opens its secret."""
    health = key.health
    if key.disabled_why is not None:
        why = f"{key.disabled_why}. Requests use it again once it has another key, or is enabled."
        return Standing(word="Refused", kind="bad", why=why)
    if key.disabled_ms is not None:
        return Standing(word="Disabled", kind="", why="No request uses it until it is enabled.")
    if not readable:
        why = "Its key does not open with this gateway's encryption key. Give it again."
        return Standing(word="Unreadable", kind="bad", why=why)
    if not provider_of(key.provider).takes_key:
        return Standing(word="Working", kind="good", why="Part of the gateway: it needs no key.")
    if health is None:
        return Standing(word="Not tested", kind="", why="A test is free, and tells whether the key is taken.")
    said = health.said[:1].upper() + health.said[1:]
    if not health.ok:
        word = "Refused" if health.status in _REFUSALS else "Failing"
        return Standing(word=word, kind="bad", why=said)
    if health.status is None:
        return Standing(word="Not testable", kind="", why=said)
    return Standing(word="Working", kind="good", why=said)


def key_of_path(visit: Visit) -> ProviderKey:
    """The provider key whose id stands in the path. Raises Failure (NOT_FOUND, FORBIDDEN)."""
    every = visit.services.accounts.provider_keys.list(visit.actor, visit.workspace)
    found = next((key for key in every if key.id == visit.request.path_params["id"]), None)
    if found is None:
        raise Failure(Code.NOT_FOUND, "There is no such provider in this workspace, or it was removed.")
    return found
