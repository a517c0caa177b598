"""Virtual models: set whole, replaced, removed, on record, and of one workspace."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPENAI, OPERATOR, People
from zai_gateway.accounts.audit_record import AuditSearch, Change
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import Strategy, Target, VirtualModel
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.virtual_models import VirtualModels
from zai_gateway.errors import Code, Failure, OperatorError

ONE, TWO = Target(model="openai/m"), Target(model="groq/n", timeout_ms=20_000)


@pytest.fixture
def models(team: People) -> VirtualModels:
    return team.accounts.virtual_models


def records(team: People) -> list[tuple[str, dict[str, Change]]]:
    """What was done to virtual models, the newest first."""
    search = AuditSearch(object="fast")
    return [
        (each.deed.value, dict(each.changes)) for each in team.accounts.audit.list(OPERATOR, None, search)
    ]


def test_one_is_set_shown_replaced_and_removed(team: People, models: VirtualModels, clock: HeldClock) -> None:
    made = models.set(OPERATOR, team.workspace, "fast", [ONE, TWO])
    assert made == VirtualModel(
        workspace=team.workspace, name="fast", targets=(ONE, TWO), created_ms=clock.now_ms()
    )
    assert models.show(OPERATOR, team.workspace, "fast") == made
    clock.move(60)
    heavy = Target(model="openai/m", weight=3)
    other = models.set(OPERATOR, team.workspace, "fast", [heavy], Strategy.WEIGHTED)
    assert (other.strategy, other.targets, other.created_ms) == (
        Strategy.WEIGHTED,
        (heavy,),
        made.created_ms,
    )
    models.set(OPERATOR, team.workspace, "coding", [TWO])
    assert [each.name for each in models.list(OPERATOR, team.workspace)] == ["coding", "fast"]
    assert models.remove(OPERATOR, team.workspace, "fast") == other
    assert [each.name for each in models.list(OPERATOR, team.workspace)] == ["coding"]


def test_each_is_on_record_with_what_changed_and_nothing_is_where_nothing_did(
    team: People, sqlite: AccountStore, models: VirtualModels
) -> None:
    models.set(OPERATOR, team.workspace, "fast", [ONE])
    generation = sqlite.generation()
    models.set(OPERATOR, team.workspace, "fast", [ONE])
    assert sqlite.generation() == generation
    models.set(OPERATOR, team.workspace, "fast", [ONE], Strategy.WEIGHTED)
    models.remove(OPERATOR, team.workspace, "fast")
    removed, changed, made = records(team)
    target = [{"model": "openai/m", "weight": 1, "timeout_ms": None}]
    assert made[0] == changed[0] == "virtual_model.set"
    assert made[1]["targets"] == Change(None, target)
    assert changed[1] == {"strategy": Change("ordered", "weighted")}
    assert (removed[0], removed[1]["targets"]) == ("virtual_model.remove", Change(target, None))


def test_a_name_is_one_workspace_s_own(team: People, models: VirtualModels) -> None:
    other = team.accounts.workspaces.create(OPERATOR, "Other").id
    models.set(OPERATOR, team.workspace, "fast", [ONE])
    models.set(OPERATOR, other, "fast", [TWO])
    models.remove(OPERATOR, other, "fast")
    assert models.show(OPERATOR, team.workspace, "fast").targets == (ONE,)
    assert models.list(OPERATOR, other) == ()


def test_what_is_not_there_is_told_with_what_is_close(team: People, models: VirtualModels) -> None:
    models.set(OPERATOR, team.workspace, "fast", [ONE])
    asks: list[Callable[[str], object]] = [
        lambda name: models.show(OPERATOR, team.workspace, name),
        lambda name: models.remove(OPERATOR, team.workspace, name),
    ]
    for ask in asks:
        with pytest.raises(Failure, match=r"'fats'.* Did you mean fast\?") as refused:
            ask("fats")
        assert refused.value.code is Code.NOT_FOUND


def test_a_custom_provider_s_models_are_targets_once_it_is_there(team: People, models: VirtualModels) -> None:
    own = Target(model="mybox/llama")
    with pytest.raises(OperatorError, match=r"^target: .*'mybox'"):
        models.set(OPERATOR, team.workspace, "fast", [own])
    team.accounts.provider_keys.add(OPERATOR, team.workspace, OPENAI)
    box = NewProviderKey(provider="custom", secret="", name="mybox", base_url="http://127.0.0.1:9/v1")
    team.accounts.provider_keys.add(OPERATOR, team.workspace, box)
    assert models.set(OPERATOR, team.workspace, "fast", [own]).targets == (own,)


def test_a_workspace_has_at_most_two_hundred(
    team: People, sqlite: AccountStore, models: VirtualModels, clock: HeldClock
) -> None:
    models.set(OPERATOR, team.workspace, "fast", [ONE])
    (record,) = team.accounts.audit.list(OPERATOR, None, AuditSearch(object="fast"))
    for number in range(199):
        more = VirtualModel(
            workspace=team.workspace, name=f"m{number}", targets=(ONE,), created_ms=clock.now_ms()
        )
        assert sqlite.put_virtual_model(None, more, replace(record, id=f"aud_{number}"))
    with pytest.raises(OperatorError, match="200 models of its own already"):
        models.set(OPERATOR, team.workspace, "coding", [ONE])
    assert models.set(OPERATOR, team.workspace, "fast", [TWO]).targets == (TWO,)
