"""The service behind every door: what may be done to workspaces, members, keys, budgets and models."""

from collections.abc import Callable
from functools import cache

from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.api_keys import ApiKeys
from zai_gateway.accounts.audit import Audit
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.bookkeeping import Bookkeeping
from zai_gateway.accounts.budgets import Budgets
from zai_gateway.accounts.catalogue_import import CatalogueImport
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.key_limits import subject as of_api_key
from zai_gateway.accounts.key_making import new_key
from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.management_keys import ManagementKeys
from zai_gateway.accounts.members import Members
from zai_gateway.accounts.models import Models
from zai_gateway.accounts.passwords import Passwords
from zai_gateway.accounts.people import People
from zai_gateway.accounts.prices import Prices
from zai_gateway.accounts.provider_keys import ProviderKeys
from zai_gateway.accounts.provider_keys import subject as of_provider_key
from zai_gateway.accounts.records import ProviderKey, Workspace
from zai_gateway.accounts.rotation import Rotation
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.accounts.usage import Usage
from zai_gateway.accounts.usage_books import UsageReports
from zai_gateway.accounts.vault import Vault
from zai_gateway.accounts.vault_reset import VaultReset
from zai_gateway.accounts.virtual_models import VirtualModels
from zai_gateway.accounts.workspaces import Workspaces
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.clock import Clock
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id
from zai_gateway.providers.own_machines import DEMO


class Accounts:
    """The parts of the service, one for each kind of thing. Every call takes first who acts, but those that
    a start makes for the host itself, and what only looks at a record that the caller has.

    Blocking calls; each write is one transaction with its audit record. What a person gave wrongly raises
    OperatorError, naming the field; what is not there, is another workspace's, or is not allowed to the actor
    raises Failure (NOT_FOUND, FORBIDDEN); a store that does not answer raises StoreUnavailable. No secret
    comes back but a new key's own, once.
    """

    def __init__(  # noqa: PLR0913 -- what a start found, of which only the first four are always there
        self,
        store: AccountStore,
        reports: UsageReports,
        vault: Vault,
        clock: Clock,
        *,
        private_addresses: bool = False,
        key_file: KeyFile | None = None,
        catalogue: Callable[[], Catalogue] | None = None,
    ) -> None:
        """`private_addresses`: whether others than the operator may put a provider at a private address.

        `key_file`: where the vault's keys are from; None where the operator gave them. `catalogue`: that in
        force, asked for only where it is needed; None: the release's.
        """
        desk = Desk(store, clock)
        self._desk = desk
        self.workspaces = Workspaces(desk)
        self.members = Members(desk)
        self.people = People(desk, Passwords())
        self.api_keys = ApiKeys(desk, catalogue or cache(Catalogue.load))
        self.management_keys = ManagementKeys(desk)
        self.budgets = Budgets(desk)
        self.provider_keys = ProviderKeys(desk, vault, private=private_addresses)
        self.vault = Rotation(desk, vault, key_file)
        self.vault_reset = VaultReset(desk, vault)
        self.prices = Prices(desk)
        self.catalogue_import = CatalogueImport(desk)
        self.virtual_models = VirtualModels(desk)
        self.models = Models(desk)
        self.usage = Usage(desk, reports)
        self.spend = Bookkeeping(desk)
        self.audit = Audit(desk)

    def first_start(self, address: str = "cli") -> IssuedKey | None:
        """Writes the first workspace, the demo provider and a key that may call `demo/*` only.

        None where there is a workspace already; of several first starts at once, one gets the key.
        """
        desk, actor = self._desk, operator(address)
        if desk.store.workspaces():
            return None
        now = desk.clock.now_ms()
        workspace = Workspace(id=new_id("ws", now), name="My Workspace", slug="my-ws", created_ms=now)
        demo = ProviderKey(
            id=new_id("pkey", now),
            workspace=workspace.id,
            provider="demo",
            name="demo",
            base_url=DEMO.base_url,
            sealed=b"",
            created_ms=now,
        )
        issued = new_key(workspace.id, KeyChanges(name="first-key", allow=("demo/*",)), now)
        itself = Subject("workspace", workspace.id, workspace.name)
        records = (
            desk.record(actor, Deed.WORKSPACE_CREATE, workspace.id, itself, None, workspace),
            desk.record(actor, Deed.PROVIDER_KEY_ADD, workspace.id, of_provider_key(demo), None, demo),
            desk.record(actor, Deed.KEY_CREATE, workspace.id, of_api_key(issued.key), None, issued.key),
        )
        return issued if desk.store.first_start(workspace, (demo,), issued.key, records) else None

    def the_workspace(self) -> Workspace:
        """The only workspace, or the oldest one."""
        workspaces = self._desk.store.workspaces()
        if not workspaces:
            raise OperatorError("There is no workspace yet; start the gateway once with 'zai serve'.")
        return workspaces[0]
