"""Provider keys: sealed, named, found and tested, and private where the operator made them only."""

import pytest

from tests.unit.accounts.people import OPERATOR, People, add
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.store import AccountStore
from zai_gateway.errors import Code, Failure, OperatorError

SECRET = "sk-proj-8f3a-secret"


def test_a_secret_is_sealed(team: People) -> None:
    key = add(team, "openai", f"{SECRET}\n")
    assert SECRET.encode() not in key.sealed
    assert team.vault.open_secret(key) == SECRET
    assert (key.name, key.base_url) == ("openai", "https://api.openai.com/v1")
    assert team.accounts.provider_keys.list(OPERATOR, team.workspace)[-1] == key


def test_a_name_and_an_address_may_be_given(team: People) -> None:
    key = add(team, "openai", SECRET, name="lab", base_url="http://127.0.0.1:9100/v1/")
    assert (key.name, key.base_url) == ("lab", "http://127.0.0.1:9100/v1")


def test_a_name_that_nobody_gave_is_free(team: People) -> None:
    names = [add(team, "openai", SECRET).name for _ in range(3)]
    assert names == ["openai", "openai-2", "openai-3"]


@pytest.mark.parametrize(
    ("provider", "sentence"),
    [
        ("opnai", r"^provider: 'opnai' .* \(openai, demo\)\. Did you mean openai\?$"),
        ("zzz", r"^provider: 'zzz' is not a provider that Z-AI knows \(openai, demo\)\.$"),
    ],
)
def test_an_unknown_provider_names_those_that_are_close(team: People, provider: str, sentence: str) -> None:
    with pytest.raises(OperatorError, match=sentence):
        add(team, provider, SECRET)


def test_what_may_not_be_is_refused_before_anything_is_written(team: People, sqlite: AccountStore) -> None:
    before = sqlite.generation()
    with pytest.raises(OperatorError, match="key for openai is empty"):
        add(team, "openai", "")
    with pytest.raises(OperatorError, match=r"^base URL: 169\.254\.169\.254 is a link-local"):
        add(team, "openai", SECRET, base_url="http://169.254.169.254/v1")
    with pytest.raises(OperatorError, match=r"^base URL: "):
        add(team, "openai", SECRET, base_url="")
    with pytest.raises(OperatorError, match=r"^name: "):
        add(team, "openai", SECRET, name="")
    with pytest.raises(OperatorError, match="demo takes neither a key nor a base URL"):
        add(team, "demo", SECRET)
    with pytest.raises(OperatorError, match="demo takes neither a key nor a base URL"):
        add(team, "demo", "", base_url="http://127.0.0.1")
    assert sqlite.generation() == before


def test_the_demo_provider_comes_back_without_a_secret(team: People) -> None:
    team.accounts.provider_keys.remove(OPERATOR, team.workspace, "demo")
    assert add(team, "demo", "").sealed == b""


def test_one_is_removed_by_id_or_unique_name(team: People) -> None:
    for _ in range(2):
        add(team, "openai", SECRET, name="lab")
    with pytest.raises(OperatorError, match="2 provider keys are named 'lab'"):
        team.accounts.provider_keys.remove(OPERATOR, team.workspace, "lab")
    first, second = team.accounts.provider_keys.list(OPERATOR, team.workspace)[1:]
    assert (first.position, second.position) == (1, 2)
    assert team.accounts.provider_keys.remove(OPERATOR, team.workspace, first.id) == first
    assert team.accounts.provider_keys.remove(OPERATOR, team.workspace, "lab") == second
    with pytest.raises(Failure, match="no provider key 'lab'; there are: demo"):
        team.accounts.provider_keys.remove(OPERATOR, team.workspace, "lab")


def test_what_changed_while_it_was_tested_gets_no_health(team: People) -> None:
    keys, place = team.accounts.provider_keys, team.workspace
    add(team, "openai", SECRET, name="lab")

    def overtaken(key: ProviderKey, secret: str) -> Health:
        keys.renew(OPERATOR, place, key.id, "sk-other")
        return Health(at_ms=1, ok=True, said="it takes the key")

    with pytest.raises(OperatorError, match="'lab' changed while it was tested; test it again"):
        keys.test(OPERATOR, place, "lab", overtaken)
    assert [key.health for key in keys.list(OPERATOR, place)] == [None, None]


def test_a_provider_key_may_be_private_where_the_operator_made_it_and_nowhere_else(team: People) -> None:
    owner = team.person("owner", Role.OWNER)
    wanted = NewProviderKey(provider="openai", secret=SECRET)
    theirs = team.accounts.provider_keys.add(owner, team.workspace, wanted)
    assert (theirs.private, add(team, "openai", SECRET).private) == (False, True)
    fields = {name: getattr(theirs, name) for name in theirs.__struct_fields__ if name != "private"}
    assert ProviderKey(**fields).private is False


def test_only_who_may_give_it_another_secret_can_try_one_on_it(team: People) -> None:
    key = add(team, "openai", SECRET)
    keys = team.accounts.provider_keys
    assert keys.holds(team.person("admin", Role.ADMIN), key, f" {SECRET} ")
    assert not keys.holds(OPERATOR, key, "sk-other")
    for role in (Role.VIEWER, Role.MEMBER):
        with pytest.raises(Failure) as refused:
            keys.holds(team.person(role.value, role), key, SECRET)
        assert refused.value.code is Code.FORBIDDEN
