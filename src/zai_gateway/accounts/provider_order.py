"""The order in which the provider keys of a workspace are tried, and how one is moved in it."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.errors import OperatorError

Arrange = Callable[[ProviderKey, Sequence[ProviderKey]], Sequence[ProviderKey]]
"""Puts a provider key where it is to be among all of them. Raises Failure or OperatorError."""


def before_another(before: str) -> Arrange:
    """Before the one that `before` names."""

    def arrange(key: ProviderKey, every: Sequence[ProviderKey]) -> Sequence[ProviderKey]:
        others = _without(key, every)
        at = others.index(chosen(before, others, "other provider key"))
        return [*others[:at], key, *others[at:]]

    return arrange


def before_all(key: ProviderKey, every: Sequence[ProviderKey]) -> Sequence[ProviderKey]:
    """Before all others."""
    return [key, *_without(key, every)]


def after_all(key: ProviderKey, every: Sequence[ProviderKey]) -> Sequence[ProviderKey]:
    """After all others."""
    return [*_without(key, every), key]


def one_step(*, up: bool, seen: Sequence[str]) -> Arrange:
    """One place up or down in the order that somebody saw, of which `seen` are the ids.

    Where they are in another order by now it is refused, unless that is the one that is wanted.
    """

    def arrange(key: ProviderKey, every: Sequence[ProviderKey]) -> Sequence[ProviderKey]:
        wanted = list(seen)
        if key.id in wanted:
            at = wanted.index(key.id)
            to = max(at - 1, 0) if up else at + 1
            wanted.insert(to, wanted.pop(at))
        ids = [each.id for each in every]
        if ids not in (wanted, list(seen)):
            raise OperatorError(
                "The provider keys are in another order by now, so nothing was moved: look at them again."
            )
        return sorted(every, key=lambda each: wanted.index(each.id))

    return arrange


def moved(desk: Desk, actor: Actor, workspace: str, ref: str, arrange: Arrange) -> ProviderKey:
    """Moves the provider key that `ref` names, and gives it. Raises as `Accounts` says."""
    desk.admit(actor, Deed.PROVIDER_KEY_UPDATE, workspace)

    def attempt() -> ProviderKey | None:
        seen = desk.store.provider_keys(workspace)
        key = chosen(ref, seen, "provider key")
        ordered = list(arrange(key, seen))
        if ordered == list(seen):
            return key
        before, after = replace(key, position=seen.index(key)), replace(key, position=ordered.index(key))
        subject = Subject("provider_key", key.id, key.name)
        record = desk.record(actor, Deed.PROVIDER_KEY_UPDATE, workspace, subject, before, after)
        return after if desk.store.order_provider_keys(seen, ordered, record) else None

    return until_written(attempt)


def _without(key: ProviderKey, every: Sequence[ProviderKey]) -> list[ProviderKey]:
    return [each for each in every if each.id != key.id]
