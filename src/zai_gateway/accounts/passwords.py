"""Passwords: what may be one, and what it hashes to by argon2id, a few at a time."""

import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from zai_gateway.errors import Code, Failure, OperatorError

LEAST = 10
"""Characters of a password."""
MOST = 256
_AT_ONCE = 2
"""Each takes 64 MiB while it is computed."""
_PATIENCE = 10.0
"""Seconds in line for one's turn."""
# The first that are long enough of the lists of what leaked, for which NIST SP 800-63B-4, 3.1.1.2, asks.
_COMMONEST = frozenset(
    [
        "0123456789",
        "1234567890",
        "12345678910",
        "123456789a",
        "0987654321",
        "9876543210",
        "1q2w3e4r5t",
        "1qaz2wsx3edc",
        "q1w2e3r4t5",
        "qwertyuiop",
        "qwerty1234",
        "qwerty12345",
        "qwerty123456",
        "asdfghjkl;",
        "password12",
        "password123",
        "password1234",
        "passwordpassword",
        "password!!",
        "iloveyou12",
        "iloveyou123",
        "letmein123",
        "letmein1234",
        "welcome123",
        "welcome1234",
        "administrator",
        "changeme123",
        "correcthorsebatterystaple",
    ]
)


def checked_password(password: str, email: str, name: str, field: str = "password") -> str:
    """A password of 10 to 256 characters that is not the person's own e-mail or name, nor among the first
    that anybody tries. Raises OperatorError, which does not show it.
    """
    password = _normal(password)
    if not LEAST <= len(password) <= MOST or any("\ud800" <= each <= "\udfff" for each in password):
        raise OperatorError(f"{field}: a password has {LEAST} to {MOST} characters; any of them will do.")
    plain = password.strip().casefold()
    own = {email.casefold(), email.partition("@")[0].casefold(), name.casefold()}
    if plain in _COMMONEST or len(set(plain)) <= 1:
        raise OperatorError(f"{field}: this one is among the first that anybody tries; choose another.")
    if plain in own:
        raise OperatorError(f"{field}: your own name or e-mail is no secret; choose another.")
    return password


class Passwords:
    """Hashes with the low-memory profile of RFC 9106 (section 4), where `hasher` is not given.

    At most two threads of a process hash at once; the others wait in line, and are refused after
    `patience` seconds with Failure RATE_LIMITED.
    """

    def __init__(self, hasher: PasswordHasher | None = None, patience: float = _PATIENCE) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turns = BoundedSemaphore(_AT_ONCE)
        self._patience = patience

    def hashed(self, password: str) -> str:
        """What a checked password hashes to, with a new salt."""
        with self._turn():
            return self._hasher.hash(_normal(password))

    def opens(self, hash: str | None, password: str) -> bool:
        """Whether the password is the one of this hash; None, for nobody's, takes as long and is False."""
        # Even where each of its letters is typed as several, none is longer than that.
        given = _normal(password[: 4 * MOST]).encode("utf-8", "surrogatepass")
        with self._turn():
            try:
                return self._hasher.verify(hash or self._nobodys(), given) and hash is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, hash: str) -> bool:
        """Whether the hash was made with other parameters than a new one would be."""
        return self._hasher.check_needs_rehash(hash)

    def _nobodys(self) -> str:
        """A hash that no password has, with the parameters of the others."""
        by = self._hasher
        salt, digest = "A" * 22, "A" * 43
        return f"$argon2id$v=19$m={by.memory_cost},t={by.time_cost},p={by.parallelism}${salt}${digest}"

    @contextmanager
    def _turn(self) -> Generator[None]:
        if not self._turns.acquire(timeout=self._patience):
            raise Failure(
                Code.RATE_LIMITED,
                "Many people are signing in at this moment. Try again in a few seconds.",
                detail="Rate limit exceeded",
                retry_after=5,
            )
        try:
            yield
        finally:
            self._turns.release()


def _normal(password: str) -> str:
    # The same letters can be typed in several ways (NIST SP 800-63B-4, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
