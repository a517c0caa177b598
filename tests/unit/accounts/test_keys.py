"""API keys: their form, and that a typo is told from a key without asking anybody."""

from string import ascii_letters, digits

from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts import keys

BASE62 = digits + ascii_letters


def test_a_new_key_is_well_formed_and_new() -> None:
    made = [keys.new_secret() for _ in range(200)]
    assert len(set(made)) == 200
    for secret in made:
        assert secret.startswith("zk_live_")
        assert len(secret) == len("zk_live_") + 32 + 6
        assert set(secret.removeprefix("zk_live_")) <= set(BASE62)
        assert keys.well_formed(secret)


def test_every_character_of_base62_is_used() -> None:
    used = set("".join(keys.new_secret().removeprefix("zk_live_")[:32] for _ in range(200)))
    assert used == set(BASE62)


def test_a_key_of_known_make_stays_a_key() -> None:
    # Keys live for years: the checksum of the first release has to be that of every later one. CRC-32 of 32
    # zeros is 0xA0F292D0, in base62 2WJYRi.
    assert keys.well_formed(f"zk_live_{'0' * 32}2WJYRi")


@given(st.data())
def test_one_wrong_character_is_always_found(data: st.DataObject) -> None:
    secret = keys.new_secret()
    at = data.draw(st.integers(0, len(secret) - 1))
    wrong = data.draw(st.characters().filter(lambda character: character != secret[at]))
    assert not keys.well_formed(secret[:at] + wrong + secret[at + 1 :])


def test_every_single_substitution_in_base62_is_found() -> None:
    secret = keys.new_secret()
    for at, right in enumerate(secret):
        for wrong in BASE62.replace(right, ""):
            assert not keys.well_formed(secret[:at] + wrong + secret[at + 1 :])


@given(st.integers(8, 38))
def test_neighbours_that_changed_places_are_found(at: int) -> None:
    secret = keys.new_secret()
    swapped = secret[:at] + secret[at + 1] + secret[at] + secret[at + 2 :]
    assert keys.well_formed(swapped) == (swapped == secret)


@given(st.text())
def test_no_text_breaks_the_check_or_the_digest(text: str) -> None:
    assert not keys.well_formed(text)
    assert not keys.well_formed(f"zk_live_{text}")
    assert len(keys.digest(text)) == 32


def test_a_key_is_taken_whole_or_not_at_all() -> None:
    secret = keys.new_secret()
    for other in (secret[:-1], secret + "0", secret + "\n", " " + secret, secret.upper(), secret[8:]):
        assert not keys.well_formed(other)


def test_a_lone_surrogate_is_refused_rather_than_a_crash() -> None:
    token = "zk_live_" + "\udcff" * 38
    assert not keys.well_formed(token)
    assert len(keys.digest(token)) == 32


def test_the_digest_is_sha256_of_the_whole_key() -> None:
    # FIPS 180-2, appendix B.1.
    assert keys.digest("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_prefix_is_the_first_twelve_characters() -> None:
    secret = keys.new_secret()
    assert keys.prefix(secret) == secret[:12]
    assert len(keys.prefix("zk_live_0PkU" + "x" * 34)) == 12
