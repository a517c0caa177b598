"""A house: one data directory that is open, with its store, its vault and the services on them."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.accounts.vault import ENCRYPTION_KEY, IF_LOST, Vault
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.clock import Clock
from zai_gateway.errors import OperatorError
from zai_gateway.settings import Environment, Limits
from zai_gateway.storage.store import Store


class House:
    """A data directory that is open: its store, its vault and the services on them.

    The environment says whether the store is a PostgreSQL database instead of a file in the directory.
    """

    def __init__(
        self,
        data: Path,
        environment: Environment,
        clock: Clock,
        store_seconds: float = Limits().store_seconds,
        *,
        key_lost: bool = False,
    ) -> None:
        """`key_lost`: whether the encryption key may be another one than the store's, or missing."""
        self.data = data
        self.environment = environment
        self._shelf: Shelf | None = None
        material = _key_material(environment)
        self.store = Store.open(data, store_seconds, environment.database)
        try:
            file = None if material else _key_file(data, self.store, key_lost)
            if file is None:
                self.vault = Vault(material or "", reread=lambda: _key_material(environment) or "")
            else:
                self.vault = _vault_of(file, key_lost)
            if not key_lost:
                self.vault.check(self.store.accounts)
            self.accounts = Accounts(
                self.store.accounts,
                self.store.reports,
                self.vault,
                clock,
                private_addresses=environment.allow_private_addresses,
                key_file=file,
                catalogue=lambda: self.shelf().catalogue,
            )
            self.first_key: IssuedKey | None = None if key_lost else self.accounts.first_start()
        except BaseException:
            self.store.close()
            raise

    def shelf(self, released: Catalogue | None = None) -> Shelf:
        """The catalogue in force, the same for all who are at this house.

        It is loaded by whoever asks first, unless that one has it: `released`.
        """
        if self._shelf is None:
            self._shelf = Shelf(released or Catalogue.load())
        return self._shelf


@contextmanager
def opened(
    data: Path,
    environment: Environment,
    clock: Clock,
    store_seconds: float = Limits().store_seconds,
    *,
    key_lost: bool = False,
) -> Generator[House]:
    """The data directory `data`, made ready where it is new. Raises OperatorError or StoreUnavailable.

    `store_seconds` and `key_lost` as of a House.
    """
    house = House(data, environment, clock, store_seconds, key_lost=key_lost)
    try:
        yield house
    finally:
        house.store.close()


def _key_file(data: Path, store: Store, key_lost: bool) -> KeyFile:
    """The directory's own. Raises OperatorError where it was lost: a new one would open nothing."""
    file = KeyFile(data / "vault.key")
    # The canary first: of two first starts at once, the other one writes its file before its canary.
    if store.accounts.canary() is not None and not file.is_there and not key_lost:
        raise OperatorError(
            f"{file.path} is missing, and the provider keys stored here are encrypted under the key in it: "
            f"put it back from a backup, or give that key as {ENCRYPTION_KEY}. Nothing was changed. {IF_LOST}"
        )
    return file


def _vault_of(file: KeyFile, key_lost: bool) -> Vault:
    try:
        return Vault(file.material(), "vault.key", file.read)
    except OperatorError as trouble:
        if not key_lost:
            raise
        raise OperatorError(f"{trouble} Or move {file.path} away and run this again.") from None


def _key_material(environment: Environment) -> str | None:
    material = environment.encryption_key()
    if environment.database is not None and material is None:
        raise OperatorError(
            f"PostgreSQL is shared, so the key that encrypts provider keys has to be given, the same one "
            f"everywhere: set {ENCRYPTION_KEY} or {ENCRYPTION_KEY}_FILE "
            "(make a new one with `openssl rand -base64 32 | tr '+/' '-_'`)."
        )
    return material
