"""The accounts service on a real database: what each door may do, and what it is told where it may not."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from cryptography.fernet import Fernet

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, NothingSpent, People, add
from zai_gateway.accounts import keys
from zai_gateway.accounts.records import NearCap
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.storage.store import Store

RATES = Rates(
    input=750_000, cache_read=75_000, cache_write=750_000, cache_write_long=750_000, output=4_500_000
)
SECRET = "sk-proj-8f3a-secret"


class TestFirstStart:
    """One workspace, the demo provider, and a key for it."""

    def test_it_leaves_a_workspace_to_try_things_in(self, team: People, sqlite: AccountStore) -> None:
        workspace = team.accounts.the_workspace()
        assert (workspace.name, workspace.slug) == ("My Workspace", "my-ws")
        (provider,) = team.accounts.provider_keys.list(OPERATOR, workspace.id)
        assert (provider.provider, provider.name, provider.sealed) == ("demo", "demo", b"")
        (key,) = team.accounts.api_keys.list(OPERATOR, workspace.id)
        assert (key.name, key.allow, key.cap) == ("first-key", ("demo/*",), None)
        assert team.first_key is not None
        assert key == team.first_key.key
        assert sqlite.key_by_digest(keys.digest(team.first_key.secret)) == key

    def test_a_second_one_changes_nothing(self, team: People, sqlite: AccountStore) -> None:
        before = sqlite.generation()
        assert team.accounts.first_start() is None
        assert sqlite.generation() == before

    def test_eight_at_once_make_one_workspace_and_one_key(self, tmp_path: Path, clock: HeldClock) -> None:
        vault, together = Vault(Fernet.generate_key().decode()), Barrier(8)

        def start(_: int) -> IssuedKey | None:
            store = Store.open(tmp_path)
            try:
                together.wait(60)
                return Accounts(store.accounts, store.reports, vault, clock).first_start()
            finally:
                store.close()

        with ThreadPoolExecutor(8) as threads:
            (issued,) = (key for key in threads.map(start, range(8)) if key is not None)
        store = Store.open(tmp_path)
        (workspace,) = store.accounts.workspaces()
        assert store.accounts.keys(workspace.id) == (issued.key,)
        assert len(store.accounts.provider_keys(workspace.id)) == 1
        store.close()

    def test_without_it_there_is_no_workspace(self, sqlite: AccountStore, clock: HeldClock) -> None:
        accounts = Accounts(sqlite, NothingSpent(), Vault(Fernet.generate_key().decode()), clock)
        with pytest.raises(OperatorError, match="no workspace yet; start the gateway once with 'zai serve'"):
            accounts.the_workspace()


class TestApiKeys:
    """Issue, find, change, revoke."""

    def test_a_key_is_kept_as_its_digest(self, team: People, sqlite: AccountStore, clock: HeldClock) -> None:
        wanted = KeyChanges(
            cap=5_000_000_000,
            allow=("openai/*", "openai/*"),
            fallback="openai/gpt-5.4-mini",
            expires_ms=clock.now_ms() + 1,
            tags=("ci", "ci", "team:a"),
            near_cap=NearCap.REFUSE,
        )
        issued = team.issue(" production-key ", wanted)
        assert keys.well_formed(issued.secret)
        key = sqlite.key_by_digest(keys.digest(issued.secret))
        assert key is not None
        assert key == issued.key
        assert key.workspace == team.workspace
        assert (key.name, key.prefix) == ("production-key", issued.secret[:12])
        assert (key.cap, key.allow, key.fallback) == (5_000_000_000, ("openai/*",), "openai/gpt-5.4-mini")
        assert (key.expires_ms, key.revoked_ms) == (clock.now_ms() + 1, None)
        assert (key.tags, key.near_cap, key.member) == (("ci", "team:a"), NearCap.REFUSE, None)
        assert issued.secret.encode() not in msgspec.json.encode(key)

    def test_every_key_has_a_budget_of_its_own(self, team: People) -> None:
        team.key("a")
        team.key("b")
        budgets = [key.budget for key in team.accounts.api_keys.list(OPERATOR, team.workspace)]
        assert len(set(budgets)) == 3

    def test_what_may_not_be_is_refused_before_anything_is_written(
        self, team: People, sqlite: AccountStore, clock: HeldClock
    ) -> None:
        before = sqlite.generation()
        wrong = {
            "name": KeyChanges(),
            "spend cap": KeyChanges(name="k", cap=-1),
            "allow": KeyChanges(name="k", allow=("",)),
            "fallback": KeyChanges(name="k", fallback="gpt"),
            "expires": KeyChanges(name="k", expires_ms=clock.now_ms()),
            "tags": KeyChanges(name="k", tags=("two words",)),
        }
        for field, wanted in wrong.items():
            with pytest.raises(OperatorError, match=rf"^{field}: "):
                team.accounts.api_keys.create(OPERATOR, team.workspace, wanted)
        assert sqlite.generation() == before

    def test_a_key_is_found_by_id_and_by_unique_name(self, team: People) -> None:
        team.key("ana")
        ana = team.accounts.api_keys.show(OPERATOR, team.workspace, "ana")
        assert team.accounts.api_keys.show(OPERATOR, team.workspace, ana.id) == ana
        team.key("ana")
        with pytest.raises(OperatorError, match=rf"2 API keys are named 'ana'.*{ana.id}"):
            team.accounts.api_keys.show(OPERATOR, team.workspace, "ana")
        with pytest.raises(Failure, match=rf"no API key 'zoe'; there are: .*ana \({ana.id}\)"):
            team.accounts.api_keys.show(OPERATOR, team.workspace, "zoe")

    def test_a_key_that_took_a_revoked_ones_name_has_it(self, team: People) -> None:
        team.key("ana")
        revoked = team.accounts.api_keys.revoke(OPERATOR, team.workspace, "ana")
        assert team.accounts.api_keys.show(OPERATOR, team.workspace, "ana") == revoked
        team.key("ana")
        living = team.accounts.api_keys.show(OPERATOR, team.workspace, "ana")
        assert living.revoked_ms is None
        assert team.accounts.api_keys.show(OPERATOR, team.workspace, revoked.id) == revoked

    def test_only_what_is_named_changes(self, team: People, sqlite: AccountStore, clock: HeldClock) -> None:
        expires = clock.now_ms() + 1
        terms = KeyChanges(cap=1, allow=("openai/*",), fallback="openai/m", expires_ms=expires)
        before = team.issue("ana", terms).key
        update = partial(team.accounts.api_keys.update, OPERATOR)
        written = sqlite.generation()
        assert update(team.workspace, "ana", KeyChanges()) == before
        assert update(team.workspace, "ana", KeyChanges(cap=1)) == before
        assert sqlite.generation() == written
        assert update(team.workspace, "ana", KeyChanges(cap=2)) == msgspec.structs.replace(before, cap=2)
        update(team.workspace, "ana", KeyChanges(name="ben", allow=("demo/*",)))
        update(team.workspace, "ben", KeyChanges(cap=None, fallback=None, expires_ms=None))
        after = team.accounts.api_keys.show(OPERATOR, team.workspace, before.id)
        assert after == msgspec.structs.replace(
            before, name="ben", allow=("demo/*",), cap=None, fallback=None, expires_ms=None
        )

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("name", KeyChanges(name="")),
            ("spend cap", KeyChanges(cap=-1)),
            ("allow", KeyChanges(allow=("a b",))),
            ("fallback", KeyChanges(fallback="")),
            ("expires", KeyChanges(expires_ms=1)),
        ],
    )
    def test_a_change_that_may_not_be_names_its_field(
        self, team: People, sqlite: AccountStore, field: str, changes: KeyChanges
    ) -> None:
        before = sqlite.generation()
        with pytest.raises(OperatorError, match=f"^{field}: "):
            team.accounts.api_keys.update(OPERATOR, team.workspace, "first-key", changes)
        assert sqlite.generation() == before

    def test_a_key_is_revoked_once_and_for_good(
        self, team: People, sqlite: AccountStore, clock: HeldClock
    ) -> None:
        revoked = team.accounts.api_keys.revoke(OPERATOR, team.workspace, "first-key")
        assert revoked.revoked_ms == clock.now_ms()
        generation = sqlite.generation()
        clock.move(60)
        assert team.accounts.api_keys.revoke(OPERATOR, team.workspace, "first-key") == revoked
        with pytest.raises(OperatorError, match=r"'first-key' .* was revoked; create a new one"):
            team.accounts.api_keys.update(OPERATOR, team.workspace, "first-key", KeyChanges(cap=1))
        assert sqlite.generation() == generation

    def test_a_workspace_sees_its_own_keys_only(self, team: People) -> None:
        other = team.accounts.workspaces.create(OPERATOR, "Other").id
        with pytest.raises(Failure, match="no API key 'first-key', nor any other yet"):
            team.accounts.api_keys.show(OPERATOR, other, "first-key")
        with pytest.raises(Failure, match="no such workspace") as refused:
            team.accounts.api_keys.show(OPERATOR, "ws_unknown", "first-key")
        assert refused.value.code is Code.NOT_FOUND


class TestPrices:
    """A workspace's own prices."""

    def test_a_price_is_set_replaced_and_removed(self, team: People) -> None:
        first = team.accounts.prices.set(OPERATOR, team.workspace, "openai/my-model", RATES)
        second = team.accounts.prices.set(
            OPERATOR, team.workspace, "openai/my-model", msgspec.structs.replace(RATES, output=0)
        )
        assert first.version != second.version
        assert team.accounts.prices.list(OPERATOR, team.workspace) == (second,)
        team.accounts.prices.remove(OPERATOR, team.workspace, "openai/my-model")
        assert team.accounts.prices.list(OPERATOR, team.workspace) == ()

    def test_a_price_that_is_not_there_names_those_that_are_close(self, team: People) -> None:
        team.accounts.prices.set(OPERATOR, team.workspace, "openai/my-model", RATES)
        with pytest.raises(Failure, match=r"no price of its own\. Did you mean openai/my-model\?"):
            team.accounts.prices.remove(OPERATOR, team.workspace, "openai/mymodel")

    def test_what_may_not_be_is_refused(self, team: People) -> None:
        with pytest.raises(OperatorError, match=r"^model: "):
            team.accounts.prices.set(OPERATOR, team.workspace, "my-model", RATES)
        with pytest.raises(OperatorError, match=r"^provider: 'opnai' .*Did you mean openai"):
            team.accounts.prices.set(OPERATOR, team.workspace, "opnai/my-model", RATES)
        with pytest.raises(OperatorError, match=r"^price: "):
            team.accounts.prices.set(
                OPERATOR, team.workspace, "openai/m", msgspec.structs.replace(RATES, input=-1)
            )
        assert team.accounts.prices.list(OPERATOR, team.workspace) == ()


def test_no_record_shows_a_secret(team: People, sqlite: AccountStore) -> None:
    issued = team.issue("ana")
    provider_key = add(team, "openai", SECRET)
    records = [issued, issued.key, provider_key, team.vault, team.accounts, *sqlite.changes(0).workspaces]
    for shown in (text for record in records for text in (repr(record), str(record), f"{[record]}")):
        assert issued.secret not in shown
        assert SECRET not in shown
    # What rich prints, and what a traceback with local variables shows.
    assert issued.secret not in repr(list(issued.__rich_repr__()))


def test_no_secret_reaches_the_database(tmp_path: Path, clock: HeldClock) -> None:
    store = Store.open(tmp_path)
    team = People(store, clock)
    team.vault.check(store.accounts)
    secrets = [SECRET, team.key("ana")]
    add(team, "openai", SECRET)
    store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert keys.digest(secrets[1]) in written
    assert not [secret for secret in secrets if secret.encode() in written]
