"""The vault: seals provider keys for the store, and opens them to sign a request."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from msgspec import Struct

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.store import CanaryStore
from zai_gateway.errors import OperatorError
from zai_gateway.providers.registry import provider_of

ENCRYPTION_KEY = "PROVIDER_KEY_ENCRYPTION_KEY"
"""The setting that holds the vault's keys, as operators know it."""

CANARY = "zai-gateway canary"
"""The known text that tells a wrong key from a bad row."""

IF_LOST = "If it is lost for good, 'zai admin vault reset' begins anew with what is left."
"""What every refusal of a wrong key ends with."""

_MOST_OPENED = 4_096
"""Opened secrets that are kept beside the key that opens them, so that no request has to wait for that."""

_FERNET_KEY = re.compile(r"[0-9A-Za-z_-]{43}=")
_HOW_TO_MAKE_ONE = "openssl rand -base64 32 | tr '+/' '-_'"


class SecretUnreadable(OperatorError):
    """A stored secret that none of the vault's keys opens."""


class _Ring(Struct, frozen=True):
    """The keys that a vault holds, the first of which seals."""

    texts: tuple[str, ...]
    first: Fernet
    all: MultiFernet

    def __repr__(self) -> str:
        return f"_Ring({len(self.texts)} keys)"


class Vault:
    """Seals and opens secrets with Fernet (https://github.com/fernet/spec), for any number of threads.

    `material` is one Fernet key, or several with commas between: the first seals, all open. `source` says
    in errors where they came from. `reread` gives the material as it stands now where it may change, so that
    a rotation need not stop whoever serves. Raises OperatorError where one is no Fernet key.
    """

    def __init__(
        self, material: str, source: str = ENCRYPTION_KEY, reread: Callable[[], str] | None = None
    ) -> None:
        self._source = source
        self._reread = reread
        self._ring = self._ring_of(_texts(material))
        self._kept = lru_cache(_MOST_OPENED)(self.open)
        """Opens what is asked for again and again."""

    def seal(self, secret: str) -> bytes:
        """`secret` encrypted under the first key; different bytes at every call.

        Raises OperatorError where that key could change, and cannot be read.
        """
        self.reload()
        return self._ring.first.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """What was sealed. Raises SecretUnreadable where none of the keys opens it."""
        opened = self._opened(sealed)
        try:
            return opened.decode()
        except UnicodeDecodeError:
            raise self._unreadable() from None

    def open_secret(self, key: ProviderKey) -> str:
        """The secret of a provider key, empty where its provider needs none. Errors as `open`."""
        if key.sealed:
            return self._kept(key.sealed)
        if provider_of(key.provider).needs_key:
            raise SecretUnreadable(
                "This provider key has no secret since the vault was reset: give it one with "
                f"'zai admin provider renew {key.id}'."
            )
        return ""

    def opens(self, key: ProviderKey) -> bool:
        """Whether there is a secret for the provider key, or it needs none."""
        try:
            self.open_secret(key)
        except SecretUnreadable:
            return False
        return True

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same secret under the first key, as it stands now; None where it is under that one already.

        Raises SecretUnreadable, and OperatorError as `seal`.
        """
        self.reload()
        try:
            self._ring.first.decrypt(sealed)
        except InvalidToken:
            return self._ring.first.encrypt(self._opened(sealed))
        return None

    def reload(self) -> bool:
        """Takes over the keys as they stand now; True where there are others than before.

        Those held before open on: what this process read from the store may be older than the keys.
        Raises OperatorError where they cannot be read.
        """
        if self._reread is None:
            return False
        before = self._ring
        now = _texts(self._reread())
        if before.texts[: len(now)] == now:
            return False
        self._ring = self._ring_of((*now, *(text for text in before.texts if text not in now)))
        self._kept.cache_clear()
        return True

    def check(self, store: CanaryStore) -> None:
        """Proves on a known text that this is the key of this store; the first check writes that text.

        Raises OperatorError for another key, and StoreUnavailable.
        """
        if not self.proves(store.canary() or store.set_canary(self.seal(CANARY))):
            raise OperatorError(
                f"Wrong encryption key: the key of {self._source} does not open what is stored here, so put "
                f"back the one that was used before, in vault.key of the data directory or as "
                f"{ENCRYPTION_KEY} (several may stand with commas between). {IF_LOST}"
            )

    def proves(self, canary: bytes) -> bool:
        """Whether this is the key of the store that has this canary."""
        try:
            return self.open(canary) == CANARY
        except SecretUnreadable:
            return False

    def __repr__(self) -> str:
        return f"Vault(source={self._source!r})"

    def _opened(self, sealed: bytes) -> bytes:
        try:
            return self._ring.all.decrypt(sealed)
        except InvalidToken:
            # A rotation may have sealed it under a key that is newer than those held here.
            with suppress(OperatorError, InvalidToken):
                if self.reload():
                    return self._ring.all.decrypt(sealed)
        raise self._unreadable()

    def _unreadable(self) -> SecretUnreadable:
        return SecretUnreadable(
            f"A stored secret does not open with the key of {self._source}: put back the key that sealed "
            "it, or give that provider key again with 'zai admin provider renew'."
        )

    def _ring_of(self, texts: tuple[str, ...]) -> _Ring:
        keys = [self._key(text) for text in texts]
        return _Ring(texts, keys[0], MultiFernet(keys))

    def _key(self, text: str) -> Fernet:
        # Fernet itself reads on over characters that are not base64, and stops at the first padding.
        if not _FERNET_KEY.fullmatch(text):
            # The text stays out of the message: it may be a real key with one character lost.
            raise OperatorError(
                f"{self._source} holds no Fernet key (44 characters of URL-safe base64, several with commas "
                f"between): for a new data directory make one with `{_HOW_TO_MAKE_ONE}` and give it as "
                f"{ENCRYPTION_KEY}, for an old one put back the key that was used before."
            )
        return Fernet(text)


def _texts(material: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in material.split(","))
