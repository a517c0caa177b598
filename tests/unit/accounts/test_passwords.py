"""Passwords: what may be one, how it is hashed, and that only so many are hashed at once."""

from threading import Event, Thread
from typing import Any

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from tests.unit.accounts.signing import CHEAP, OTHER, PASSWORD
from zai_gateway.accounts.passwords import Passwords, checked_password
from zai_gateway.errors import Code, Failure, OperatorError

WHO = ("ana.lovelace@example.com", "Ana Lovelace")


@pytest.mark.parametrize(
    "password",
    [
        "1234567891",
        "abababababab",
        "x" * 255 + "y",
        "\u65e5\u672c\u8a9e\u306e\u30d1\u30b9\u30ef\u30fc\u30c9\u3067\u3059",
        "  ten spaces  ",
    ],
)
def test_any_ten_characters_will_do(password: str) -> None:
    assert checked_password(password, *WHO) == password


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "10 to 256 characters"),
        ("ninechars", "10 to 256 characters"),
        ("xy" * 129, "10 to 256 characters"),
        ("\ud800" * 12, "10 to 256 characters"),
        ("Password123", "first that anybody tries"),
        ("QWERTYUIOP", "first that anybody tries"),
        ("aaaaaaaaaaaa", "first that anybody tries"),
        (" " * 12, "first that anybody tries"),
        ("Ana.Lovelace@Example.com", "your own name or e-mail"),
        ("ANA.LOVELACE", "your own name or e-mail"),
        (" ana lovelace ", "your own name or e-mail"),
    ],
)
def test_what_is_tried_first_is_refused_and_not_shown(password: str, said: str) -> None:
    with pytest.raises(OperatorError, match=f"^password: .*{said}") as refused:
        checked_password(password, *WHO)
    assert not password.strip() or password not in str(refused.value)


def test_the_usual_parameters_are_those_of_rfc_9106_for_little_memory() -> None:
    hash = Passwords().hashed(PASSWORD)
    parameters = extract_parameters(hash)
    assert (parameters.type, parameters.memory_cost) == (Type.ID, 65_536)
    assert (parameters.time_cost, parameters.parallelism, parameters.hash_len) == (3, 4, 32)
    assert Passwords().opens(hash, PASSWORD)
    assert not Passwords().opens(hash, OTHER)
    assert not Passwords().is_outdated(hash)
    assert Passwords(CHEAP).is_outdated(hash)


def test_a_password_opens_however_its_letters_are_typed() -> None:
    passwords = Passwords(CHEAP)
    hash = passwords.hashed(checked_password("Gar\u00e7on\u00d1and\u00fa", *WHO))
    assert passwords.opens(hash, "Garc\u0327onN\u0303andu\u0301")
    assert not passwords.opens(hash, "GarconNandu")


@pytest.mark.parametrize("hash", [None, "", "plain", "$argon2id$v=19$m=8,t=1,p=1$x$y"])
def test_what_is_no_hash_is_opened_by_nothing(hash: str | None) -> None:
    passwords = Passwords(CHEAP)
    for password in ("", PASSWORD, "\ud800"):
        assert not passwords.opens(hash, password)


class Slow(PasswordHasher):
    """Hashes only when it is told to."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.begun = [Event(), Event()]
        self.go = Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        next(each for each in self.begun if not each.is_set()).set()
        assert self.go.wait(60)
        return super().hash(password, salt=salt)


def test_two_are_hashed_at_once_and_a_third_is_told_to_come_back() -> None:
    hasher = Slow()
    passwords = Passwords(hasher, patience=0.05)
    hashes: list[Any] = []
    threads: list[Thread] = []
    for begun in hasher.begun:
        threads.append(Thread(target=lambda: hashes.append(passwords.hashed(PASSWORD))))
        threads[-1].start()
        assert begun.wait(60)
    with pytest.raises(Failure, match="Many people are signing in") as refused:
        passwords.hashed(PASSWORD)
    assert (refused.value.code, refused.value.retry_after) == (Code.RATE_LIMITED, 5)
    hasher.go.set()
    for thread in threads:
        thread.join(30)
    assert len(hashes) == 2
    assert all(passwords.opens(hash, PASSWORD) for hash in hashes)
