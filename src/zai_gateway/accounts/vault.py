"""The vault: seals provider keys for the store, and opens them to sign a request."""

import re

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.accounts.store import AccountStore
from zai_gateway.errors import OperatorError

ENCRYPTION_KEY = "PROVIDER_KEY_ENCRYPTION_KEY"
"""The setting that holds the vault's keys, as operators know it."""

_CANARY = "zai-gateway canary"
_FERNET_KEY = re.compile(r"[0-9A-Za-z_-]{43}=")
_HOW_TO_MAKE_ONE = "openssl rand -base64 32 | tr '+/' '-_'"


class Vault:
    """Seals and opens secrets with Fernet (https://github.com/fernet/spec).

    `material` is one Fernet key, or several with commas between: the first seals, all open. `source` says
    in errors where they came from. Raises OperatorError where one is no Fernet key.
    """

    def __init__(self, material: str, source: str = ENCRYPTION_KEY) -> None:
        self._source = source
        self._fernet = MultiFernet([self._key(text.strip()) for text in material.split(",")])

    def seal(self, secret: str) -> bytes:
        """`secret` encrypted under the first key; different bytes at every call."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """What was sealed. Raises OperatorError where none of the keys opens it."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except (InvalidToken, UnicodeDecodeError):
            raise OperatorError(
                f"A stored secret does not open with the key of {self._source}: put back the key that sealed "
                "it, or remove that provider key and add it again."
            ) from None

    def open_secret(self, key: ProviderKey) -> str:
        """The secret of a provider key, empty where its provider needs none. Errors as `open`."""
        return self.open(key.sealed) if key.sealed else ""

    def check(self, store: AccountStore) -> None:
        """Proves on a known text that this is the key of this store; the first check writes that text.

        Raises OperatorError for another key, and StoreUnavailable.
        """
        sealed = store.canary() or store.set_canary(self.seal(_CANARY))
        try:
            known = self._fernet.decrypt(sealed) == _CANARY.encode()
        except InvalidToken:
            known = False
        if not known:
            raise OperatorError(
                f"Wrong encryption key: the key of {self._source} does not open what is stored here, so put "
                f"back the one that was used before, in vault.key of the data directory or as "
                f"{ENCRYPTION_KEY} (several may stand with commas between)."
            )

    def __repr__(self) -> str:
        return f"Vault(source={self._source!r})"

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
