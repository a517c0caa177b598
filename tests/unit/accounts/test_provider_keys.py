"""Provider keys: sealed, named, found and tested, and private where the operator made them only."""

import pytest

from tests.unit.accounts.people import OPERATOR, People, add
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.store import AccountStore
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import Code, Failure, OperatorError

FREE = Rates(input=0, cache_read=0, cache_write=0, cache_write_long=0, output=0)
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
        (
            "opnai",
            r"^provider: 'opnai' .* \(openai, .*, demo\)\. Did you mean openai\? Any other one .* 'custom'",
        ),
        ("zzz", r"^provider: 'zzz' is not a provider that Z-AI knows \(openai, .*, demo\)\. Any other one"),
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


def test_a_custom_provider_has_a_prefix_of_its_own_and_any_number_of_keys(team: People) -> None:
    keys = [add(team, "custom", "", name="mybox", base_url=f"https://{n}.example/v1") for n in "ab"]
    keys.append(add(team, "mybox", SECRET, base_url="https://c.example/v1"))
    keys.append(add(team, "mybox", SECRET, name="last", base_url="https://d.example/v1"))
    assert [(key.provider, key.name) for key in keys] == [
        ("mybox", "mybox"),
        ("mybox", "mybox-2"),
        ("mybox", "mybox-3"),
        ("mybox", "last"),
    ]
    assert [team.vault.open_secret(key) for key in keys] == ["", "", SECRET, SECRET]
    price = team.accounts.prices.set(OPERATOR, team.workspace, "mybox/any", FREE)
    assert price.model == "mybox/any"
    with pytest.raises(OperatorError, match=r"'other' is not a provider .* 'custom'"):
        team.accounts.prices.set(OPERATOR, team.workspace, "other/any", FREE)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (None, "a custom provider needs one"),
        ("openai", "'openai' is OpenAI; choose another"),
        ("custom", "'custom' is Custom; choose another"),
        ("My Box", "cannot be the prefix"),
        ("a/b", "cannot be the prefix"),
        ("-a", "cannot be the prefix"),
        ("a" * 33, "cannot be the prefix"),
        ("", "cannot be the prefix"),
    ],
)
def test_what_cannot_be_a_prefix_is_refused(team: People, name: str | None, sentence: str) -> None:
    with pytest.raises(OperatorError, match=rf"^name: .*{sentence}"):
        add(team, "custom", "", name=name, base_url="https://a.example/v1")


@pytest.mark.parametrize(
    ("provider", "name", "hint"),
    [("azure", None, "https://RESOURCE.openai"), ("custom", "a", "https://HOST/v1")],
)
def test_an_address_that_is_needed_is_asked_for(
    team: People, provider: str, name: str | None, hint: str
) -> None:
    with pytest.raises(OperatorError, match=f"^base URL: .*such as {hint}"):
        add(team, provider, SECRET, name=name)


def test_azure_s_address_may_name_a_version(team: People) -> None:
    url = "https://box.openai.azure.com/openai/deployments?api-version=2024-10-21"
    assert add(team, "azure", SECRET, base_url=url).base_url == url
    for provider, wrong in (("azure", f"{url}&key=1"), ("azure", f"{url}-x!"), ("openai", url)):
        with pytest.raises(OperatorError, match=r"^base URL: neither a query"):
            add(team, provider, SECRET, base_url=wrong)


def test_servers_of_one_s_own_need_no_key_and_only_the_operator_may_use_their_usual_address(
    team: People,
) -> None:
    ollama = add(team, "ollama", "")
    assert (ollama.base_url, ollama.sealed, team.vault.opens(ollama)) == (
        "http://127.0.0.1:11434/v1",
        b"",
        True,
    )
    assert team.vault.open_secret(add(team, "ollama", SECRET)) == SECRET
    owner = team.person("owner", Role.OWNER)
    keys = team.accounts.provider_keys
    with pytest.raises(OperatorError, match=r"^base URL: 127\.0\.0\.1 is a private or loopback"):
        keys.add(owner, team.workspace, NewProviderKey(provider="ollama", secret=""))
    cloud = NewProviderKey(provider="ollama", secret=SECRET, base_url="https://ollama.com/v1")
    assert keys.add(owner, team.workspace, cloud).private is False


def test_a_refused_key_is_disabled_only_while_it_has_the_secret_that_was_refused(team: People) -> None:
    keys, place = team.accounts.provider_keys, team.workspace
    key = add(team, "openai", SECRET)
    keys.renew(OPERATOR, place, key.id, "sk-other")
    assert not keys.refused(key, "why")
    now = keys.list(OPERATOR, place)[-1]
    assert keys.refused(now, "why")
    assert not keys.refused(now, "why again")
    disabled = keys.list(OPERATOR, place)[-1]
    assert (disabled.disabled_ms is not None, disabled.disabled_why) == (True, "why")
    record = team.accounts.audit.list(OPERATOR, place)[0]
    assert (record.actor_kind, record.actor_id, record.changes["disabled_why"].after) == (
        "gateway",
        "gateway",
        "why",
    )
    assert keys.switch(OPERATOR, place, key.id, enabled=True).disabled_why is None
    assert keys.refused(keys.list(OPERATOR, place)[-1], "why")
    again = keys.renew(OPERATOR, place, key.id, SECRET)
    assert (again.disabled_ms, again.disabled_why) == (None, None)
    keys.switch(OPERATOR, place, key.id, enabled=False)
    assert keys.renew(OPERATOR, place, key.id, "sk-3").disabled_ms is not None
    keys.remove(OPERATOR, place, key.id)
    assert not keys.refused(again, "why")
    assert not keys.refused(add(team, "ollama", ""), "why")
