"""A workspace after its first start, in which a test issues keys in few words."""

from cryptography.fernet import Fernet

from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.accounts.vault import Vault
from zai_gateway.clock import Clock


class People:
    """The accounts of one workspace over any store."""

    def __init__(self, store: AccountStore, clock: Clock) -> None:
        self.vault = Vault(Fernet.generate_key().decode())
        self.accounts = Accounts(store, self.vault, clock)
        self.first_key = self.accounts.first_start()
        self.workspace = self.accounts.the_workspace().id

    def key(
        self, name: str, *, cap: int | None = None, allow: tuple[str, ...] = (), expires_ms: int | None = None
    ) -> str:
        """Issues a key and gives its secret."""
        issued = self.accounts.create_key(self.workspace, name, cap=cap, allow=allow, expires_ms=expires_ms)
        return issued.secret

    def cap(self, name: str, nano: int | None) -> None:
        self.accounts.update_key(self.workspace, name, KeyChanges(cap=nano))
