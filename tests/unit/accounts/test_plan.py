"""Plans: applied once, a declaration leaves nothing to do; what cannot be carried out is told before."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.unit.accounts.declarations import REFERENCES, workspaces
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.applying import Applying
from zai_gateway.accounts.audit_record import AuditSearch, Change
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.declaration import read
from zai_gateway.accounts.declared import Declaration, DeclaredKey, DeclaredWorkspace
from zai_gateway.accounts.plan_steps import Action
from zai_gateway.accounts.terms import IssuedKey, KeyChanges
from zai_gateway.errors import OperatorError

SECRETS = dict(zip(REFERENCES, ("sk-1", "sk-2"), strict=True))
NUMBERS = count()


class Hand:
    """Applies declarations to the accounts of a team."""

    def __init__(self, team: People, clock: HeldClock) -> None:
        self.issued: list[IssuedKey] = []
        self._clock = clock
        self._applying = Applying(team.accounts, OPERATOR, SECRETS)

    def plan(self, wanted: Declaration | str, *, prune: bool = False) -> tuple[Action, ...]:
        declaration = read(wanted) if isinstance(wanted, str) else wanted
        return self._applying.plan(declaration, self._clock.now_ms(), prune=prune)

    def apply(self, wanted: Declaration | str, *, prune: bool = False) -> list[str]:
        """What was done, each as `create key ci`."""
        actions = self.plan(wanted, prune=prune)
        for action in actions:
            self._clock.move(0.001)
            self._applying.carry_out(action, self._keeping)
        return [f"{action.verb.value} {action.table} {action.name}" for action in actions]

    @contextmanager
    def _keeping(self, _action: Action, _wanted: DeclaredKey) -> Generator[Callable[[IssuedKey], None]]:
        yield self.issued.append


@pytest.fixture
def hand(team: People, clock: HeldClock) -> Hand:
    return Hand(team, clock)


def text(*parts: str) -> str:
    """A declaration of one workspace: `member email = "..."`, one entry to a line."""
    lines = ["[[workspace]]", 'name = "Tools"']
    for part in parts:
        table, _, fields = part.partition(" ")
        lines += [f"[[workspace.{table}]]", *fields.split("; ")]
    return "\n".join(lines)


ANA = 'member email = "ana@example.com"; role = "owner"'
BEN = 'member email = "ben@example.com"'
OPENAI = 'provider provider = "openai"; secret = { env = "ONE" }'


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=workspaces, second=workspaces, prune=st.booleans())
def test_a_declaration_that_was_applied_leaves_nothing_to_do(
    hand: Hand, first: DeclaredWorkspace, second: DeclaredWorkspace, prune: bool
) -> None:
    """From nothing, and from whatever another declaration left."""
    name = f"Tools {next(NUMBERS)}"
    for each in (first, second):
        wanted = Declaration((replace(each, name=name),))
        hand.apply(wanted, prune=prune)
        assert hand.plan(wanted, prune=prune) == ()


def test_others_are_named_after_they_are_there_and_owners_change_before_they_go(hand: Hand) -> None:
    budget = 'budget {}; period = "daily"; limit = 1'
    assert hand.apply(
        text(
            budget.format('key = "ci"'),
            budget.format('member = "ben@example.com"'),
            'key name = "ci"; member = "ben@example.com"',
            BEN,
            ANA,
        )
    ) == [
        "create workspace Tools",
        "create member ana@example.com",
        "create member ben@example.com",
        "create key ci",
        "create budget daily of key ci",
        "create budget daily of member ben@example.com",
    ]
    other_owner = 'member email = "ben@example.com"; role = "owner"'
    assert hand.apply(text(ANA.replace("owner", "viewer"), other_owner)) == [
        "change member ben@example.com",
        "change member ana@example.com",
    ]


def test_a_change_tells_the_fields_before_and_after_and_leaves_the_others(hand: Hand, team: People) -> None:
    hand.apply(text('key name = "ci"; spend_cap = 5; allow = ["demo/*"]; expires = 2199-01-01', OPENAI))
    (issued,) = hand.issued
    (key, provider) = hand.plan(
        text(
            'key name = "ci"; spend_cap = "none"; expires = "none"',
            OPENAI.replace("ONE", "TWO"),
        )
    )
    assert {name: (change.before, change.after) for name, change in key.changes.items()} == {
        "spend_cap": ("5.00", None),
        "expires": ("2199-01-01T00:00:00Z", None),
    }
    assert {name: (change.before, change.after) for name, change in provider.changes.items()} == {
        "secret": ("the one before", "another one")
    }
    hand.apply(text('key name = "ci"; spend_cap = 6'))
    workspace = team.accounts.workspaces.find(OPERATOR, "Tools").id
    now = team.accounts.api_keys.show(OPERATOR, workspace, "ci")
    assert (now.id, now.digest, now.cap, now.allow) == (
        *(issued.key.id, issued.key.digest, 6_000_000_000, ("demo/*",)),
    )


def test_the_rate_limits_of_a_workspace_are_set_changed_and_taken_away(hand: Hand, team: People) -> None:
    def limits() -> tuple[int | None, int | None, int | None]:
        tools = team.accounts.workspaces.find(OPERATOR, "Tools")
        return tools.rpm, tools.tpm, tools.concurrency

    declared = text('key name = "ci"; rpm = 5').replace('"Tools"', '"Tools"\nrpm = 60\ntpm = 1_000', 1)
    assert hand.apply(declared) == ["create workspace Tools", "create key ci"]
    assert limits() == (60, 1_000, None)
    assert hand.apply(declared) == []
    changed = text('key name = "ci"; rpm = "none"').replace('"Tools"', '"Tools"\ntpm = "none"', 1)
    (workspace, key) = hand.plan(changed)
    assert workspace.changes == {"tpm": Change(1_000, None)}
    assert key.changes == {"rpm": Change(5, None)}
    hand.apply(changed)
    assert limits() == (60, None, None)


def test_a_virtual_model_is_set_whole_and_after_the_provider_that_it_names(hand: Hand) -> None:
    box = 'provider provider = "custom"; name = "mybox"; base_url = "http://127.0.0.1:9/v1"'
    targets = 'targets = ["openai/m,weight=3,timeout=2m", "mybox/n"]'
    model = f'model name = "fast"; strategy = "weighted"; {targets}'
    assert hand.apply(text(model, box)) == [
        "create workspace Tools",
        "create provider mybox",
        "create model fast",
    ]
    assert hand.apply(text(model.replace("2m", "120s"))) == []
    (action,) = hand.plan(text('model name = "fast"; targets = ["mybox/n"]'))
    assert {name: (change.before, change.after) for name, change in action.changes.items()} == {
        "strategy": ("weighted", "ordered"),
        "targets": (["openai/m,weight=3,timeout=120s", "mybox/n"], ["mybox/n"]),
    }


def test_an_allowance_is_set_and_taken_away(hand: Hand) -> None:
    assert hand.apply(text('key name = "ci"; unbounded_allowance = 0.5'))[1:] == ["create key ci"]
    (action,) = hand.plan(text('key name = "ci"; unbounded_allowance = "none"'))
    assert action.changes["unbounded_allowance"] == Change("0.50", None)
    hand.apply(text('key name = "ci"; unbounded_allowance = "none"'))
    assert hand.apply(text('key name = "ci"; unbounded_allowance = "none"')) == []


def test_a_secret_changes_in_place_and_an_address_keeps_the_place(hand: Hand, team: People) -> None:
    second = 'provider provider = "openai"; name = "second"; secret = { env = "ONE" }'
    hand.apply(text(OPENAI, second))
    workspace = team.accounts.workspaces.find(OPERATOR, "Tools").id

    def standing() -> list[tuple[str, str, str]]:
        listed = team.accounts.provider_keys.list(OPERATOR, workspace)
        return [(key.name, key.base_url, team.vault.open_secret(key)) for key in listed]

    before = team.accounts.provider_keys.list(OPERATOR, workspace)
    hand.apply(text(OPENAI.replace("ONE", "TWO"), second))
    assert [key.id for key in team.accounts.provider_keys.list(OPERATOR, workspace)] == [
        key.id for key in before
    ]
    hand.apply(text(f'{OPENAI}; base_url = "https://eu.example/v1"'))
    assert standing() == [
        ("openai", "https://eu.example/v1", "sk-1"),
        ("second", "https://api.openai.com/v1", "sk-1"),
    ]


def test_a_disabled_provider_key_stays_so_at_every_moment_of_its_move(hand: Hand, team: People) -> None:
    hand.apply(text(OPENAI))
    workspace = team.accounts.workspaces.find(OPERATOR, "Tools").id
    team.accounts.provider_keys.switch(OPERATOR, workspace, "openai", enabled=False)
    hand.apply(text(f'{OPENAI}; base_url = "https://eu.example/v1"'))
    (moved,) = team.accounts.provider_keys.list(OPERATOR, workspace)
    assert (moved.base_url, moved.disabled_ms is None) == ("https://eu.example/v1", False)
    (added, _) = team.accounts.audit.list(OPERATOR, workspace, AuditSearch(deed=Deed.PROVIDER_KEY_ADD))
    assert added.changes["disabled_ms"] == Change(None, moved.disabled_ms)


def test_pruning_is_for_the_kinds_that_are_declared(hand: Hand, team: People) -> None:
    budget = 'budget key = "old"; period = "daily"; limit = 1'
    price = 'price model = "openai/m"; input = 1; output = 1'
    model = 'model name = "fast"; targets = ["openai/m"]'
    hand.apply(text(ANA, BEN, 'key name = "old"', 'key name = "ci"', OPENAI, budget, price, model))
    assert hand.apply(text(ANA, 'key name = "ci"')) == []
    assert hand.apply(text(ANA, 'key name = "ci"'), prune=True) == [
        "remove key old",
        "remove member ben@example.com",
    ]
    bare = '[[workspace]]\nname = "Tools"\n'
    assert hand.apply(bare, prune=True) == []
    assert hand.apply(f"{bare}key = []\nprovider = []\nmodel = []\nprice = []\nbudget = []", prune=True) == [
        "remove model fast",
        "remove key ci",
        "remove provider openai",
        "remove price openai/m",
    ]
    assert [each.name for each in team.accounts.workspaces.list(OPERATOR)] == ["My Workspace", "Tools"]
    assert team.accounts.api_keys.show(OPERATOR, team.workspace, "first-key").revoked_ms is None


def test_a_key_that_was_revoked_is_made_again(hand: Hand, team: People) -> None:
    wanted = text('key name = "ci"')
    hand.apply(wanted)
    workspace = team.accounts.workspaces.find(OPERATOR, "Tools").id
    team.accounts.api_keys.revoke(OPERATOR, workspace, "ci")
    assert hand.apply(wanted) == ["create key ci"]
    assert len({issued.secret for issued in hand.issued}) == 2


def test_a_key_that_has_expired_since_is_as_declared(hand: Hand, clock: HeldClock) -> None:
    wanted = text('key name = "ci"; expires = 2030-01-01; spend_cap = 1')
    hand.apply(wanted)
    clock.move(10 * 365 * 86_400)
    assert hand.plan(wanted) == ()
    assert hand.apply(wanted.replace("spend_cap = 1", "spend_cap = 2")) == ["change key ci"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (
            text('key name = "ci"; member = "bne@example.com"'),
            "member: 'bne@example.com' neither stands in the",
        ),
        (text(ANA, 'key name = "theirs"'), "key 'theirs': member: 'ben@example.com' neither stands"),
        (text('key name = "ci"; expires = 2020-01-01'), "key 'ci': expires: not in the future"),
        (text('key name = "twins"'), "key 'twins': 2 stand under that name (key_"),
        (text('budget key = "c"; period = "daily"; limit = 1'), "budget 'daily of key c': key: 'c' neither"),
        (text('provider provider = "openai"; name = "new"'), "provider 'new': secret: it is missing"),
        (text('provider provider = "demo"; name = "openai"'), "it is a key at openai, and stays one"),
        (
            text('provider provider = "openai"; base_url = "https://eu.example"'),
            "secret: it is missing; a key",
        ),
        (
            text('price model = "opnai/m"; input = 1; output = 1'),
            "price 'opnai/m': model: provider: 'opnai' is not a provider",
        ),
        (
            text('model name = "fast"; targets = ["mybox/n"]'),
            "model 'fast': targets: provider: 'mybox' is not a provider",
        ),
        (text(BEN), "it would be left without an owner"),
        (text(ANA.replace("owner", "admin"), BEN), "it would be left without an owner"),
    ],
)
def test_what_cannot_be_carried_out_is_told_before_anything_is(
    hand: Hand, team: People, wanted: str, said: str
) -> None:
    hand.apply(text(ANA, BEN, OPENAI, 'key name = "theirs"; member = "ben@example.com"'))
    workspace = team.accounts.workspaces.find(OPERATOR, "Tools").id
    for _ in range(2):
        team.accounts.api_keys.create(OPERATOR, workspace, KeyChanges(name="twins"))
    with pytest.raises(OperatorError) as refused:
        hand.apply(wanted, prune=True)
    assert said in str(refused.value)
    assert str(refused.value).startswith("workspace 'Tools'")
