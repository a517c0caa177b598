"""API keys are written once however often it is asked for, over nothing unseen, and with all their limits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.api_keys import ApiKeys, KeySearch
from zai_gateway.accounts.applying import Applying
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.declared import Declaration, DeclaredKey, DeclaredWorkspace
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.key_making import new_key_id
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.accounts.sights import sight
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.storage.store import Store

A = "0" * 26
DAILY, WEEKLY, MONTHLY = BudgetPeriod.DAILY, BudgetPeriod.WEEKLY, BudgetPeriod.MONTHLY


def limits(team: People, key: str) -> dict[BudgetPeriod, int | None]:
    """What stands in the books of budgets for one key."""
    every = team.accounts.budgets.list(OPERATOR, team.workspace)
    return {each.period: each.limit for each in every if each.owner == key}


class TestOnce:
    """A wish that brings its id."""

    def test_the_key_has_the_id_that_was_brought(self, team: People, clock: HeldClock) -> None:
        id = new_key_id(clock.now_ms())
        issued = team.accounts.api_keys.create(OPERATOR, team.workspace, KeyChanges(name="ci"), id=id)
        assert issued.key.id == id
        assert team.accounts.api_keys.show(OPERATOR, team.workspace, id) == issued.key

    def test_the_same_wish_makes_one_key_however_often_it_comes(self, team: People, clock: HeldClock) -> None:
        id = new_key_id(clock.now_ms())
        create = partial(team.accounts.api_keys.create, OPERATOR, team.workspace, id=id)

        def wish(number: int) -> IssuedKey | str:
            try:
                return create(KeyChanges(name=f"ci-{number}", limits={DAILY: 1}))
            except OperatorError as trouble:
                return str(trouble)

        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(wish, range(6)))
        (issued,) = (each for each in answers if isinstance(each, IssuedKey))
        refusals = [each for each in answers if isinstance(each, str)]
        assert len(refusals) == 5
        assert all("issued already" in said and issued.secret not in said for said in refusals)
        named = KeySearch(text="ci-")
        assert team.accounts.api_keys.list(OPERATOR, team.workspace, named) == (issued.key,)
        made = AuditSearch(deed=Deed.KEY_CREATE, object=id)
        assert len(team.accounts.audit.list(OPERATOR, team.workspace, made)) == 1

    def test_an_id_of_another_workspace_is_taken_too(self, team: People, clock: HeldClock) -> None:
        id = new_key_id(clock.now_ms())
        elsewhere = team.accounts.workspaces.create(OPERATOR, "Elsewhere").id
        team.accounts.api_keys.create(OPERATOR, elsewhere, KeyChanges(name="theirs"), id=id)
        with pytest.raises(OperatorError, match="issued already"):
            team.accounts.api_keys.create(OPERATOR, team.workspace, KeyChanges(name="ours"), id=id)
        assert team.accounts.api_keys.list(OPERATOR, team.workspace, KeySearch(text="ours")) == ()

    @pytest.mark.parametrize(
        "id",
        ["", "key_", "key_1", f"ws_{'0' * 26}", f"key_{'u' * 26}", f"key_{'0' * 27}", f"key_{'0' * 26}\n"],
    )
    def test_what_is_no_id_is_refused(self, team: People, id: str) -> None:
        with pytest.raises(OperatorError, match=r"^id: "):
            team.accounts.api_keys.create(OPERATOR, team.workspace, KeyChanges(name="ci"), id=id)

    def test_a_member_who_went_is_what_is_told(self, team: People) -> None:
        zoe = team.person("zoe", Role.MEMBER)
        team.accounts.members.remove(OPERATOR, team.workspace, zoe.id)
        with pytest.raises(Failure) as refused:
            team.accounts.api_keys.create(zoe, team.workspace, KeyChanges(name="mine"))
        assert refused.value.code is Code.NOT_FOUND


class TestLimits:
    """What a key may spend by day, week and month, in the transaction of the key itself."""

    def test_a_key_is_issued_with_them(self, team: People) -> None:
        key = team.issue("ci", KeyChanges(cap=9, limits={DAILY: 1, MONTHLY: 5})).key
        assert limits(team, key.id) == {BudgetPeriod.TOTAL: 9, DAILY: 1, MONTHLY: 5}
        assert team.accounts.api_keys.look(OPERATOR, team.workspace, key.id).limits == {DAILY: 1, MONTHLY: 5}

    def test_they_are_set_changed_and_taken_away_at_once(self, team: People) -> None:
        key = team.issue("ci", KeyChanges(limits={DAILY: 1, MONTHLY: 5})).key
        before = {each.period: each.id for each in team.accounts.budgets.list(OPERATOR, team.workspace)}
        changes = KeyChanges(name="cd", limits={DAILY: None, WEEKLY: 2, MONTHLY: 6})
        team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, changes)
        assert limits(team, key.id) == {WEEKLY: 2, MONTHLY: 6}
        after = {each.period: each.id for each in team.accounts.budgets.list(OPERATOR, team.workspace)}
        # It goes on counting.
        assert after[MONTHLY] == before[MONTHLY]

    def test_each_change_is_audited(self, team: People) -> None:
        key = team.issue("ci", KeyChanges(limits={DAILY: 1})).key
        team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, KeyChanges(limits={DAILY: None}))
        found = team.accounts.audit.list(
            OPERATOR, team.workspace, AuditSearch(workspace=team.workspace, object=key.id)
        )
        assert sorted(record.deed for record in found) == [
            Deed.BUDGET_REMOVE,
            Deed.BUDGET_SET,
            Deed.KEY_CREATE,
        ]

    def test_who_may_set_no_budgets_changes_none(self, team: People) -> None:
        ana = team.person("ana", Role.MEMBER)
        own = team.accounts.api_keys.create(ana, team.workspace, KeyChanges(name="own", cap=5)).key
        wishes: tuple[Callable[[], object], ...] = (
            lambda: team.accounts.api_keys.create(
                ana, team.workspace, KeyChanges(name="more", limits={DAILY: 1})
            ),
            lambda: team.accounts.api_keys.update(
                ana, team.workspace, own.id, KeyChanges(name="more", limits={DAILY: 1})
            ),
        )
        for wish in wishes:
            with pytest.raises(Failure) as refused:
                wish()
            assert refused.value.code is Code.FORBIDDEN
        assert team.accounts.api_keys.list(OPERATOR, team.workspace, KeySearch(text="more")) == ()

    def test_a_limit_that_cannot_be_leaves_the_key_as_it_was(self, team: People) -> None:
        key = team.issue("ci", KeyChanges(limits={DAILY: 1})).key
        update = partial(team.accounts.api_keys.update, OPERATOR, team.workspace, key.id)
        with pytest.raises(OperatorError, match=r"^limit: "):
            update(KeyChanges(name="cd", limits={DAILY: -1}))
        with pytest.raises(OperatorError, match="its spend cap"):
            update(KeyChanges(name="cd", limits={BudgetPeriod.TOTAL: 1}))
        assert team.accounts.api_keys.show(OPERATOR, team.workspace, key.id).name == "ci"
        assert limits(team, key.id) == {DAILY: 1}


class TestAsSeen:
    """Changes to a key as somebody saw it."""

    def test_they_are_made_to_what_was_seen(self, team: People) -> None:
        key = team.issue("ci", KeyChanges(limits={DAILY: 1})).key
        seen = sight(team.accounts.api_keys.look(OPERATOR, team.workspace, key.id).terms)
        changes = KeyChanges(name="cd", limits={DAILY: 2})
        team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, changes, seen=seen)
        after = team.accounts.api_keys.look(OPERATOR, team.workspace, key.id)
        assert (after.key.name, after.limits) == ("cd", {DAILY: 2})
        assert sight(after.terms) != seen

    @pytest.mark.parametrize("changed", [KeyChanges(tags=("new",)), KeyChanges(limits={DAILY: 2})])
    def test_they_are_refused_over_what_was_not(self, team: People, changed: KeyChanges) -> None:
        key = team.issue("ci", KeyChanges(limits={DAILY: 1})).key
        update = partial(team.accounts.api_keys.update, OPERATOR, team.workspace, key.id)
        seen = sight(team.accounts.api_keys.look(OPERATOR, team.workspace, key.id).terms)
        update(changed)
        with pytest.raises(OperatorError, match="was changed by somebody else meanwhile"):
            update(KeyChanges(name="cd"), seen=seen)
        assert team.accounts.api_keys.show(OPERATOR, team.workspace, key.id).name == "ci"

    def test_sent_twice_they_are_made_once(self, team: People) -> None:
        key = team.issue("ci").key
        update = partial(team.accounts.api_keys.update, OPERATOR, team.workspace, key.id)
        seen = sight(team.accounts.api_keys.look(OPERATOR, team.workspace, key.id).terms)
        for _ in range(2):
            assert update(KeyChanges(name="cd"), seen=seen).name == "cd"

    def test_one_that_comes_between_reading_and_writing_is_seen(self, team: People) -> None:
        key = team.issue("ci").key
        seen = sight(team.accounts.api_keys.look(OPERATOR, team.workspace, key.id).terms)
        changes = [KeyChanges(name=f"cd-{number}") for number in range(6)]

        def change(wanted: KeyChanges) -> bool:
            try:
                team.accounts.api_keys.update(OPERATOR, team.workspace, key.id, wanted, seen=seen)
            except OperatorError:
                return False
            return True

        with ThreadPoolExecutor(6) as threads:
            assert sum(threads.map(change, changes)) == 1

    def test_using_or_rotating_a_key_changes_none_of_its_terms(self, team: People) -> None:
        key = team.issue("ci").key
        seen = sight(team.accounts.api_keys.look(OPERATOR, team.workspace, key.id).terms)
        team.accounts.api_keys.rotate(OPERATOR, team.workspace, key.id, 60_000)
        assert sight(team.accounts.api_keys.look(OPERATOR, team.workspace, key.id).terms) == seen

    def test_a_secret_is_followed_once(self, team: People) -> None:
        key = team.issue("ci").key
        rotate = partial(team.accounts.api_keys.rotate, OPERATOR, team.workspace, key.id, 60_000)

        def follow(_: int) -> bool:
            try:
                rotate(seen=key.prefix)
            except OperatorError as trouble:
                assert "was rotated since you saw it" in str(trouble)
                return False
            return True

        with ThreadPoolExecutor(6) as threads:
            assert sum(threads.map(follow, range(6))) == 1
        now = team.accounts.api_keys.show(OPERATOR, team.workspace, key.id)
        assert [old.prefix for old in now.predecessors] == [key.prefix]


class TestCanonicalNames:
    """Allowlists are tested on canonical names, whatever they were written with."""

    def test_an_alias_is_stored_as_what_it_names(self, team: People) -> None:
        allow = ("anthropic/claude-4.5-sonnet", "anthropic/claude-*", "fast", "nobody/knows-4.5")
        key = team.issue("ci", KeyChanges(allow=allow)).key
        model = Catalogue.load().model("anthropic", "claude-4.5-sonnet").name
        assert model != allow[0]
        assert key.allow == (model, *allow[1:])
        changed = team.accounts.api_keys.update(
            OPERATOR, team.workspace, key.id, KeyChanges(allow=(model, allow[0]))
        )
        assert changed.allow == (model,)

    def test_a_declaration_by_an_alias_is_what_stands(self, team: People, clock: HeldClock) -> None:
        allow = ("anthropic/claude-4.5-sonnet",)
        team.issue("ci", KeyChanges(allow=allow))
        place = DeclaredWorkspace(name="My Workspace", keys=(DeclaredKey(name="ci", allow=allow),))
        applying = Applying(team.accounts, OPERATOR, {})
        assert applying.plan(Declaration((place,)), clock.now_ms(), prune=False) == ()

    def test_no_catalogue_is_asked_for_where_there_is_nothing_to_name(
        self, books: Store, clock: HeldClock
    ) -> None:
        def none_there() -> Catalogue:
            raise AssertionError("It was asked for.")

        service = ApiKeys(Desk(books.accounts, clock), none_there)
        for allow in ((), ("demo/*", "openai/gpt-?"), ("fast",)):
            assert service.canonical_allow(allow) == allow


def test_a_search_finds_tags(team: People) -> None:
    tagged = team.issue("one", KeyChanges(tags=("Payments",))).key
    team.issue("two")
    assert team.accounts.api_keys.list(OPERATOR, team.workspace, KeySearch(text="payM")) == (tagged,)


def test_a_limit_of_a_key_is_no_other_budget(team: People) -> None:
    key = team.issue("ci", KeyChanges(limits={DAILY: 1})).key
    (budget,) = team.accounts.budgets.list(OPERATOR, team.workspace)
    assert (budget.owner_kind, budget.owner, budget.period) == (BudgetOwner.KEY, key.id, DAILY)
