"""The audit record: who did what, when, from where, and what changed; never a secret."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from zai_gateway.accounts.actor import Actor, ActorKind
from zai_gateway.accounts.authorization import Deed
from zai_gateway.ids import new_id

_ITS_OWN = frozenset({"id", "workspace", "created_ms", "last_used_ms"})
"""Fields that stand in the record itself, or that nobody sets."""


class Change(Struct, frozen=True):
    """One field before and after, as JSON values; amounts in nano-USD, moments in ms since 1970."""

    before: Any = None
    after: Any = None


class Subject(Struct, frozen=True):
    """What a deed was done to."""

    kind: str
    id: str
    name: str


class AuditRecord(Struct, frozen=True, kw_only=True):
    """One administrative act, written in the transaction of the act itself."""

    id: str
    workspace: str | None
    at_ms: int
    actor_kind: ActorKind
    actor_id: str
    actor_name: str
    address: str | None
    deed: Deed
    object_kind: str
    object_id: str
    object_name: str
    changes: Mapping[str, Change]


class AuditSearch(Struct, frozen=True, kw_only=True):
    """Which records are sought: those that match all that is given, the newest first."""

    workspace: str | None = None
    """None for every workspace."""
    deed: str | None = None
    actor: str | None = None
    """An actor's id or name."""
    object: str | None = None
    """An object's id or name."""
    text: str | None = None
    """A part of a name or of a deed, without regard to case, or how an id begins."""
    since_ms: int = 0
    before: str | None = None
    """The id of the record that the page before this one ended with."""
    most: int = 100


def audit_record(
    actor: Actor,
    deed: Deed,
    workspace: str | None,
    subject: Subject,
    changes: Mapping[str, Change],
    at_ms: int,
) -> AuditRecord:
    """The record of what `actor` does at `at_ms`, in milliseconds since 1970."""
    return AuditRecord(
        id=new_id("aud", at_ms),
        workspace=workspace,
        at_ms=at_ms,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        address=actor.address,
        deed=deed,
        object_kind=subject.kind,
        object_id=subject.id,
        object_name=subject.name,
        changes=changes,
    )


def differences(before: Struct | None, after: Struct | None) -> dict[str, Change]:
    """The fields in which two states of a thing differ; None where it was not there, or no longer is.

    A secret that changed is said to have, and nothing more of it.
    """
    old, new = _fields(before), _fields(after)
    found = {
        name: Change(old.get(name), new.get(name))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    }
    if before is not None and after is not None and (kept := _secrets(after)) != (was := _secrets(before)):
        found["secret"] = Change(
            "the one before" if any(was.values()) else None, "another one" if any(kept.values()) else None
        )
    return found


def _fields(state: Struct | None) -> dict[str, Any]:
    if state is None:
        return {}
    fields: dict[str, Any] = msgspec.to_builtins(state, builtin_types=(bytes,))
    return {name: value for name, value in _shown(fields).items() if name not in _ITS_OWN}


def _shown(value: Any) -> Any:
    """`value` without its bytes: whatever is kept as bytes is a secret, or what one hashes to."""
    if isinstance(value, dict):
        parts = cast(dict[str, Any], value)
        return {name: _shown(part) for name, part in parts.items() if not isinstance(part, bytes)}
    if isinstance(value, list | tuple):
        return [_shown(part) for part in cast(Sequence[Any], value)]
    return value


def _secrets(state: Struct) -> dict[str, bytes]:
    fields: dict[str, Any] = msgspec.to_builtins(state, builtin_types=(bytes,))
    return {name: value for name, value in fields.items() if isinstance(value, bytes)}
