"""Declarations: what a file may say, and the one sentence on what it may not."""

import pytest
from msgspec import UNSET

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.declaration import MOST_CHARACTERS, read
from zai_gateway.accounts.declared import (
    DeclaredBudget,
    DeclaredKey,
    DeclaredMember,
    DeclaredModel,
    DeclaredProvider,
    SecretReference,
)
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, NearCap, Strategy, Target
from zai_gateway.errors import OperatorError

SECRET = "sk-canary-0123456789"
FAST = ('name = "fast"', 'targets = ["openai/m"]')
WORKSPACE = '[[workspace]]\nname = "Tools"\n'


def entry(table: str, *lines: str) -> str:
    return "\n".join([WORKSPACE, f"[[workspace.{table}]]", *lines])


def refusal(text: str) -> str:
    with pytest.raises(OperatorError) as refused:
        read(text)
    return str(refused.value)


def test_every_field_is_read_in_the_units_of_the_books() -> None:
    (tools,) = read(
        entry(
            "key",
            'name = "ci"',
            "spend_cap = 12.500000001",
            'near_cap = "refuse"',
            'allow = ["openai/*", "openai/*"]',
            'fallback = "openai/m"',
            "expires = 2030-01-31T12:00:00+02:00",
            'member = "Ana@Example.com"',
            'tags = ["batch"]',
            "unbounded_allowance = 0.5",
            "rpm = 60",
            'tpm = "none"',
            'secret_file = "ci.key"',
        )
    ).workspaces
    assert tools.keys == (
        DeclaredKey(
            name="ci",
            spend_cap=12_500_000_001,
            near_cap=NearCap.REFUSE,
            allow=("openai/*",),
            fallback="openai/m",
            expires_ms=1_896_084_000_000,
            member="ana@example.com",
            tags=("batch",),
            unbounded_allowance=500_000_000,
            rpm=60,
            tpm=None,
            secret_file="ci.key",
        ),
    )
    assert (tools.name, tools.members, tools.prices) == ("Tools", None, None)


def test_what_is_left_out_is_unset_and_none_takes_away() -> None:
    (tools,) = read(
        entry(
            "key",
            'name = "ci"',
            *(
                f'{name} = "none"'
                for name in ("spend_cap", "fallback", "expires", "member", "unbounded_allowance")
            ),
        )
    ).workspaces
    assert tools.keys == (
        DeclaredKey(
            name="ci", spend_cap=None, fallback=None, expires_ms=None, member=None, unbounded_allowance=None
        ),
    )
    assert tools.keys is not None
    assert tools.keys[0].allow is UNSET


@pytest.mark.parametrize(
    "written", ["2030-01-31", '"2030-01-31"', "2030-01-31T00:00:00", "2030-01-31T00:00:00Z"]
)
def test_a_date_is_its_first_moment_in_utc(written: str) -> None:
    (tools,) = read(entry("key", 'name = "ci"', f"expires = {written}")).workspaces
    assert tools.keys == (DeclaredKey(name="ci", expires_ms=1_896_048_000_000),)


@pytest.mark.parametrize("written", ["5", "5.0", '"5.00"'])
def test_an_amount_is_a_number_or_a_string(written: str) -> None:
    (tools,) = read(entry("budget", 'period = "daily"', f"limit = {written}")).workspaces
    assert tools.budgets == (
        DeclaredBudget(kind=BudgetOwner.WORKSPACE, owner="", period=BudgetPeriod.DAILY, limit=5_000_000_000),
    )


def test_a_provider_has_its_own_name_and_a_reference_to_its_secret() -> None:
    (tools,) = read(
        entry(
            "provider",
            'provider = "openai"',
            'base_url = "HTTPS://Eu.Example.com/v1/"',
            'secret = { file = "/run/secrets/openai" }',
        )
    ).workspaces
    assert tools.providers == (
        DeclaredProvider(
            provider="openai",
            name="openai",
            base_url="https://eu.example.com/v1",
            secret=SecretReference(file="/run/secrets/openai"),
        ),
    )


