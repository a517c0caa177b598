"""The routes of providers and of the keys at them, whose secrets go in and never come out."""

from threading import BoundedSemaphore
from typing import Annotated

from fastapi import Depends, Path
from msgspec import UNSET, Meta, Struct, UnsetType

from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.provider_key_terms import Access
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.terms import checked_name
from zai_gateway.documents.moments import iso
from zai_gateway.documents.provider_keys import (
    ProviderKeyDocument,
    ProviderKeysDocument,
    ProviderListDocument,
    provider_key_document,
)
from zai_gateway.documents.providers import ProviderDocument, provider_document
from zai_gateway.edge.control.acting import At, InWorkspace
from zai_gateway.edge.control.forms import Text
from zai_gateway.edge.control.routing import Form, Routes
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.registry import PROVIDERS

PROVIDER_KEYS = Routes("Providers")

_KEYS = "/workspaces/{workspace}/provider-keys"
_ONE = f"{_KEYS}/{{key}}"
_TESTS = BoundedSemaphore(2)
"""A provider may take half a minute to answer: tests must not take every thread that this process has."""
_TEST_SECONDS = 2.0
KeyRef = Annotated[str, Path(description="The key's id or unique name.", max_length=300)]
Secret = Annotated[str, Meta(max_length=100_000)]
"""The key of a service account is a JSON file of a few thousand characters."""


class ProviderKeyForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider key to be added."""

    provider: Text
    """A provider's name, or `custom`."""
    secret: Secret = ""
    """The key that the provider gave you; it never comes back."""
    name: Text | None = None
    """A label; of a custom provider the prefix of its models."""
    base_url: Text | None = None
    """Where it is; null for the provider's own address."""
    enabled: bool = True

    def __repr__(self) -> str:
        return f"ProviderKeyForm(provider={self.provider!r}, name={self.name!r})"


class ProviderKeyChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a provider key."""

    name: Text | UnsetType = UNSET
    """Another label; the prefix of a custom provider's models stays."""
    base_url: Text | UnsetType | None = UNSET
    """Another address, null for the provider's own. A key that has a secret needs it again with this."""
    secret: Secret | UnsetType = UNSET
    """Another key; it never comes back."""
    enabled: bool | UnsetType = UNSET
    """Whether requests may use it."""

    def __repr__(self) -> str:
        return f"ProviderKeyChanges(enabled={self.enabled!r})"


class PlaceForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a provider key stands in the order in which they are tried."""

    before: Text | None
    """The id of the key before which it is tried; null: after all others."""


class ProvidersDocument(Struct, frozen=True, kw_only=True):
    """The providers that Z-AI knows."""

    providers: tuple[ProviderDocument, ...]


@PROVIDER_KEYS.get("/workspaces/{workspace}/providers")
def list_providers(at: InWorkspace) -> ProvidersDocument:
    """List the providers that Z-AI knows, and what a key at each needs."""
    return ProvidersDocument(providers=tuple(map(provider_document, PROVIDERS)))


@PROVIDER_KEYS.get(_KEYS)
def list_provider_keys(at: InWorkspace) -> ProviderKeysDocument:
    """List the provider keys, in the order in which they are tried."""
    found = at.accounts.provider_keys.list(at.actor, at.workspace)
    return ProviderKeysDocument(provider_keys=tuple(_told(at, each) for each in found))


@PROVIDER_KEYS.post(_KEYS)
def add_provider_key(
    at: InWorkspace, form: Annotated[ProviderKeyForm, Depends(Form(ProviderKeyForm))]
) -> ProviderKeyDocument:
    """Add a key at a provider, tried after all others."""
    wanted = NewProviderKey(
        provider=form.provider,
        secret=form.secret,
        name=form.name,
        base_url=form.base_url,
        enabled=form.enabled,
    )
    return _told(at, at.accounts.provider_keys.add(at.actor, at.workspace, wanted))


@PROVIDER_KEYS.patch(_ONE)
def update_provider_key(
    at: InWorkspace, key: KeyRef, form: Annotated[ProviderKeyChanges, Depends(Form(ProviderKeyChanges))]
) -> ProviderKeyDocument:
    """Give a provider key another label, address or secret, or let requests use it or not."""
    keys = at.accounts.provider_keys
    told: ProviderKey | None = None
    if form.name is not UNSET:
        # Before anything is written: all of it is done, or nothing.
        checked_name(form.name)
    if form.base_url is not UNSET:
        secret = "" if form.secret is UNSET else form.secret
        told = keys.readdress(
            at.actor, at.workspace, key, Access(base_url=form.base_url or "", secret=secret)
        )
    elif form.secret is not UNSET:
        told = keys.renew(at.actor, at.workspace, key, form.secret)
    if form.name is not UNSET:
        told = keys.rename(at.actor, at.workspace, key if told is None else told.id, form.name)
    if form.enabled is not UNSET:
        told = keys.switch(at.actor, at.workspace, key if told is None else told.id, enabled=form.enabled)
    if told is None:
        raise Failure(
            Code.INVALID_REQUEST, "name, base_url, secret, enabled: one of them at least.", param="enabled"
        )
    return _told(at, told)


@PROVIDER_KEYS.get(f"{_ONE}/models")
def list_models_at_provider(at: InWorkspace, key: KeyRef) -> ProviderListDocument:
    """List the models that the provider itself says it has for a key, and why where it could not be asked."""
    found = chosen(key, at.accounts.provider_keys.list(at.actor, at.workspace), "provider key")
    known = at.services.listing(found.id)
    if known is None:
        return ProviderListDocument(asked_at=None, trouble=None, models=())
    return ProviderListDocument(
        asked_at=iso(known.fetched_ms),
        trouble=known.trouble,
        models=tuple(model.id for model in known.models),
    )


@PROVIDER_KEYS.put(f"{_ONE}/place")
def move_provider_key(
    at: InWorkspace, key: KeyRef, form: Annotated[PlaceForm, Depends(Form(PlaceForm))]
) -> ProviderKeyDocument:
    """Change where a provider key stands in the order in which they are tried."""
    return _told(at, at.accounts.provider_keys.move(at.actor, at.workspace, key, before=form.before))


@PROVIDER_KEYS.post(f"{_ONE}/test", status=200)
def test_provider_key(at: InWorkspace, key: KeyRef) -> ProviderKeyDocument:
    """Ask the provider whether it takes the key, which costs nothing."""
    if not _TESTS.acquire(timeout=_TEST_SECONDS):
        raise Failure(
            Code.RATE_LIMITED, "Other provider keys are being tested. Try again in a moment.", retry_after=2.0
        )
    try:
        return _told(at, at.accounts.provider_keys.test(at.actor, at.workspace, key, at.services.probe))
    finally:
        _TESTS.release()


@PROVIDER_KEYS.delete(_ONE)
def remove_provider_key(at: InWorkspace, key: KeyRef) -> ProviderKeyDocument:
    """Forget a provider key, and show what it was."""
    return _told(at, at.accounts.provider_keys.remove(at.actor, at.workspace, key))


def _told(at: At, key: ProviderKey) -> ProviderKeyDocument:
    return provider_key_document(key, readable=at.accounts.provider_keys.readable(key))
