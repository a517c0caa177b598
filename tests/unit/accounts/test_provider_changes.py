"""Provider keys changed from what somebody saw: once for each form, and nothing unseen."""

from collections.abc import Callable

import pytest

from tests.unit.accounts.people import OPERATOR, People, add
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.provider_keys import Access, NewProviderKey, ProviderKeys, terms_of
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.sights import sight
from zai_gateway.accounts.store import AccountStore
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import new_id

SECRET = "sk-proj-8f3a-secret"
THERE = "https://there.example/v1"


@pytest.fixture
def keys(team: People) -> ProviderKeys:
    return team.accounts.provider_keys


def order(team: People) -> list[str]:
    return [key.name for key in team.accounts.provider_keys.list(OPERATOR, team.workspace)]


def test_one_form_adds_one_provider_key(team: People, keys: ProviderKeys, sqlite: AccountStore) -> None:
    id = new_id("pkey", 1_763_000_000_000)
    wanted = NewProviderKey(provider="openai", secret=SECRET, id=id)
    assert keys.add(OPERATOR, team.workspace, wanted).id == id
    generation = sqlite.generation()
    with pytest.raises(OperatorError, match="This form was sent before"):
        keys.add(OPERATOR, team.workspace, wanted)
    assert order(team) == ["demo", "openai"]
    assert sqlite.generation() == generation


def test_the_id_of_another_workspace_s_key_is_taken_too(team: People, keys: ProviderKeys) -> None:
    theirs = add(team, "openai", SECRET)
    elsewhere = team.accounts.workspaces.create(OPERATOR, "Elsewhere").id
    with pytest.raises(OperatorError, match="This form was sent before"):
        keys.add(OPERATOR, elsewhere, NewProviderKey(provider="openai", secret=SECRET, id=theirs.id))
    assert keys.list(OPERATOR, elsewhere) == ()


@pytest.mark.parametrize("id", ["", "pkey_1", "key_" + "0" * 26, "pkey_" + "u" * 26, "pkey_" + "0" * 27])
def test_an_id_that_was_never_minted_is_refused(team: People, keys: ProviderKeys, id: str) -> None:
    with pytest.raises(OperatorError, match="load the page again"):
        keys.add(OPERATOR, team.workspace, NewProviderKey(provider="openai", secret=SECRET, id=id))


def test_it_is_renamed_and_keeps_the_prefix_of_its_models(team: People, keys: ProviderKeys) -> None:
    key = add(team, "openai", SECRET)
    renamed = keys.rename(OPERATOR, team.workspace, key.id, " lab ", seen=sight(terms_of(key)))
    assert (renamed.name, renamed.provider, renamed.sealed) == ("lab", "openai", key.sealed)
    with pytest.raises(OperatorError, match=r"^name: "):
        keys.rename(OPERATOR, team.workspace, key.id, "")


