"""The service behind every door: what may be done to workspaces, API keys, provider keys and prices."""

from collections.abc import Iterable

from msgspec.structs import replace

from zai_gateway.accounts import keys, terms
from zai_gateway.accounts.addresses import checked_base_url
from zai_gateway.accounts.choosing import chosen, suggestion
from zai_gateway.accounts.records import ApiKey, PriceOverride, ProviderKey, Workspace
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.model import Rates
from zai_gateway.clock import Clock
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id
from zai_gateway.providers import registry
from zai_gateway.providers.registry import Auth, Provider


class Accounts:
    """Blocking calls, one transaction per write.

    What a person gave wrongly raises OperatorError, naming the field; a store that does not answer raises
    StoreUnavailable. No secret comes back but a new API key's own, once.
    """

    def __init__(self, store: AccountStore, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    def first_start(self) -> IssuedKey | None:
        """Writes the first workspace, the demo provider and a key that may call `demo/*` only.

        None where there is a workspace already; of several first starts at once, one gets the key.
        """
        if self._store.workspaces():
            return None
        now = self._clock.now_ms()
        workspace = Workspace(id=new_id("ws", now), name="My Workspace", slug="my-ws", created_ms=now)
        demo = self._new_provider_key(workspace.id, _provider("demo"), name="demo", secret="", base_url=None)
        issued = self._new_key(workspace.id, KeyChanges(name="first-key", allow=("demo/*",)))
        return issued if self._store.first_start(workspace, (demo,), issued.key) else None

    def the_workspace(self) -> Workspace:
        """The only workspace, or the oldest one."""
        workspaces = self._store.workspaces()
        if not workspaces:
            raise OperatorError("There is no workspace yet; start the gateway once with 'zai serve'.")
        return workspaces[0]

    def create_key(
        self,
        workspace: str,
        name: str,
        *,
        cap: int | None = None,
        allow: Iterable[str] = (),
        fallback: str | None = None,
        expires_ms: int | None = None,
    ) -> IssuedKey:
        """Issues a key. `cap` is in nano-USD, `expires_ms` in milliseconds since 1970; None is without."""
        wanted = KeyChanges(name=name, cap=cap, allow=tuple(allow), fallback=fallback, expires_ms=expires_ms)
        issued = self._new_key(workspace, wanted)
        self._store.add_key(issued.key)
        return issued

    def list_keys(self, workspace: str) -> tuple[ApiKey, ...]:
        """Oldest first, revoked ones among them."""
        return self._store.keys(workspace)

    def find_key(self, workspace: str, ref: str) -> ApiKey:
        """The key with the id `ref`, or of that name; one key that is not revoked wins over revoked ones."""
        every = self._store.keys(workspace)
        namesakes = tuple(key for key in every if key.name == ref and key.revoked_ms is None)
        if len(namesakes) == 1 and not any(key.id == ref for key in every):
            return namesakes[0]
        return chosen(ref, every, "API key")

    def update_key(self, workspace: str, ref: str, changes: KeyChanges) -> ApiKey:
        """Changes a key and gives it as it is now; a revoked one is refused."""
        key = self.find_key(workspace, ref)
        if key.revoked_ms is not None:
            raise OperatorError(f"The API key {key.name!r} ({key.id}) was revoked; create a new one.")
        changed = terms.changed(key, changes, self._clock.now_ms())
        if changed != key:
            self._store.replace_key(changed)
        return changed

    def revoke_key(self, workspace: str, ref: str) -> ApiKey:
        """Ends a key for good. A key that was revoked before keeps the time at which it was."""
        key = self.find_key(workspace, ref)
        if key.revoked_ms is None:
            key = replace(key, revoked_ms=self._clock.now_ms())
            self._store.replace_key(key)
        return key

    def add_provider_key(
        self,
        workspace: str,
        provider: str,
        secret: str,
        *,
        name: str | None = None,
        base_url: str | None = None,
    ) -> ProviderKey:
        """Seals and keeps a provider key; `name` labels it, `base_url` replaces the provider's own."""
        row = _provider(provider)
        if name is None:
            name = _free_name(row.name, {key.name for key in self._store.provider_keys(workspace)})
        key = self._new_provider_key(workspace, row, name=name, secret=secret, base_url=base_url)
        self._store.add_provider_key(key)
        return key

    def list_provider_keys(self, workspace: str) -> tuple[ProviderKey, ...]:
        """In the order in which they are tried."""
        return self._store.provider_keys(workspace)

    def remove_provider_key(self, workspace: str, ref: str) -> ProviderKey:
        """Forgets the provider key with the id `ref`, or the only one of that name; gives what it was."""
        key = chosen(ref, self._store.provider_keys(workspace), "provider key")
        self._store.remove_provider_key(key.id)
        return key

    def list_prices(self, workspace: str) -> tuple[PriceOverride, ...]:
        """The prices that the workspace set for itself."""
        return self._store.prices(workspace)

    def set_price(self, workspace: str, model: str, rates: Rates) -> PriceOverride:
        """Sets the workspace's own price of a model, in the place of any other.

        `model` is the canonical name, `rates` are in pico-USD per token.
        """
        _provider(terms.checked_model(model, "model").partition("/")[0])
        now = self._clock.now_ms()
        price = PriceOverride(
            model=model, rates=terms.checked_rates(rates), version=new_id("price", now), created_ms=now
        )
        self._store.set_price(workspace, price)
        return price

    def remove_price(self, workspace: str, model: str) -> None:
        """Takes the workspace's own price of a model away: the catalogue's holds again."""
        if not self._store.remove_price(workspace, model):
            priced = (price.model for price in self._store.prices(workspace))
            raise OperatorError(f"model: {model[:200]!r} has no price of its own.{suggestion(model, priced)}")

    def _new_key(self, workspace: str, wanted: KeyChanges) -> IssuedKey:
        now = self._clock.now_ms()
        secret = keys.new_secret()
        blank = ApiKey(
            id=new_id("key", now),
            workspace=workspace,
            name="",
            prefix=keys.prefix(secret),
            digest=keys.digest(secret),
            budget=new_id("budget", now),
            created_ms=now,
        )
        return IssuedKey(key=terms.changed(blank, wanted, now), secret=secret)

    def _new_provider_key(
        self, workspace: str, row: Provider, *, name: str, secret: str, base_url: str | None
    ) -> ProviderKey:
        takes_secret = row.auth is not Auth.NONE
        if not takes_secret and (secret or base_url):
            raise OperatorError(
                f"The provider {row.name} takes neither a key nor a base URL; leave them out."
            )
        now = self._clock.now_ms()
        return ProviderKey(
            id=new_id("pkey", now),
            workspace=workspace,
            provider=row.name,
            name=terms.checked_name(name),
            base_url=row.base_url if base_url is None else checked_base_url(base_url, "base URL"),
            sealed=self._vault.seal(terms.checked_secret(secret, row.name)) if takes_secret else b"",
            created_ms=now,
        )


def _provider(name: str) -> Provider:
    row = registry.provider(name)
    if row is None:
        names = [row.name for row in registry.PROVIDERS]
        raise OperatorError(
            f"provider: {name[:100]!r} is not a provider that Z-AI knows ({', '.join(names)})."
            f"{suggestion(name, names)}"
        )
    return row


def _free_name(name: str, taken: set[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
