"""Tries at a password: how many may fail by one address or with one e-mail, and the waits after that."""

from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from msgspec import Struct

from zai_gateway.accounts.sign_in_store import Allowance
from zai_gateway.errors import Code, Failure

_EMAIL = "email:"
_ADDRESS = "address:"
_HOUR_MS = 3_600_000
ALLOWANCES = {
    # A right password forgets those of an e-mail.
    _EMAIL: Allowance(failures=5, forgotten_after_ms=24 * _HOUR_MS),
    # An address may be that of a whole office, and nothing but time forgets its failures.
    _ADDRESS: Allowance(failures=30, forgotten_after_ms=_HOUR_MS),
}
_FIRST_WAIT_MS = 30_000
_LONGEST_WAIT_MS = 900_000
_NETWORK = 64
"""Whoever has one IPv6 address has all that begin with the same 64 bits."""


class Tries(Struct, frozen=True, kw_only=True):
    """Tries that came to nothing so far, those under way among them."""

    failures: int = 0
    last_ms: int = 0
    until_ms: int = 0
    """When the next one may be made, in milliseconds since 1970."""

    def charged(self, allowance: Allowance, now_ms: int) -> "Tries":
        """With one more, which is made now."""
        old = now_ms - self.last_ms > allowance.forgotten_after_ms
        failures = (0 if old else self.failures) + 1
        return Tries(failures=failures, last_ms=now_ms, until_ms=now_ms + _wait_ms(failures, allowance))

    def given_back(self) -> "Tries":
        """Without the one that was right."""
        return Tries(failures=max(0, self.failures - 1), last_ms=self.last_ms)


def _wait_ms(failures: int, allowance: Allowance) -> int:
    beyond = failures - allowance.failures
    return 0 if beyond < 0 else min(_LONGEST_WAIT_MS, _FIRST_WAIT_MS << min(beyond, 10))


def allowances(email: str | None, address: str | None) -> dict[str, Allowance]:
    """What a try with this e-mail from this address is counted under.

    The ids are hashes: into the field for an e-mail people type other things too.
    """
    ids = () if email is None else (of_email(email),)
    network = None if address is None else _network(address)
    ids += () if network is None else (_id(_ADDRESS, network),)
    return {id: ALLOWANCES[id.partition(":")[0] + ":"] for id in ids}


def of_email(email: str) -> str:
    """What tries with this e-mail are counted under."""
    return _id(_EMAIL, email)


def is_of_email(id: str) -> bool:
    """Whether the tries are those with an e-mail."""
    return id.startswith(_EMAIL)


def too_many(wait_ms: int) -> Failure:
    """The refusal of a try for so long, whether it would have been right or not."""
    seconds = max(1, -(-wait_ms // 1_000))
    return Failure(
        Code.RATE_LIMITED,
        f"Too many tries at signing in. Try again in {_spoken(seconds)}; the operator of this gateway can "
        "reset a password.",
        detail="Rate limit exceeded",
        retry_after=seconds,
    )


def _spoken(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} s"
    return f"{-(-seconds // 60)} minutes"


def _id(kind: str, of: str) -> str:
    return kind + sha256(of.encode("utf-8", "surrogatepass")).hexdigest()


def _network(address: str) -> str | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found.packed, _NETWORK), strict=False))