CHANGES: dict[str, Callable[[ProviderKeys, str, ProviderKey, str], object]] = {
    "rename": lambda keys, at, key, seen: keys.rename(OPERATOR, at, key.id, "other", seen=seen),
    "switch": lambda keys, at, key, seen: keys.switch(OPERATOR, at, key.id, enabled=False, seen=seen),
    "renew": lambda keys, at, key, seen: keys.renew(OPERATOR, at, key.id, "sk-new", seen=seen),
    "readdress": lambda keys, at, key, seen: keys.readdress(
        OPERATOR, at, key.id, Access(base_url=THERE, secret="sk-new"), seen=seen
    ),
    "remove": lambda keys, at, key, seen: keys.remove(OPERATOR, at, key.id, seen=seen),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_meanwhile_is_not_overwritten_unseen(
    team: People, keys: ProviderKeys, sqlite: AccountStore, change: str
) -> None:
    key = add(team, "openai", SECRET)
    stale = sight(terms_of(key))
    keys.renew(OPERATOR, team.workspace, key.id, "sk-of-somebody-else")
    generation = sqlite.generation()
    with pytest.raises(
        OperatorError, match="'openai' was changed by somebody else meanwhile, so nothing was done"
    ):
        CHANGES[change](keys, team.workspace, key, stale)
    assert sqlite.generation() == generation
    now = keys.list(OPERATOR, team.workspace)[-1]
    CHANGES[change](keys, team.workspace, key, sight(terms_of(now)))
    assert sqlite.generation() == generation + 1


@pytest.mark.parametrize("change", ["rename", "switch", "renew", "readdress"])
def test_the_same_form_twice_is_done_once(
    team: People, keys: ProviderKeys, sqlite: AccountStore, change: str
) -> None:
    key = add(team, "openai", SECRET)
    done = CHANGES[change](keys, team.workspace, key, sight(terms_of(key)))
    generation = sqlite.generation()
    assert CHANGES[change](keys, team.workspace, key, sight(terms_of(key))) == done
    assert sqlite.generation() == generation


def test_a_test_or_a_move_is_no_change_that_anybody_has_to_have_seen(
    team: People, keys: ProviderKeys
) -> None:
    key = add(team, "openai", SECRET)
    keys.test(OPERATOR, team.workspace, key.id, lambda _, __: Health(at_ms=1, ok=True, said="fine"))
    keys.move(OPERATOR, team.workspace, key.id, first=True)
    assert keys.rename(OPERATOR, team.workspace, key.id, "lab", seen=sight(terms_of(key))).name == "lab"


def test_a_secret_goes_nowhere_else_than_where_it_was_given_for(team: People, keys: ProviderKeys) -> None:
    key = add(team, "openai", SECRET)
    with pytest.raises(OperatorError, match=r"^key: give the key again with another address"):
        keys.readdress(OPERATOR, team.workspace, key.id, Access(base_url=THERE, secret=" "))
    moved = keys.readdress(OPERATOR, team.workspace, key.id, Access(base_url=f"{THERE}/", secret="sk-new"))
    assert (moved.base_url, team.vault.open_secret(moved)) == (THERE, "sk-new")
    back = keys.readdress(OPERATOR, team.workspace, key.id, Access(base_url="", secret=SECRET))
    assert back.base_url == "https://api.openai.com/v1"


def test_the_same_address_keeps_the_secret_that_it_has(team: People, keys: ProviderKeys) -> None:
    key = add(team, "openai", SECRET)
    for same in (key.base_url, "", f"{key.base_url}/"):
        assert keys.readdress(OPERATOR, team.workspace, key.id, Access(base_url=same, secret="")) == key


def test_a_server_without_a_key_moves_freely_and_gets_one(team: People, keys: ProviderKeys) -> None:
    key = add(team, "custom", "", name="mybox", base_url="https://here.example/v1")
    moved = keys.readdress(OPERATOR, team.workspace, key.id, Access(base_url=THERE, secret=""))
    assert (moved.base_url, moved.sealed, moved.provider) == (THERE, b"", "mybox")
    locked = keys.readdress(OPERATOR, team.workspace, key.id, Access(base_url=THERE, secret=SECRET))
    assert team.vault.open_secret(locked) == SECRET
    with pytest.raises(OperatorError, match=r"^base URL: .* has no address of its own"):
        keys.readdress(OPERATOR, team.workspace, key.id, Access(base_url="", secret=SECRET))


def test_whoever_moves_it_answers_for_the_address(team: People, keys: ProviderKeys) -> None:
    owner = team.person("owner", Role.OWNER)
    key = add(team, "openai", SECRET, base_url="http://127.0.0.1:9100/v1")
    assert key.private
    renewed = keys.readdress(owner, team.workspace, key.id, Access(base_url=key.base_url, secret="sk-2"))
    assert renewed.private
    with pytest.raises(OperatorError, match=r"^base URL: 127\.0\.0\.1 is "):
        keys.readdress(
            owner, team.workspace, key.id, Access(base_url="http://127.0.0.1:9200/v1", secret="sk-3")
        )
    assert not keys.readdress(owner, team.workspace, key.id, Access(base_url=THERE, secret="sk-3")).private


def test_the_demo_has_no_address(team: People, keys: ProviderKeys) -> None:
    with pytest.raises(OperatorError, match=r"^base URL: the provider demo takes none"):
        keys.readdress(OPERATOR, team.workspace, "demo", Access(base_url=THERE, secret=""))


def test_access_shows_no_secret() -> None:
    access = Access(base_url=THERE, secret=SECRET)
    assert SECRET not in f"{access!r} {access.__rich_repr__()}"


def test_one_step_up_or_down_from_the_order_that_was_seen(
    team: People, keys: ProviderKeys, sqlite: AccountStore
) -> None:
    ids = [keys.list(OPERATOR, team.workspace)[0].id, *(add(team, "openai", SECRET, n).id for n in "abc")]
    moved = keys.step(OPERATOR, team.workspace, ids[3], up=True, seen=ids)
    assert (moved.position, order(team)) == (2, ["demo", "a", "c", "b"])
    generation = sqlite.generation()
    keys.step(OPERATOR, team.workspace, ids[3], up=True, seen=ids)
    assert (sqlite.generation(), order(team)) == (generation, ["demo", "a", "c", "b"])
    now = [key.id for key in keys.list(OPERATOR, team.workspace)]
    keys.step(OPERATOR, team.workspace, ids[0], up=False, seen=now)
    assert order(team) == ["a", "demo", "c", "b"]


def test_the_first_goes_no_further_up_and_the_last_no_further_down(team: People, keys: ProviderKeys) -> None:
    ids = [keys.list(OPERATOR, team.workspace)[0].id, add(team, "openai", SECRET).id]
    keys.step(OPERATOR, team.workspace, ids[0], up=True, seen=ids)
    keys.step(OPERATOR, team.workspace, ids[1], up=False, seen=ids)
    assert order(team) == ["demo", "openai"]


@pytest.mark.parametrize("seen", [(), ("pkey_other",)])
def test_a_step_from_an_order_that_is_no_longer_so_is_refused(
    team: People, keys: ProviderKeys, seen: tuple[str, ...]
) -> None:
    add(team, "openai", SECRET)
    key = add(team, "groq", SECRET)
    with pytest.raises(OperatorError, match="in another order by now, so nothing was moved"):
        keys.step(OPERATOR, team.workspace, key.id, up=True, seen=seen)
    assert order(team) == ["demo", "openai", "groq"]


def test_every_member_may_ask_for_what_can_be_called_and_nobody_else(team: People) -> None:
    key = add(team, "openai", SECRET)
    add(team, "groq", SECRET)
    team.accounts.provider_keys.switch(OPERATOR, team.workspace, "groq", enabled=False)
    for role in Role:
        view = team.accounts.models.view(team.person(role.value, role), team.workspace)
        assert [each.provider for each in view.provider_keys] == ["demo", key.provider]
    elsewhere = team.accounts.workspaces.create(OPERATOR, "Elsewhere").id
    with pytest.raises(Failure) as refused:
        team.accounts.models.view(team.person("guest", Role.OWNER), elsewhere)
    assert refused.value.code is Code.NOT_FOUND
