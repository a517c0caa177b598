"""The vault: what is sealed opens again, under its own keys only, and none of it shows."""

import subprocess

import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.vault import ENCRYPTION_KEY, Vault
from zai_gateway.errors import OperatorError

SECRET = "sk-proj-4f9a-this-is-the-secret"


def a_key() -> str:
    return Fernet.generate_key().decode()


def a_provider_key(sealed: bytes) -> ProviderKey:
    return ProviderKey(
        id="pkey_1",
        workspace="ws_1",
        provider="openai",
        name="openai",
        base_url="https://api.openai.com/v1",
        sealed=sealed,
        created_ms=1,
    )


def test_what_is_sealed_opens_again() -> None:
    vault = Vault(a_key())
    sealed = vault.seal(SECRET)
    assert SECRET.encode() not in sealed
    assert vault.open(sealed) == SECRET
    assert vault.seal(SECRET) != sealed


def test_the_first_key_seals_and_all_open() -> None:
    old, new = a_key(), a_key()
    sealed_before = Vault(old).seal(SECRET)
    both = Vault(f"{new}, {old}")
    assert both.open(sealed_before) == SECRET
    assert Vault(new).open(both.seal(SECRET)) == SECRET
    with pytest.raises(OperatorError):
        Vault(old).open(both.seal(SECRET))


def test_the_secret_of_a_provider_key() -> None:
    vault = Vault(a_key())
    assert vault.open_secret(a_provider_key(vault.seal(SECRET))) == SECRET
    assert vault.open_secret(replace(a_provider_key(b""), provider="demo")) == ""
    with pytest.raises(
        OperatorError, match=r"no secret .*: give it one with 'zai admin provider renew pkey_1'"
    ):
        vault.open_secret(a_provider_key(b""))


@pytest.mark.parametrize("damage", [b"", b"not a token", b"\xff\xfe", b"gAAAAA=="])
def test_a_damaged_secret_is_a_sentence(damage: bytes) -> None:
    with pytest.raises(OperatorError, match="does not open with the key of PROVIDER_KEY_ENCRYPTION_KEY"):
        Vault(a_key()).open(damage)


@pytest.mark.parametrize(
    "pattern",
    ["", "{:.42}", "{},", ",{}", "{0} {0}", "{0}{0}", "{:é<45}", "{}\x00", "{}=", "+{:.42}="],
)
def test_what_is_no_key_is_a_sentence_that_says_how_to_make_one(pattern: str) -> None:
    key = a_key()
    with pytest.raises(OperatorError) as caught:
        Vault(pattern.format(key))
    sentence = str(caught.value)
    assert ENCRYPTION_KEY in sentence
    assert "openssl rand -base64 32" in sentence
    assert key[:20] not in sentence


def test_the_sentence_names_the_file_that_the_key_came_from() -> None:
    with pytest.raises(OperatorError, match=r"^/data/vault\.key holds no Fernet key"):
        Vault("garbage", source="/data/vault.key")


def test_the_way_to_make_a_key_that_errors_teach_works() -> None:
    made = subprocess.run(
        ["sh", "-c", "head -c 32 /dev/urandom | base64 | tr '+/' '-_'"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert Vault(made.stdout).open(Vault(made.stdout).seal(SECRET)) == SECRET


class Canary:
    """The part of a store that keeps the canary."""

    def __init__(self) -> None:
        self._sealed: bytes | None = None

    def canary(self) -> bytes | None:
        return self._sealed

    def set_canary(self, sealed: bytes) -> bytes:
        self._sealed = self._sealed or sealed
        return self._sealed


def test_the_canary_knows_the_right_key() -> None:
    store, key = Canary(), a_key()
    Vault(key).check(store)
    sealed = store.canary()
    Vault(key).check(store)
    Vault(f"{a_key()},{key}").check(store)
    assert store.canary() == sealed


def test_the_canary_tells_a_wrong_key() -> None:
    store = Canary()
    Vault(a_key()).check(store)
    with pytest.raises(OperatorError, match=r"^Wrong encryption key: the key of PROVIDER_KEY_ENCRYPTION_KEY"):
        Vault(a_key()).check(store)


def test_a_canary_that_another_start_wrote_first_is_the_one_that_counts() -> None:
    class Raced(Canary):
        def canary(self) -> bytes | None:
            return None

    store = Raced()
    store.set_canary(Vault(a_key()).seal("zai-gateway canary"))
    with pytest.raises(OperatorError, match="Wrong encryption key"):
        Vault(a_key()).check(store)


def test_a_vault_does_not_show_its_keys() -> None:
    key = a_key()
    vault = Vault(key)
    for text in (repr(vault), str(vault), f"{vault}"):
        assert key not in text
    assert repr(vault) == "Vault(source='PROVIDER_KEY_ENCRYPTION_KEY')"


def test_what_is_opened_again_and_again_is_opened_once() -> None:
    material = a_key()
    vault = Vault(material, reread=lambda: material)
    key = a_provider_key(vault.seal(SECRET))
    assert vault.open_secret(key) is vault.open_secret(key)
    material = f"{a_key()},{material}"
    assert vault.reload()
    assert vault.open_secret(key) == SECRET
    spoilt = replace(key, sealed=Vault(a_key()).seal(SECRET))
    for _ in range(2):
        with pytest.raises(OperatorError):
            vault.open_secret(spoilt)
