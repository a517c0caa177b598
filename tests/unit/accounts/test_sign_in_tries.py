"""Tries at a password: the same words whatever is wrong, and waits that grow by e-mail and by address."""

from typing import Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR
from tests.unit.accounts.signing import HERE, OTHER, PASSWORD, Crowd, signing
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.identity import Origin
from zai_gateway.accounts.sign_in_tries import Tries, allowances
from zai_gateway.errors import Code, Failure
from zai_gateway.storage.store import Store

EMAIL = "ana@example.com"
DAY = 86_400


@pytest.fixture(autouse=True)
def _ana(crowd: Crowd) -> None:
    crowd.first()


def failed(crowd: Crowd, email: str = EMAIL, password: str = OTHER, origin: Origin = HERE) -> Failure:
    with pytest.raises(Failure) as refusal:
        crowd.people.sign_in(email, password, origin)
    return refusal.value


def fail(crowd: Crowd, times: int, email: str = EMAIL, origin: Origin = HERE) -> None:
    for _ in range(times):
        assert failed(crowd, email, origin=origin).code is Code.INVALID_CREDENTIALS


def surface(failure: Failure) -> tuple[object, ...]:
    return (failure.code, failure.message, failure.detail, failure.param, failure.retry_after)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        (EMAIL, ""),
        (EMAIL, "x" * 100_000),
        (EMAIL, "\ud800" * 12),
        (EMAIL, PASSWORD.upper()),
        ("x" * 300 + "@example.com", PASSWORD),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(crowd: Crowd, email: str, password: str) -> None:
    known = surface(failed(crowd))
    assert surface(failed(crowd, email, password)) == known
    assert known[0] is Code.INVALID_CREDENTIALS


class Counting(PasswordHasher):
    """Remembers with which parameters it was asked to verify."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.asked: list[Parameters] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.asked.append(extract_parameters(hash.decode() if isinstance(hash, bytes) else hash))
        return super().verify(hash, password)


def test_an_unknown_e_mail_costs_the_same_hash_as_a_known_one(books: Store) -> None:
    hasher = Counting()
    people = signing(books.accounts, HeldClock(), hasher)
    for email in (EMAIL, "nobody@example.com", "no address"):
        with pytest.raises(Failure):
            people.sign_in(email, OTHER, HERE)
    assert len(hasher.asked) == 3
    assert len(set(map(repr, hasher.asked))) == 1


def test_five_failures_are_followed_by_waits_that_grow_to_a_quarter_of_an_hour(
    crowd: Crowd, clock: HeldClock
) -> None:
    fail(crowd, 5)
    waits: list[float | None] = []
    for _ in range(7):
        refusal = failed(crowd, password=PASSWORD)
        assert (refusal.code, refusal.detail) == (Code.RATE_LIMITED, "Rate limit exceeded")
        assert refusal.retry_after is not None
        waits.append(refusal.retry_after)
        clock.move(refusal.retry_after)
        fail(crowd, 1)
    assert waits == [30, 60, 120, 240, 480, 900, 900]


def test_a_try_during_a_wait_is_not_counted(crowd: Crowd, clock: HeldClock) -> None:
    fail(crowd, 5)
    for _ in range(10):
        assert failed(crowd, password=PASSWORD).retry_after == 30
    clock.move(29.5)
    assert failed(crowd, password=PASSWORD).retry_after == 1
    clock.move(0.5)
    assert crowd.people.sign_in(EMAIL, PASSWORD, HERE)


def test_an_unknown_e_mail_has_to_wait_just_so(crowd: Crowd) -> None:
    fail(crowd, 5)
    fail(crowd, 5, "nobody@example.com")
    assert surface(failed(crowd)) == surface(failed(crowd, "nobody@example.com"))


def test_a_right_password_forgets_the_failures_of_its_e_mail(crowd: Crowd) -> None:
    for _ in range(3):
        fail(crowd, 4)
        assert crowd.people.sign_in(EMAIL, PASSWORD, HERE)


def test_failures_are_forgotten_after_a_day(crowd: Crowd, clock: HeldClock) -> None:
    fail(crowd, 4)
    clock.move(DAY + 1)
    fail(crowd, 5)


def test_another_address_has_to_wait_for_an_e_mail_too(crowd: Crowd) -> None:
    fail(crowd, 5)
    elsewhere = Origin(address="198.51.100.1")
    assert failed(crowd, password=PASSWORD, origin=elsewhere).code is Code.RATE_LIMITED


def test_one_address_cannot_try_many_e_mails_for_ever(crowd: Crowd, clock: HeldClock) -> None:
    for number in range(10):
        fail(crowd, 3, f"person{number}@example.com")
    assert failed(crowd, password=PASSWORD).code is Code.RATE_LIMITED
    assert crowd.people.sign_in(EMAIL, PASSWORD, Origin(address="198.51.100.1"))
    # A right password gives its own try back, and no more.
    clock.move(30)
    assert crowd.people.sign_in(EMAIL, PASSWORD, HERE)
    fail(crowd, 1, "person@example.com")
    assert failed(crowd, password=PASSWORD).code is Code.RATE_LIMITED
    clock.move(3_601)
    fail(crowd, 4, "person@example.com")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_an_address_is_as_much_as_one_customer_has(one: str, other: str, same: bool) -> None:
    assert (allowances(None, one) == allowances(None, other)) is same


@pytest.mark.parametrize("address", [None, "", "unix", "203.0.113.7, 10.0.0.1"])
def test_what_is_no_address_is_not_counted(address: str | None) -> None:
    assert allowances(None, address) == {}
    assert len(allowances(EMAIL, address)) == 1


def test_what_tries_are_counted_under_names_nobody() -> None:
    assert not any(word in id for id in allowances(EMAIL, HERE.address) for word in (EMAIL, "203.0"))


def test_failures_are_not_audited_and_successes_are(crowd: Crowd) -> None:
    before = len(crowd.accounts.audit.list(OPERATOR, None))
    fail(crowd, 3)
    assert len(crowd.accounts.audit.list(OPERATOR, None)) == before
    crowd.people.sign_in(EMAIL, PASSWORD, HERE)
    (newest,) = crowd.accounts.audit.list(OPERATOR, None, AuditSearch(most=1))
    assert newest.deed is Deed.PERSON_SIGN_IN


def test_no_number_of_failures_makes_a_wait_longer_than_a_quarter_of_an_hour() -> None:
    (allowance,) = allowances(EMAIL, None).values()
    tries = Tries(failures=2**62, last_ms=1_000).charged(allowance, 2_000)
    assert tries.until_ms == 902_000
