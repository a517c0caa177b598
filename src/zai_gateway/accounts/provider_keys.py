"""The provider keys of a workspace: sealed, listed, switched and forgotten."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Actor, gateway
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.provider_key_terms import (
    PREFIX,
    Access,
    NewProviderKey,
    address_of,
    checked_id,
    terms_of,
)
from zai_gateway.accounts.provider_names import named
from zai_gateway.accounts.provider_order import after_all, before_all, before_another, moved, one_step
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.rotation import seal_anew
from zai_gateway.accounts.sights import refuse_unseen
from zai_gateway.accounts.vault import SecretUnreadable, Vault
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id
from zai_gateway.providers.registry import Provider, provider_of

__all__ = ["Access", "NewProviderKey", "Probe", "ProviderKeys", "subject", "terms_of"]

Probe = Callable[[ProviderKey, str], Health]
"""Tries a provider key with its secret, which it shows nowhere. Blocks, and raises nothing."""


class ProviderKeys:
    """Blocking calls. `private`: whether what is not the operator may choose private addresses.

    Raises as `Accounts` says.
    """

    def __init__(self, desk: Desk, vault: Vault, *, private: bool = False) -> None:
        self._desk = desk
        self._vault = vault
        self._private = private

    def add(self, actor: Actor, workspace: str, wanted: NewProviderKey) -> ProviderKey:
        """Seals and keeps a provider key, tried after all others."""
        self._desk.admit(actor, Deed.PROVIDER_KEY_ADD, workspace)
        row, name = named(wanted.provider, wanted.name, self._desk.store.provider_keys(workspace))
        key = self._sealed(actor, workspace, row, name, wanted)
        record = self._desk.record(actor, Deed.PROVIDER_KEY_ADD, workspace, subject(key), None, key)
        added = self._desk.store.add_provider_key(key, record)
        if added is None:
            raise OperatorError("This form was sent before, and its provider key is there already.")
        return self._under_first_key(actor, added)

    def list(self, actor: Actor, workspace: str) -> tuple[ProviderKey, ...]:
        """In the order in which they are tried."""
        self._desk.admit(actor, Deed.PROVIDER_KEY_LIST, workspace)
        return self._desk.store.provider_keys(workspace)

    def readable(self, key: ProviderKey) -> bool:
        """Whether the vault opens its secret. Asks nobody, and tells nothing of it."""
        return self._vault.opens(key)

    def holds(self, actor: Actor, key: ProviderKey, secret: str) -> bool:
        """Whether `secret` is its secret; one that does not open holds nothing.

        For those who may give it another one: nobody else can try secrets on it.
        """
        self._desk.admit(actor, Deed.PROVIDER_KEY_UPDATE, key.workspace)
        return self.readable(key) and self._vault.open_secret(key) == secret.strip()

    def switch(
        self, actor: Actor, workspace: str, ref: str, *, enabled: bool, seen: str | None = None
    ) -> ProviderKey:
        """Lets requests use the provider key, or not; it keeps its place in the order.

        `seen`, here and below: what the actor saw of it (`sights.sight`); where it is another by now, it is
        refused, unless it is as wanted already.
        """
        now = None if enabled else self._desk.clock.now_ms()

        def change(key: ProviderKey) -> ProviderKey:
            # Whom the gateway disabled, a person may: then no renewal enables it again.
            if (key.disabled_ms is None) == enabled and key.disabled_why is None:
                return key
            return replace(key, disabled_ms=now, disabled_why=None)

        return self._rewritten(actor, Deed.PROVIDER_KEY_UPDATE, workspace, ref, change, seen)

    def rename(
        self, actor: Actor, workspace: str, ref: str, name: str, *, seen: str | None = None
    ) -> ProviderKey:
        """Gives the provider key another label; the prefix of its models stays."""

        def change(key: ProviderKey) -> ProviderKey:
            return replace(key, name=terms.checked_name(name))

        return self._rewritten(actor, Deed.PROVIDER_KEY_UPDATE, workspace, ref, change, seen)

    def refused(self, key: ProviderKey, why: str) -> bool:
        """Disables a provider key of which the provider refused the secret: the gateway's own deed.

        False where it has another secret by now, has none, is disabled already, or is gone. Raises
        StoreUnavailable.
        """
        actor = gateway(key.workspace)
        self._desk.admit(actor, Deed.PROVIDER_KEY_UPDATE, key.workspace)

        def attempt() -> bool | None:
            keys = self._desk.store.provider_keys(key.workspace)
            seen = next((each for each in keys if each.id == key.id), None)
            if seen is None or not seen.sealed or not _same_access(seen, key) or seen.disabled_ms is not None:
                return False
            after = replace(seen, disabled_ms=self._desk.clock.now_ms(), disabled_why=why)
            record = self._desk.record(
                actor, Deed.PROVIDER_KEY_UPDATE, key.workspace, subject(seen), seen, after
            )
            return True if self._desk.store.replace_provider_key(seen, after, record) else None

        return until_written(attempt)

    def renew(
        self, actor: Actor, workspace: str, ref: str, secret: str, *, seen: str | None = None
    ) -> ProviderKey:
        """Gives the provider key another secret; where it is the same, nothing is written.

        One that the gateway disabled, since its provider refused the secret, is used again.
        """

        def change(key: ProviderKey) -> ProviderKey:
            return self._with_secret(key, secret)

        renewed = self._rewritten(actor, Deed.PROVIDER_KEY_UPDATE, workspace, ref, change, seen)
        return self._under_first_key(actor, renewed)

    def readdress(
        self, actor: Actor, workspace: str, ref: str, access: Access, *, seen: str | None = None
    ) -> ProviderKey:
        """Has the provider key go to another address.

        A secret goes only where it was given for: with another address it is given again.
        """

        def change(key: ProviderKey) -> ProviderKey:
            row = provider_of(key.provider)
            if not row.takes_key:
                raise OperatorError(f"base URL: the provider {row.name} takes none.")
            secret = access.secret if access.secret.strip() else None
            base_url = key.base_url
            if access.base_url != base_url:
                private = actor.is_operator or self._private
                base_url = address_of(row, access.base_url or None, private=private)
            if base_url == key.base_url:
                return key if secret is None else self._with_secret(key, secret)
            if key.sealed and secret is None:
                raise OperatorError(
                    "key: give the key again with another address; it is sent nowhere else than where it was "
                    "given for."
                )
            there = replace(key, base_url=base_url, private=actor.is_operator, health=None)
            return there if secret is None else self._with_secret(there, secret)

        moved = self._rewritten(actor, Deed.PROVIDER_KEY_UPDATE, workspace, ref, change, seen)
        return self._under_first_key(actor, moved)

    def _with_secret(self, key: ProviderKey, secret: str) -> ProviderKey:
        row = provider_of(key.provider)
        if not row.takes_key:
            raise OperatorError(f"The provider {row.name} takes no key.")
        wanted = terms.checked_secret(secret, row)
        if self.readable(key) and self._vault.open_secret(key) == wanted:
            return key
        if key.disabled_why is not None:
            key = replace(key, disabled_ms=None, disabled_why=None)
        return replace(key, sealed=self._vault.seal(wanted), health=None)

    def move(
        self, actor: Actor, workspace: str, ref: str, *, before: str | None = None, first: bool = False
    ) -> ProviderKey:
        """Tries the provider key before the one that `before` names, before all others, or after them."""
        arrange = before_all if first else after_all if before is None else before_another(before)
        return moved(self._desk, actor, workspace, ref, arrange)

    def step(self, actor: Actor, workspace: str, ref: str, *, up: bool, seen: Sequence[str]) -> ProviderKey:
        """Tries the provider key one place earlier or later, in the order of ids that was `seen`.

        A second time from the same order changes nothing; from one that is no longer so it is refused.
        """
        return moved(self._desk, actor, workspace, ref, one_step(up=up, seen=seen))

    def test(self, actor: Actor, workspace: str, ref: str, probe: Probe) -> ProviderKey:
        """Lets `probe` try the provider key, and keeps what came of it as its health."""
        self._desk.admit(actor, Deed.PROVIDER_KEY_TEST, workspace)
        key = chosen(ref, self._desk.store.provider_keys(workspace), "provider key")
        try:
            health = probe(key, self._vault.open_secret(key))
        except SecretUnreadable:
            said = "its secret does not open with the gateway's encryption key; give it again"
            health = Health(at_ms=self._desk.clock.now_ms(), ok=False, said=said)

        def told(now: ProviderKey) -> ProviderKey:
            if not _same_access(now, key):
                raise OperatorError(
                    f"The provider key {key.name!r} changed while it was tested; test it again."
                )
            return replace(now, health=health)

        return self._rewritten(actor, Deed.PROVIDER_KEY_TEST, workspace, key.id, told)

    def remove(self, actor: Actor, workspace: str, ref: str, *, seen: str | None = None) -> ProviderKey:
        """Forgets the provider key with the id `ref`, or the only one of that name; gives what it was."""
        self._desk.admit(actor, Deed.PROVIDER_KEY_REMOVE, workspace)

        def attempt() -> ProviderKey | None:
            key = chosen(ref, self._desk.store.provider_keys(workspace), "provider key")
            refuse_unseen(seen, terms_of(key), f"The provider key {key.name!r}")
            record = self._desk.record(actor, Deed.PROVIDER_KEY_REMOVE, workspace, subject(key), key, None)
            return key if self._desk.store.remove_provider_key(key, record) else None

        return until_written(attempt)

    def _rewritten(
        self,
        actor: Actor,
        deed: Deed,
        workspace: str,
        ref: str,
        change: Callable[[ProviderKey], ProviderKey],
        seen: str | None = None,
    ) -> ProviderKey:
        self._desk.admit(actor, deed, workspace)

        def attempt() -> ProviderKey | None:
            before = chosen(ref, self._desk.store.provider_keys(workspace), "provider key")
            after = change(before)
            if after == before:
                return before
            refuse_unseen(seen, terms_of(before), f"The provider key {before.name!r}")
            record = self._desk.record(actor, deed, workspace, subject(before), before, after)
            return after if self._desk.store.replace_provider_key(before, after, record) else None

        return until_written(attempt)

    def _under_first_key(self, actor: Actor, key: ProviderKey) -> ProviderKey:
        # A rotation may have gone by between sealing the secret and writing it, and not have seen it.
        seal_anew(self._desk, self._vault, actor, key)
        return key

    def _sealed(
        self, actor: Actor, workspace: str, row: Provider, name: str, wanted: NewProviderKey
    ) -> ProviderKey:
        if not row.takes_key and (wanted.secret or wanted.base_url):
            raise OperatorError(
                f"The provider {row.name} takes neither a key nor a base URL; leave them out."
            )
        now = self._desk.clock.now_ms()
        base_url = address_of(row, wanted.base_url, private=actor.is_operator or self._private)
        sealed = b""
        if row.needs_key or wanted.secret:
            sealed = self._vault.seal(terms.checked_secret(wanted.secret, row))
        return ProviderKey(
            id=new_id(PREFIX, now) if wanted.id is None else checked_id(wanted.id),
            workspace=workspace,
            provider=row.name,
            name=name,
            base_url=base_url,
            sealed=sealed,
            private=actor.is_operator,
            disabled_ms=None if wanted.enabled else now,
            created_ms=now,
        )


def _same_access(one: ProviderKey, other: ProviderKey) -> bool:
    return (one.provider, one.base_url, one.sealed) == (other.provider, other.base_url, other.sealed)


def subject(key: ProviderKey) -> Subject:
    """The provider key as the audit names it."""
    return Subject("provider_key", key.id, key.name)
