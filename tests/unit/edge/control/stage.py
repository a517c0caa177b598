"""Two workspaces with one of each thing and somebody in each role, made once and copied for each test."""

import shutil
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet
from fastapi import FastAPI
from msgspec import Struct
from msgspec.structs import asdict

from tests.bookings import Booker, outcome
from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR
from zai_gateway.accounts.actor import Role, Scope
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.identity import Origin
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, Health, ProviderKey, Target
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import LAST_MS, KeyChanges
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import NO_LISTINGS
from zai_gateway.catalogue.model import Rates
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.edge.control.plane import control_plane
from zai_gateway.edge.services import Services
from zai_gateway.storage.store import Store

VAULT = Vault(Fernet.generate_key().decode())
CATALOGUE = Catalogue.load()
ORIGIN = Origin(address="203.0.113.7", agent="a test")
PASSWORD = "a long enough pass phrase"
UPSTREAM_SECRET = "sk-upstream-canary-7d1f"
MODEL = "openai/gpt-5.4"
_RATES = Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=1)


class Place(Struct, frozen=True, kw_only=True):
    """The ids of what stands in a workspace."""

    workspace: str
    member: str
    """One who has not signed up."""
    key: str
    """An API key of nobody's own."""
    revoked: str
    """One that was revoked a moment ago."""
    management_key: str
    provider_key: str
    other_provider_key: str
    request: str
    """One of which something is unconfirmed."""

    def nowhere(self) -> "Place":
        """The same with ids of nothing, as long as these."""
        return Place(**{name: _another(id) for name, id in asdict(self).items()})


def _another(id: str) -> str:
    return id[:-1] + ("0" if id[-1] != "0" else "1")


class Cast(Struct, frozen=True, kw_only=True):
    """Who may ask, by the headers that say so, and where."""

    ours: Place
    theirs: Place
    sessions: dict[str, str]
    """Tokens by role, and those of `stranger` (an owner of theirs), `removed` and `signed_out`."""
    members: dict[str, str]
    """The ids of ours, by role."""
    only: dict[Scope, str]
    """Management keys of ours that have this scope."""
    but: dict[Scope, str]
    """Those that have all others."""
    revoked_key: str
    foreign_key: str
    """One of theirs with every scope."""
    secrets: tuple[str, ...]
    """What no answer may hold."""


class Probed:
    """Tells of every provider key that it is fine."""

    def __call__(self, key: ProviderKey, secret: str) -> Health:
        assert not key.sealed or secret == UPSTREAM_SECRET
        return Health(at_ms=1, ok=True, said="it takes the key", status=200, latency_ms=7)


class Stage:
    """One copy of the books, and the application on them."""

    def __init__(self, store: Store, clock: HeldClock, app: FastAPI) -> None:
        self.store, self.clock, self.app = store, clock, app
        self.accounts = accounts_of(store, clock)
        app.state.services = services_of(self.accounts, clock)

    def generation(self) -> int:
        """It grows with whatever is changed."""
        return self.store.accounts.generation()


def accounts_of(store: Store, clock: HeldClock) -> Accounts:
    return Accounts(store.accounts, store.reports, VAULT, clock)


def services_of(accounts: Accounts, clock: HeldClock) -> Services:
    return Services(
        accounts=accounts,
        shelf=Shelf(CATALOGUE),
        listings=lambda: NO_LISTINGS,
        listing=lambda _: None,
        asks_lists=False,
        probe=Probed(),
        clock=clock,
        public_url="https://llm.example.com",
    )


class Template:
    """The books that copies are made of."""

    def __init__(self, data: Path) -> None:
        self._data, self._copies = data, 0
        with closing(Store.open(data)) as store:
            accounts = accounts_of(store, HeldClock())
            accounts.first_start()
            self.cast = _cast(accounts, store)
            self._app = control_plane(services_of(accounts, HeldClock()))

    @contextmanager
    def copied(self, into: Path) -> Generator[Stage]:
        """A stage of its own."""
        self._copies += 1
        data = into / f"copy-{self._copies}"
        shutil.copytree(self._data, data)
        with closing(Store.open(data)) as store:
            yield Stage(store, HeldClock(), self._app)
        shutil.rmtree(data)


