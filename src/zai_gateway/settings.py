"""Settings: the only reader of the environment, and the limits that the gateway runs under."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from zai_gateway.errors import OperatorError
from zai_gateway.relay.network.proxies import DIRECT, Proxies, Proxy, bypasses_of, proxy_of

DEFAULT_BASE_URL = "http://127.0.0.1:8011/v1"


_LONGEST_DRAIN_DELAY = 3_600
_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"no", "false", "off", "0"})
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([smhdw])")
_SECONDS_PER = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


class Limits(Struct, frozen=True, kw_only=True):
    """How much of anything the gateway takes, and how sure it makes."""

    body_bytes: int = 32 * 1024 * 1024
    """Of a request's body."""
    head_bytes: int = 64 * 1024
    """Of a request's line and headers together."""
    head_seconds: float = 30.0
    """For the head of a request."""
    body_seconds: float = 60.0
    """For each KiB of a request's body."""
    answer_seconds: float = 120.0
    """For a client that reads nothing of its answer."""
    store_seconds: float = 5.0
    """For an answer of the store."""
    line_seconds: float = 10.0
    """In line for money that requests in flight hold."""
    recall_seconds: float = 1.0
    """For another worker to say what it does not use of a budget."""
    assume_after: float | None = 24 * 3_600.0
    """For somebody to confirm what an interrupted request cost; then it counts at its estimate. None: never.
    """
    rollup_seconds: float | None = 15.0
    """Between two rounds that add the ledger up for reports. None: another worker does it."""
    journal_synced: bool = False
    """Whether each hold and settlement is on the disk before anything else: it outlasts a loss of power."""
    retries: int = 1
    """How often the same is asked of a provider again where nothing else is left, after what cost nothing."""
    retry_seconds: float = 0.25
    """Before the first time; twice as long before each that follows."""
    connections: int = 10_000
    """Of all clients together; fewer where the system allows fewer open files."""
    connection_requests: int = 10_000
    """On one connection, one after the other."""
    idle_seconds: float = 75.0
    """For a connection between two requests."""
    drain_seconds: float = 10.0
    """How long requests under way may go on after SIGTERM, and after the delay that was set."""


