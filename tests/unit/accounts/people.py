"""A workspace after its first start, in which a test issues keys in few words."""

from collections.abc import Sequence

from cryptography.fernet import Fernet
from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor, Role, operator
from zai_gateway.accounts.members import acting
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.accounts.usage_books import (
    Dimension,
    LatencySlice,
    LedgerLine,
    Pending,
    Percentiles,
    Row,
    Slice,
    Span,
    Standing,
    Sums,
    UsageQuery,
    UsageRow,
)
from zai_gateway.accounts.vault import Vault
from zai_gateway.clock import Clock
from zai_gateway.storage.store import Store

OPERATOR = operator()
OPENAI = NewProviderKey(provider="openai", secret="sk-1")


class NothingSpent:
    """Books of spending in which nothing stands."""

    def usage(self, workspace: str, since_ms: int, until_ms: int) -> Sequence[UsageRow]:
        return ()

    def totals(self, workspace: str, query: UsageQuery) -> Row:
        return Row(id="", sums=Sums(), first_token=Percentiles(), total=Percentiles())

    def breakdown(self, workspace: str, query: UsageQuery, by: Dimension) -> tuple[Row, ...]:
        return ()

    def timeline(
        self, workspace: str, query: UsageQuery, *, by: Dimension | None, span: Span, most: int
    ) -> tuple[Slice, ...]:
        return ()

    def latency(self, workspace: str, query: UsageQuery, *, span: Span) -> tuple[LatencySlice, ...]:
        return ()

    def recent(
        self, workspace: str, query: UsageQuery, *, most: int, before: str | None
    ) -> tuple[LedgerLine, ...]:
        return ()

    def standings(self, workspace: str, now_ms: int) -> tuple[Standing, ...]:
        return ()

    def pending(self, workspace: str, keys: Sequence[str] | None) -> Pending:
        return Pending()


class People:
    """The accounts of one workspace over any store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.spend = store.spend
        self.vault = Vault(Fernet.generate_key().decode())
        self.accounts = Accounts(store.accounts, store.reports, self.vault, clock)
        self.first_key = self.accounts.first_start()
        self.workspace = self.accounts.the_workspace().id

    def issue(self, name: str, terms: KeyChanges | None = None) -> IssuedKey:
        """Issues a key of these terms."""
        wanted = replace(terms or KeyChanges(), name=name)
        return self.accounts.api_keys.create(OPERATOR, self.workspace, wanted)

    def key(
        self, name: str, *, cap: int | None = None, allow: tuple[str, ...] = (), expires_ms: int | None = None
    ) -> str:
        """Issues a key and gives its secret."""
        return self.issue(name, KeyChanges(cap=cap, allow=allow, expires_ms=expires_ms)).secret

    def cap(self, name: str, nano: int | None) -> None:
        self.accounts.api_keys.update(OPERATOR, self.workspace, name, KeyChanges(cap=nano))

    def person(self, name: str, role: Role, workspace: str | None = None) -> Actor:
        """Adds a member, and gives it as an actor."""
        place = self.workspace if workspace is None else workspace
        member = self.accounts.members.add(OPERATOR, place, name, f"{name}@example.com", role)
        return acting(member, "203.0.113.7")


def add(
    team: People, provider: str, secret: str, name: str | None = None, base_url: str | None = None
) -> ProviderKey:
    """Adds a provider key as the operator does."""
    wanted = NewProviderKey(provider=provider, secret=secret, name=name, base_url=base_url)
    return team.accounts.provider_keys.add(OPERATOR, team.workspace, wanted)