def _cast(accounts: Accounts, store: Store) -> Cast:
    ours, theirs = _furnished(accounts, store, "Ours"), _furnished(accounts, store, "Theirs")
    sessions: dict[str, str] = {}
    members: dict[str, str] = {}
    for name, role in (
        *((role.value, role) for role in Role),
        ("removed", Role.OWNER),
        ("signed_out", Role.OWNER),
    ):
        members[name], sessions[name] = _joined(accounts, ours.workspace, name, role)
    _, sessions["stranger"] = _joined(accounts, theirs.workspace, "stranger", Role.OWNER)
    accounts.members.remove(OPERATOR, ours.workspace, members["removed"])
    accounts.people.sign_out(sessions["signed_out"])

    def made(place: Place, name: str, *scopes: Scope) -> str:
        return accounts.management_keys.create(OPERATOR, place.workspace, name, scopes, LAST_MS).secret

    only = {scope: made(ours, f"only {scope}", scope) for scope in Scope}
    but = {
        scope: made(ours, f"but {scope}", *(each for each in Scope if each is not scope)) for scope in Scope
    }
    revoked_key, foreign_key = made(ours, "revoked", *Scope), made(theirs, "foreign", *Scope)
    accounts.management_keys.revoke(OPERATOR, ours.workspace, "revoked")
    return Cast(
        ours=ours,
        theirs=theirs,
        sessions=sessions,
        members=members,
        only=only,
        but=but,
        revoked_key=revoked_key,
        foreign_key=foreign_key,
        secrets=(
            *sessions.values(),
            *only.values(),
            *but.values(),
            revoked_key,
            foreign_key,
            UPSTREAM_SECRET,
            PASSWORD,
            *_kept(store, ours, theirs),
        ),
    )


def _kept(store: Store, *places: Place) -> tuple[str, ...]:
    """What is kept of secrets: sealed ones, and digests."""
    found: list[bytes] = []
    for place in places:
        found += [key.digest for key in store.accounts.keys(place.workspace)]
        found += [key.digest for key in store.accounts.management_keys(place.workspace)]
        found += [key.sealed for key in store.accounts.provider_keys(place.workspace) if key.sealed]
    # A sealed secret is text by itself.
    return tuple(each.decode() if each.isascii() else each.hex() for each in found)


def _joined(accounts: Accounts, workspace: str, name: str, role: Role) -> tuple[str, str]:
    member = accounts.members.add(OPERATOR, workspace, name, f"{name}@example.com", role)
    link = accounts.people.invite(OPERATOR, workspace, member.id)
    signed_in = accounts.people.accept_new(link.token, name=name, password=PASSWORD, origin=ORIGIN)
    return member.id, signed_in.token


def _furnished(accounts: Accounts, store: Store, name: str) -> Place:
    workspace = accounts.workspaces.create(OPERATOR, name).id
    accounts.members.add(OPERATOR, workspace, "first owner", f"first-{name}@example.com", Role.OWNER)
    member = accounts.members.add(
        OPERATOR, workspace, "somebody", f"somebody-{name}@example.com", Role.MEMBER
    )
    accounts.prices.set(OPERATOR, workspace, MODEL, _RATES)
    accounts.virtual_models.set(OPERATOR, workspace, "fast", (Target(model=MODEL),))
    accounts.budgets.set(OPERATOR, workspace, Holder(BudgetOwner.WORKSPACE), BudgetPeriod.MONTHLY, 1_000_000)
    key = accounts.api_keys.create(OPERATOR, workspace, KeyChanges(name="key", cap=10**9)).key
    revoked = accounts.api_keys.create(OPERATOR, workspace, KeyChanges(name="revoked")).key
    accounts.api_keys.revoke(OPERATOR, workspace, revoked.id)
    booker = Booker(store.spend, key, f"worker of {name}")
    booker.open(0)
    request = booker.book(f"req of {name}", outcome(1_000, 2_000), HeldClock().now_ms()).attempt.request
    at_openai = NewProviderKey(provider="openai", secret=UPSTREAM_SECRET)
    return Place(
        workspace=workspace,
        member=member.id,
        key=key.id,
        revoked=revoked.id,
        management_key=accounts.management_keys.create(
            OPERATOR, workspace, "made", [Scope.KEYS_READ], LAST_MS
        ).key.id,
        provider_key=accounts.provider_keys.add(OPERATOR, workspace, at_openai).id,
        other_provider_key=accounts.provider_keys.add(
            OPERATOR, workspace, NewProviderKey(provider="demo", secret="")
        ).id,
        request=request,
    )