def test_a_model_s_targets_are_spelled_as_on_the_command_line() -> None:
    (tools,) = read(
        entry(
            "model",
            'name = "fast"',
            'strategy = "weighted"',
            'targets = ["openai/m,weight=3,timeout=20s", "mybox/n"]',
            "[[workspace.model]]",
            'name = "coding"',
            'targets = ["openai/m"]',
        )
    ).workspaces
    heavy = Target(model="openai/m", weight=3, timeout_ms=20_000)
    assert tools.models == (
        DeclaredModel(name="fast", strategy=Strategy.WEIGHTED, targets=(heavy, Target(model="mybox/n"))),
        DeclaredModel(name="coding", strategy=Strategy.ORDERED, targets=(Target(model="openai/m"),)),
    )


def test_an_empty_list_declares_that_there_is_none() -> None:
    (tools,) = read(f"{WORKSPACE}key = []\n[[workspace.member]]\nemail = 'a@b'\nrole = 'owner'").workspaces
    assert (tools.keys, tools.members) == ((), (DeclaredMember(email="a@b", role=Role.OWNER),))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no workspace"),
        ("workspace = 5", "workspace is a list of tables; head each with [[workspace]]"),
        ("workspace = [5]", "workspace 1 is not a table."),
        ("[[workspace]]", "workspace 1: name: it is missing."),
        ("[[workspace]]\nname = 5", "workspace 1: name: a string belongs here"),
        ("[[workspaces]]", "there is no field 'workspaces'. Did you mean workspace?"),
        ("[[workspace]\n", "is not TOML: "),
        (f"{WORKSPACE}{WORKSPACE}", "the workspace 'Tools' stands there more than once"),
        (f"{WORKSPACE}key = 'ci'", "key is a list of tables; head each with [[workspace.key]]"),
        (entry("key", "spend_cap = 5"), "workspace 'Tools', key 1: name: it is missing"),
        (
            entry("key", 'name = "ci"', "spendcap = 5"),
            "key 'ci': there is no field 'spendcap'. Did you mean spend_cap?",
        ),
        (
            entry("key", 'name = "ci"', "zzz = 5"),
            "key 'ci': there is no field 'zzz'. There are: name, spend_cap",
        ),
        (
            entry("key", 'name = "ci"', "spend_cap = true"),
            "key 'ci': spend_cap: an amount in USD belongs here",
        ),
        (entry("key", 'name = "ci"', "spend_cap = -1"), "key 'ci': spend_cap: '-1' is not an amount"),
        (entry("key", 'name = "ci"', "spend_cap = inf"), "key 'ci': spend_cap: 'Infinity' is not an amount"),
        (entry("key", 'name = "ci"', 'expires = "30d"'), "key 'ci': expires: a date belongs here"),
        (
            entry("key", 'name = "ci"', 'near_cap = "clam"'),
            "near_cap: 'clam' is none of clamp, refuse. Did you mean",
        ),
        (
            entry("key", 'name = "ci"', 'allow = "openai/*"'),
            "key 'ci': allow: a list of strings belongs here",
        ),
        (entry("key", 'name = "ci"', "rpm = 0"), "key 'ci': rpm: a whole number from 1 to 1,000,000,000,000"),
        (entry("key", 'name = "ci"', "tpm = 1.5"), "key 'ci': tpm: a whole number belongs here, such as 60"),
        (WORKSPACE + "concurrency = true", "workspace 'Tools': concurrency: a whole number belongs here"),
        (entry("key", 'name = "ci"', "tags = [1]"), "key 'ci': tags: a list of strings belongs here"),
        (entry("key", 'name = "ci"', 'member = "ben"'), "key 'ci': member: 'ben' is not an address"),
        (
            entry("key", 'name = "ci"', "[[workspace.key]]", 'name = "ci"'),
            "the key 'ci' stands there more than once",
        ),
        (
            entry("member", 'email = "A@b"', "[[workspace.member]]", 'email = "a@B"'),
            "the member 'a@b' stands",
        ),
        (
            entry("member", 'email = "a@b"', 'role = "boss"'),
            "member 'a@b': role: 'boss' is none of owner, admin",
        ),
        (
            entry("provider", 'provider = "opnai"'),
            "provider 'opnai': provider: 'opnai' is not a provider that",
        ),
        (entry("provider", 'name = "x"'), "provider 'x': provider: it is missing"),
        (
            entry("provider", 'provider = "demo"', 'secret = { env = "A" }'),
            "demo takes neither secret nor base_url",
        ),
        (entry("provider", 'provider = "openai"', 'base_url = "ftp://x"'), "provider 'openai': base_url: "),
        (entry("budget", "limit = 1"), "budget 1: period: it is missing"),
        (entry("budget", 'period = "daily"'), "budget 1: limit: it is missing"),
        (entry("budget", 'key = "a"', 'member = "a@b"'), "budget 1: a budget is a key's or a member's"),
        (entry("budget", 'key = "a"', 'period = "total"', "limit = 1"), "is the spend_cap of the key itself"),
        (entry("model", 'targets = ["openai/m"]'), "model 1: name: it is missing"),
        (entry("model", 'name = "fast"'), "model 'fast': targets: a virtual model has 1 to 16 targets"),
        (
            entry("model", 'name = "Fast"', 'targets = ["openai/m"]'),
            "model 'Fast': name: 'Fast' is not a name of",
        ),
        (
            entry("model", 'name = "fast"', 'targets = "openai/m"'),
            "model 'fast': targets: a list of strings belongs here",
        ),
        (
            entry("model", 'name = "fast"', 'targets = ["openai/m,weight=2"]'),
            "targets: weight: it counts only where the strategy is weighted",
        ),
        (
            entry("model", 'name = "fast"', 'targets = ["openai/m"]', 'strategy = "random"'),
            "strategy: 'random' is none of ordered, weighted",
        ),
        (
            entry("model", *FAST, "[[workspace.model]]", *FAST),
            "the model 'fast' stands there more than once",
        ),
        (entry("price", 'model = "openai/m"', "input = 1"), "price 'openai/m': output: it is missing"),
        ("#" * (MOST_CHARACTERS + 1), "longer than 1,000,000 characters"),
        ("a = " + "[" * 10_000, "is not TOML"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_it(text: str, said: str) -> None:
    sentence = refusal(text)
    assert said in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "written",
    [
        f'"{SECRET}"',
        f'{{ env = "{SECRET}" }}',
        f'{{ value = "{SECRET}" }}',
        f'{{ env = "A", file = "{SECRET}" }}',
        "{ file = 5 }",
        "{}",
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(written: str) -> None:
    sentence = refusal(entry("provider", 'provider = "openai"', f"secret = {written}"))
    assert sentence.startswith("workspace 'Tools', provider 'openai': secret: ")
    assert '{ env = "VARIABLE" }' in sentence
    assert SECRET not in sentence


@pytest.mark.parametrize(
    "written",
    ["1e999999999", "1e-999999999", "1" * 5_000, "0x" + "f" * 5_000, '"' + "1" * 5_000 + '"', "nan"],
)
def test_an_amount_beyond_all_measure_is_a_sentence(written: str) -> None:
    with pytest.raises(OperatorError) as caught:
        read(entry("budget", 'period = "daily"', f"limit = {written}"))
    assert str(caught.value).endswith(".")


def test_a_moment_that_cannot_be_written_down_is_a_sentence() -> None:
    with pytest.raises(OperatorError, match="expires: a date belongs here"):
        read(entry("key", 'name = "ci"', "expires = 9999-12-31T23:59:59-12:00"))
