"""The provider keys of a workspace: sealed, listed, switched and forgotten."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Actor, gateway
from zai_gateway.accounts.addresses import checked_base_url
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.provider_names import named
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.rotation import seal_anew
from zai_gateway.accounts.vault import SecretUnreadable, Vault
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id
from zai_gateway.providers.registry import Provider, Surface, provider_of

Probe = Callable[[ProviderKey, str], Health]
"""Tries a provider key with its secret, which it shows nowhere. Blocks, and raises nothing."""


class NewProviderKey(Struct, frozen=True, kw_only=True):
    """A provider key that is to be added."""

    provider: str
    """A vendor's name, `custom`, or the prefix of a custom provider that the workspace has."""
    secret: str
    """Empty where the provider needs none."""
    name: str | None = None
    """A label; None for the provider's name, numbered. At `custom`: the prefix of its models."""
    base_url: str | None = None
    """Where the provider is; None for its own address."""
    enabled: bool = True

    def __repr__(self) -> str:
        return f"NewProviderKey(provider={self.provider!r}, name={self.name!r})"

    def __rich_repr__(self) -> list[tuple[str, str | None]]:
        return [("provider", self.provider), ("name", self.name)]


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
        return self._under_first_key(actor, self._desk.store.add_provider_key(key, record))

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

    def switch(self, actor: Actor, workspace: str, ref: str, *, enabled: bool) -> ProviderKey:
        """Lets requests use the provider key, or not; it keeps its place in the order."""
        now = None if enabled else self._desk.clock.now_ms()

        def change(key: ProviderKey) -> ProviderKey:
            # Whom the gateway disabled, a person may: then no renewal enables it again.
            if (key.disabled_ms is None) == enabled and key.disabled_why is None:
                return key
            return replace(key, disabled_ms=now, disabled_why=None)

        return self._rewritten(actor, Deed.PROVIDER_KEY_UPDATE, workspace, ref, change)

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

    def renew(self, actor: Actor, workspace: str, ref: str, secret: str) -> ProviderKey:
        """Gives the provider key another secret; where it is the same, nothing is written.

        One that the gateway disabled, since its provider refused the secret, is used again.
        """

        def change(key: ProviderKey) -> ProviderKey:
            row = provider_of(key.provider)
            if not row.takes_key:
                raise OperatorError(f"The provider {row.name} takes no key.")
            wanted = terms.checked_secret(secret, row.name)
            if self.readable(key) and self._vault.open_secret(key) == wanted:
                return key
            if key.disabled_why is not None:
                key = replace(key, disabled_ms=None, disabled_why=None)
            return replace(key, sealed=self._vault.seal(wanted), health=None)

        renewed = self._rewritten(actor, Deed.PROVIDER_KEY_UPDATE, workspace, ref, change)
        return self._under_first_key(actor, renewed)

    def move(
        self, actor: Actor, workspace: str, ref: str, *, before: str | None = None, first: bool = False
    ) -> ProviderKey:
        """Tries the provider key before the one that `before` names, before all others, or after them."""
        self._desk.admit(actor, Deed.PROVIDER_KEY_UPDATE, workspace)

        def attempt() -> ProviderKey | None:
            seen = self._desk.store.provider_keys(workspace)
            key = chosen(ref, seen, "provider key")
            others = [each for each in seen if each.id != key.id]
            if first:
                at = 0
            elif before is None:
                at = len(others)
            else:
                at = others.index(chosen(before, others, "other provider key"))
            ordered = [*others[:at], key, *others[at:]]
            if ordered == list(seen):
                return key
            moved = replace(key, position=at)
            record = self._desk.record(
                actor,
                Deed.PROVIDER_KEY_UPDATE,
                workspace,
                subject(key),
                replace(key, position=seen.index(key)),
                moved,
            )
            return moved if self._desk.store.order_provider_keys(seen, ordered, record) else None

        return until_written(attempt)

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

    def remove(self, actor: Actor, workspace: str, ref: str) -> ProviderKey:
        """Forgets the provider key with the id `ref`, or the only one of that name; gives what it was."""
        self._desk.admit(actor, Deed.PROVIDER_KEY_REMOVE, workspace)

        def attempt() -> ProviderKey | None:
            key = chosen(ref, self._desk.store.provider_keys(workspace), "provider key")
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
    ) -> ProviderKey:
        self._desk.admit(actor, deed, workspace)

        def attempt() -> ProviderKey | None:
            seen = chosen(ref, self._desk.store.provider_keys(workspace), "provider key")
            after = change(seen)
            if after == seen:
                return seen
            record = self._desk.record(actor, deed, workspace, subject(seen), seen, after)
            return after if self._desk.store.replace_provider_key(seen, after, record) else None

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
        base_url = _address(row, wanted.base_url, private=actor.is_operator or self._private)
        sealed = b""
        if row.needs_key or wanted.secret:
            sealed = self._vault.seal(terms.checked_secret(wanted.secret, row.name))
        return ProviderKey(
            id=new_id("pkey", now),
            workspace=workspace,
            provider=row.name,
            name=name,
            base_url=base_url,
            sealed=sealed,
            private=actor.is_operator,
            disabled_ms=None if wanted.enabled else now,
            created_ms=now,
        )


def _address(row: Provider, given: str | None, *, private: bool) -> str:
    """The base URL of a new key. Raises OperatorError where one has to be given, or may not be this one."""
    if given is None and row.needs_address:
        raise OperatorError(
            f"base URL: {row.title} has no address of its own; give yours, such as {row.address_hint}."
        )
    if given is None and not row.local:
        return row.base_url
    return checked_base_url(
        row.base_url if given is None else given,
        "base URL",
        private=private,
        api_version=row.surface is Surface.AZURE,
    )


def _same_access(one: ProviderKey, other: ProviderKey) -> bool:
    return (one.provider, one.base_url, one.sealed) == (other.provider, other.base_url, other.sealed)


def subject(key: ProviderKey) -> Subject:
    """The provider key as the audit names it."""
    return Subject("provider_key", key.id, key.name)