class Environment:
    """What the environment says. Docs/settings.md explains each variable."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    @property
    def variables(self) -> Mapping[str, str]:
        """All of them, for another process that is to see the same."""
        return self._variables

    def overruled_by(self, options: Mapping[str, str | None]) -> "Environment":
        """The same, with what the command line gave instead, by the variables' names; None is not given."""
        given = {name: value for name, value in options.items() if value is not None}
        return Environment({**self._variables, **given}) if given else self

    @property
    def data(self) -> Path:
        """The data directory where no --data is given: ZAI_DATA, else `zai` in the user's data folder."""
        if chosen := self._variables.get("ZAI_DATA"):
            return Path(chosen).expanduser()
        if shared := self._variables.get("XDG_DATA_HOME"):
            return Path(shared) / "zai"
        home = self._variables.get("HOME")
        return Path(home) / ".local" / "share" / "zai" if home else Path.cwd() / "zai-data"

    @property
    def database(self) -> str | None:
        """The PostgreSQL database that takes the place of the data directory's own: ZAI_DATABASE."""
        return self._variables.get("ZAI_DATABASE") or None

    @property
    def base_url(self) -> str:
        """Where the gateway is for a key's holder: ZAI_BASE_URL, which ends in `/v1`."""
        return self._variables.get("ZAI_BASE_URL") or DEFAULT_BASE_URL

    @property
    def api_key(self) -> str | None:
        """The key of a key's holder: ZAI_KEY."""
        return self._variables.get("ZAI_KEY") or None

    @property
    def public_url(self) -> str:
        """Where the gateway is for its clients, several with commas between: ZAI_PUBLIC_URL."""
        return self._variables.get("ZAI_PUBLIC_URL") or ""

    @property
    def trusted_proxies(self) -> str:
        """Whose word on the client's address is taken, with commas between: ZAI_TRUSTED_PROXIES."""
        return self._variables.get("ZAI_TRUSTED_PROXIES") or ""

    @property
    def allow_private_addresses(self) -> bool:
        """Whether a user's address may be private: ZAI_ALLOW_PRIVATE_ADDRESSES. Raises OperatorError."""
        return self._switch("ZAI_ALLOW_PRIVATE_ADDRESSES", unset=False)

    @property
    def provider_lists(self) -> bool:
        """Whether providers are asked for their lists of models: ZAI_PROVIDER_LISTS. Raises OperatorError."""
        return self._switch("ZAI_PROVIDER_LISTS", unset=True)

    @property
    def journal_sync(self) -> bool:
        """Whether each record of the journal is flushed to the disk: ZAI_JOURNAL_SYNC.

        Raises OperatorError.
        """
        return self._switch("ZAI_JOURNAL_SYNC", unset=False)

    @property
    def assume_after(self) -> float | None:
        """Seconds after which unconfirmed amounts count at their estimates: ZAI_ASSUME_AFTER; None: never.

        Raises OperatorError.
        """
        said = (self._variables.get("ZAI_ASSUME_AFTER") or "").strip().lower()
        if not said:
            return Limits().assume_after
        if said == "never":
            return None
        length = _LENGTH.fullmatch(said)
        if length is None:
            raise OperatorError(
                f"ZAI_ASSUME_AFTER is {said[:20]!r}: write a length of time such as 90m, 24h or 7d, or never."
            )
        return int(length[1]) * _SECONDS_PER[length[2]]

    @property
    def extra_ca_file(self) -> Path | None:
        """Authorities that providers' certificates may be from beside the machine's: ZAI_EXTRA_CA_FILE."""
        named = self._variables.get("ZAI_EXTRA_CA_FILE")
        return Path(named).expanduser() if named else None

    @property
    def proxies(self) -> Proxies:
        """The proxies on the way to providers: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

        The lower-case spelling wins, and an empty value means none. HTTP_PROXY counts in upper case too: the
        danger in that is CGI's, where a request sets it. Raises OperatorError, which shows no password.
        """
        http, https, rest, past = map(
            self._either_case, ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
        )
        plain, encrypted = _proxy(http or rest), _proxy(https or rest)
        if plain is None and encrypted is None:
            return DIRECT
        return Proxies(plain, encrypted, bypasses_of(*past) if past is not None else ())

    @property
    def drain_delay(self) -> float:
        """Seconds for which a gateway serves on after SIGTERM: ZAI_DRAIN_DELAY. Raises OperatorError."""
        said = (self._variables.get("ZAI_DRAIN_DELAY") or "0").strip()
        if not (said.isascii() and said.isdigit() and int(said[:5]) <= _LONGEST_DRAIN_DELAY):
            raise OperatorError(
                f"ZAI_DRAIN_DELAY is {said[:20]!r}: write whole seconds, from 0 to {_LONGEST_DRAIN_DELAY}."
            )
        return float(said)

    def encryption_key(self) -> str | None:
        """PROVIDER_KEY_ENCRYPTION_KEY, or what stands in the file that ..._FILE names; None without either.

        Raises OperatorError where both are set, or the file cannot be read.
        """
        name = "PROVIDER_KEY_ENCRYPTION_KEY"
        value, file = self._variables.get(name), self._variables.get(f"{name}_FILE")
        if value and file:
            raise OperatorError(f"Both {name} and {name}_FILE are set: unset one of them.")
        if not file:
            return value or None
        try:
            return Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as trouble:
            raise OperatorError(f"{name}_FILE names {file}, which cannot be read: {trouble}.") from None

    def secret(self, name: str) -> str | None:
        """The variable that an option such as --key-env names."""
        return self._variables.get(name) or None

    def _either_case(self, name: str) -> tuple[str, str] | None:
        """The value, and the spelling of the name that has it; None where neither spelling is set."""
        spellings = [(self._variables.get(each), each) for each in (name, name.upper())]
        return next(((value.strip(), each) for value, each in spellings if value is not None), None)

    def _switch(self, name: str, *, unset: bool) -> bool:
        said = (self._variables.get(name) or "").strip().lower()
        if not said:
            return unset
        if said not in _YES | _NO:
            raise OperatorError(f"{name} is {said[:20]!r}: write yes or no.")
        return said in _YES


def _proxy(said: tuple[str, str] | None) -> Proxy | None:
    return proxy_of(*said) if said is not None and said[0] else None
