"""Settings: the only reader of the environment, and the limits that the gateway runs under."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from zai_gateway.errors import OperatorError

DEFAULT_BASE_URL = "http://127.0.0.1:8011/v1"


_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"no", "false", "off", "0"})


class Limits(Struct, frozen=True, kw_only=True):
    """How much of anything the gateway takes."""

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
    retries: int = 1
    """How often the same is asked of a provider again where nothing else is left, after what cost nothing."""
    retry_seconds: float = 0.25
    """Before the first time; twice as long before each that follows."""
    drain_seconds: float = 10.0
    """How long requests under way may go on after SIGTERM."""


class Environment:
    """What the environment says. Docs/settings.md explains each variable."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

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

    def _switch(self, name: str, *, unset: bool) -> bool:
        said = (self._variables.get(name) or "").strip().lower()
        if not said:
            return unset
        if said not in _YES | _NO:
            raise OperatorError(f"{name} is {said[:20]!r}: write yes or no.")
        return said in _YES
