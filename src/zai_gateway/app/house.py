"""A house: one data directory that is open, with its store, its vault and the services on them."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from zai_gateway.accounts.keyfile import key_material
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.accounts.vault import Vault
from zai_gateway.clock import Clock
from zai_gateway.settings import Environment
from zai_gateway.storage.store import Store


class House:
    """A data directory that is open: its store, its vault and the services on them."""

    def __init__(self, data: Path, environment: Environment, clock: Clock) -> None:
        self.data = data
        self.store = Store.open(data)
        try:
            self.vault = _vault(data, environment)
            self.vault.check(self.store.accounts)
            self.accounts = Accounts(self.store.accounts, self.vault, clock)
            self.first_key: IssuedKey | None = self.accounts.first_start()
        except BaseException:
            self.store.close()
            raise


@contextmanager
def opened(data: Path, environment: Environment, clock: Clock) -> Generator[House]:
    """The data directory `data`, made ready where it is new. Raises OperatorError or StoreUnavailable."""
    house = House(data, environment, clock)
    try:
        yield house
    finally:
        house.store.close()


def _vault(data: Path, environment: Environment) -> Vault:
    material = environment.encryption_key()
    return Vault(material) if material else Vault(key_material(data / "vault.key"), "vault.key")
