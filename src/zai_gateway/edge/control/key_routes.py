"""The routes of API keys."""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Path, Query
from msgspec import UNSET, Meta, Struct, UnsetType

from zai_gateway.accounts.api_keys import KeySearch
from zai_gateway.accounts.records import ApiKey, NearCap
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.documents.keys import IssuedKeyDocument, KeyDocument, issued_key_document, key_document
from zai_gateway.edge.control.acting import At, InWorkspace
from zai_gateway.edge.control.forms import (
    Limit,
    MicroUsd,
    Moment,
    Text,
    expiry_or_none,
    nano_or_none,
    several,
)
from zai_gateway.edge.control.routing import Form, Routes
from zai_gateway.errors import Code, Failure

KEYS = Routes("API keys")

_KEYS = "/workspaces/{workspace}/keys"
_DAY_SECONDS = 86_400
_MOST_OVERLAP_SECONDS = 90 * _DAY_SECONDS
KeyRef = Annotated[str, Path(description="The key's id or unique name.", max_length=300)]
Patterns = Annotated[list[Text], Meta(max_length=1_000)]


class KeyStatus(StrEnum):
    """What can have become of an API key."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to set of an API key; null takes away what there is of it."""

    name: Text | UnsetType = UNSET
    spend_cap_micro_usd: MicroUsd | UnsetType | None = UNSET
    near_cap: NearCap | UnsetType = UNSET
    allow: Patterns | UnsetType = UNSET
    """Patterns of models, such as `openai/*`; none allows every model."""
    fallback_model: Text | UnsetType | None = UNSET
    unbounded_allowance_micro_usd: MicroUsd | UnsetType | None = UNSET
    rpm: Limit | UnsetType | None = UNSET
    tpm: Limit | UnsetType | None = UNSET
    concurrency: Limit | UnsetType | None = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    member_id: Text | UnsetType | None = UNSET
    """Whose own it is."""
    tags: Patterns | UnsetType = UNSET

    def changes(self, now_ms: int) -> KeyChanges:
        """As the accounts take them. Raises OperatorError."""
        return KeyChanges(
            name=self.name,
            cap=nano_or_none(self.spend_cap_micro_usd),
            near_cap=self.near_cap,
            allow=several(self.allow),
            fallback=self.fallback_model,
            unbounded_allowance=nano_or_none(self.unbounded_allowance_micro_usd),
            rpm=self.rpm,
            tpm=self.tpm,
            concurrency=self.concurrency,
            expires_ms=expiry_or_none(self.expires_at, now_ms),
            member=self.member_id,
            tags=several(self.tags),
        )


class RotationForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to rotate a key."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=_MOST_OVERLAP_SECONDS)] = _DAY_SECONDS
    """How long the secret before it is valid yet."""


class KeysDocument(Struct, frozen=True, kw_only=True):
    """A page of API keys, in the order of their ids: about the oldest first."""

    keys: tuple[KeyDocument, ...]
    count: int
    """How many match, on all pages."""
    next: str | None
    """What `after` takes for the next page; null on the last one."""


@KEYS.get(_KEYS)
def list_keys(  # noqa: PLR0913 -- a query's parameters
    at: InWorkspace,
    *,
    search: Annotated[
        str | None, Query(description="A part of the name, or how it begins.", max_length=200)
    ] = None,
    tag: Annotated[str | None, Query(description="With this tag.", max_length=200)] = None,
    member_id: Annotated[str | None, Query(description="Of this member.", max_length=200)] = None,
    status: Annotated[KeyStatus | None, Query(description="In this state.")] = None,
    limit: Annotated[int, Query(description="How many on a page.", ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="Where the page before ended.", max_length=200)] = None,
) -> KeysDocument:
    """List the API keys with what they spent, revoked ones among them."""
    wanted = KeySearch(
        text=search, tag=tag, member=member_id, status=None if status is None else status.value
    )
    # By their ids, so that the place of one that no longer matches is known too.
    found = sorted(at.accounts.api_keys.list(at.actor, at.workspace, wanted), key=lambda key: key.id)
    rest = [key for key in found if after is None or key.id > after]
    shown, now, standings = rest[:limit], at.now_ms, at.standings()
    return KeysDocument(
        keys=tuple(key_document(key, standings.get(key.budget), now) for key in shown),
        count=len(found),
        next=shown[-1].id if len(rest) > limit else None,
    )


@KEYS.post(_KEYS)
def create_key(at: InWorkspace, form: Annotated[KeyForm, Depends(Form(KeyForm))]) -> IssuedKeyDocument:
    """Issue an API key. The key itself is shown this once."""
    now = at.now_ms
    if form.name is UNSET:
        raise Failure(Code.INVALID_REQUEST, "name: is missing.", param="name")
    return issued_key_document(
        at.accounts.api_keys.create(at.actor, at.workspace, form.changes(now)), None, now
    )


@KEYS.get(f"{_KEYS}/{{key}}")
def show_key(at: InWorkspace, key: KeyRef) -> KeyDocument:
    """Show an API key and what it spent."""
    return _told(at, at.accounts.api_keys.show(at.actor, at.workspace, key))


@KEYS.patch(f"{_KEYS}/{{key}}")
def update_key(at: InWorkspace, key: KeyRef, form: Annotated[KeyForm, Depends(Form(KeyForm))]) -> KeyDocument:
    """Change an API key. It holds everywhere within a second."""
    return _told(at, at.accounts.api_keys.update(at.actor, at.workspace, key, form.changes(at.now_ms)))


@KEYS.post(f"{_KEYS}/{{key}}/rotate", status=200)
def rotate_key(
    at: InWorkspace, key: KeyRef, form: Annotated[RotationForm, Depends(Form(RotationForm))]
) -> IssuedKeyDocument:
    """Give an API key a new secret, shown this once; its terms and its spend stay."""
    issued = at.accounts.api_keys.rotate(at.actor, at.workspace, key, form.overlap_seconds * 1_000)
    return issued_key_document(issued, at.standings().get(issued.key.budget), at.now_ms)


@KEYS.delete(f"{_KEYS}/{{key}}")
def revoke_key(at: InWorkspace, key: KeyRef) -> KeyDocument:
    """Revoke an API key. For a minute it can be restored; then it has ended for good."""
    return _told(at, at.accounts.api_keys.revoke(at.actor, at.workspace, key))


@KEYS.post(f"{_KEYS}/{{key}}/restore", status=200)
def restore_key(at: InWorkspace, key: KeyRef) -> KeyDocument:
    """Take back a revocation of at most 60 seconds ago."""
    return _told(at, at.accounts.api_keys.restore(at.actor, at.workspace, key))


def _told(at: At, key: ApiKey) -> KeyDocument:
    return key_document(key, at.standings().get(key.budget), at.now_ms)
