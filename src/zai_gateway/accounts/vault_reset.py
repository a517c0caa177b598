"""The reset of the vault: what was sealed under a key that is lost is forgotten, and all else stays."""

from functools import partial

from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Change, audit_record
from zai_gateway.accounts.authorization import Deed, require
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.provider_keys import subject
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.rotation import ITSELF
from zai_gateway.accounts.vault import CANARY, Vault
from zai_gateway.errors import OperatorError


class VaultReset:
    """Blocking calls, for a store whose canary `vault` does not open. Raises as `Accounts` says."""

    def __init__(self, desk: Desk, vault: Vault) -> None:
        self._desk = desk
        self._vault = vault

    def reset(self, actor: Actor) -> tuple[ProviderKey, ...]:
        """Forgets every sealed secret, and takes over the key at hand. Gives all keys that want one now.

        Each secret is a transaction of its own, and the canary the last: what was interrupted is ended by
        the next call. Refused where the key at hand opens the canary, since nothing is lost then.
        """
        require(actor, Deed.VAULT_RESET, None)
        store = self._desk.store
        seen = store.canary()
        if seen is None:
            raise OperatorError("Nothing is encrypted here yet, so there is nothing to reset.")
        if self._vault.proves(seen):
            raise OperatorError(
                "The encryption key that is here opens what is stored, so nothing is lost: change it with "
                "'zai admin vault rotate', and give a provider key another secret with "
                "'zai admin provider renew'."
            )
        for key in self._provider_keys():
            if key.sealed:
                until_written(partial(self._forget, actor, key))
        changes = {"secret": Change("the one before", "another one")}
        record = audit_record(actor, Deed.VAULT_RESET, None, ITSELF, changes, self._desk.clock.now_ms())
        if not store.replace_canary(seen, self._vault.seal(CANARY), record):
            raise OperatorError("Another reset came first; look what is so now with 'zai admin doctor'.")
        # Those that an interrupted call got to are among them.
        return tuple(key for key in self._provider_keys() if not self._vault.opens(key))

    def _provider_keys(self) -> tuple[ProviderKey, ...]:
        store = self._desk.store
        return tuple(key for place in store.workspaces() for key in store.provider_keys(place.id))

    def _forget(self, actor: Actor, key: ProviderKey) -> bool | None:
        store = self._desk.store
        before = next((each for each in store.provider_keys(key.workspace) if each.id == key.id), None)
        if before is None:
            return False
        after = replace(before, sealed=b"", health=None)
        record = self._desk.record(actor, Deed.VAULT_RESET, key.workspace, subject(key), before, after)
        return True if store.replace_provider_key(before, after, record) else None
