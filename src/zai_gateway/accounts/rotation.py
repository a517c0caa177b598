"""The rotation of the vault: every secret sealed anew under its first key, while requests go on."""

from contextlib import nullcontext

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Change, Subject, audit_record
from zai_gateway.accounts.authorization import Deed, require
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.vault import ENCRYPTION_KEY, SecretUnreadable, Vault
from zai_gateway.errors import OperatorError

ITSELF = Subject("vault", "vault", "canary")
"""The vault as the audit names it."""


class Rotated(Struct, frozen=True, kw_only=True):
    """What a rotation did to the provider keys of every workspace, or would do."""

    sealed: tuple[ProviderKey, ...]
    """Those that were sealed anew."""
    current: int
    """How many were under the first key already."""
    unreadable: tuple[ProviderKey, ...]
    """Those that no key of the vault opens: they stay as they are."""
    new_key: bool
    """Whether a new key was made for the key file."""


class Rotation:
    """Blocking calls. `file` is the key file where the vault's keys are from there; they are dropped there
    when nothing is sealed under them any more. Raises as `Accounts` says.
    """

    def __init__(self, desk: Desk, vault: Vault, file: KeyFile | None) -> None:
        self._desk = desk
        self._vault = vault
        self._file = file

    def rotate(self, actor: Actor, *, new_key: bool = False, dry_run: bool = False) -> Rotated:
        """Seals every secret under the first key, `new_key` under one that is made for it.

        Each secret is a transaction of its own. What was interrupted is ended by the next call, which then
        makes no other key. Nothing is written where `dry_run`.
        """
        require(actor, Deed.VAULT_ROTATE, None)
        if new_key and self._file is None:
            raise OperatorError(
                "--new-key is for vault.key, and here the key is given: put a new one before it in "
                f"{ENCRYPTION_KEY}, with a comma between, and start every gateway with both; then rotate, "
                "and take the old one away."
            )
        with nullcontext() if self._file is None else self._file.alone():
            makes_key = new_key and self._file is not None and "," not in self._file.read()
            if dry_run:
                return self._foreseen(makes_key)
            if self._file is not None and makes_key:
                self._file.put_first()
            rotated = self._rotated(actor, makes_key)
            if self._file is not None:
                self._file.keep_first()
        return rotated

    def _rotated(self, actor: Actor, makes_key: bool) -> Rotated:
        sealed: list[ProviderKey] = []
        unreadable: list[ProviderKey] = []
        current = 0
        for key in self._secrets():
            try:
                if seal_anew(self._desk, self._vault, actor, key):
                    sealed.append(key)
                else:
                    current += 1
            except SecretUnreadable:
                unreadable.append(key)
        # The last: a canary under the first key says that all that could be is.
        until_written(lambda: self._canary_sealed(actor))
        return Rotated(sealed=tuple(sealed), current=current, unreadable=tuple(unreadable), new_key=makes_key)

    def _foreseen(self, makes_key: bool) -> Rotated:
        sealed: list[ProviderKey] = []
        unreadable: list[ProviderKey] = []
        every = self._secrets()
        for key in every:
            try:
                if self._vault.renewed(key.sealed) is not None or makes_key:
                    sealed.append(key)
            except SecretUnreadable:
                unreadable.append(key)
        return Rotated(
            sealed=tuple(sealed),
            current=len(every) - len(sealed) - len(unreadable),
            unreadable=tuple(unreadable),
            new_key=makes_key,
        )

    def _secrets(self) -> tuple[ProviderKey, ...]:
        store = self._desk.store
        every = (key for place in store.workspaces() for key in store.provider_keys(place.id))
        return tuple(key for key in every if key.sealed)

    def _canary_sealed(self, actor: Actor) -> bool | None:
        store = self._desk.store
        seen = store.canary()
        if seen is None:
            self._vault.check(store)
            return True
        fresh = self._vault.renewed(seen)
        if fresh is None:
            return True
        changes = {"secret": Change("the one before", "another one")}
        now = self._desk.clock.now_ms()
        record = audit_record(actor, Deed.VAULT_ROTATE, None, ITSELF, changes, now)
        return True if store.replace_canary(seen, fresh, record) else None


def seal_anew(desk: Desk, vault: Vault, actor: Actor, key: ProviderKey) -> bool:
    """Seals one secret under the vault's first key, as it stands now; False where it is already, or gone.

    Raises SecretUnreadable and StoreUnavailable.
    """

    def attempt() -> bool | None:
        found = (each for each in desk.store.provider_keys(key.workspace) if each.id == key.id)
        seen = next(found, None)
        fresh = vault.renewed(seen.sealed) if seen is not None and seen.sealed else None
        if seen is None or fresh is None:
            return False
        after = replace(seen, sealed=fresh)
        itself = Subject("provider_key", key.id, key.name)
        record = desk.record(actor, Deed.VAULT_ROTATE, key.workspace, itself, seen, after)
        return True if desk.store.replace_provider_key(seen, after, record) else None

    return until_written(attempt)
