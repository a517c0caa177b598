"""A service account of Google Cloud: its key as a secret, and the tokens that it signs."""

import base64
from typing import Annotated

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Meta, Struct

from zai_gateway.errors import OperatorError
from zai_gateway.providers.provider import Auth, Provider

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIFETIME_SECONDS = 3_600
_RENEWED_BEFORE_SECONDS = 600
_MOST_KEPT = 1_000
_LEAST_BITS, _MOST_BITS = 2_048, 4_096
_Word = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[!-~]+$")]


class ServiceAccountKey(Struct, frozen=True, kw_only=True):
    """What of Google's key file is needed to sign; the rest of it is not kept."""

    type: str = "service_account"
    client_email: _Word
    private_key_id: _Word
    private_key: Annotated[str, Meta(max_length=8_000)]
    """In PEM."""


class _Header(Struct, frozen=True, kw_only=True):
    alg: str = "RS256"
    typ: str = "JWT"
    kid: str


class _Claims(Struct, frozen=True, kw_only=True):
    iss: str
    sub: str
    scope: str = SCOPE
    iat: int
    exp: int


def checked_key(text: str) -> str:
    """The key file as it is sealed: on one line, and without what is not needed.

    Raises OperatorError for what is not one, in words without anything of it.
    """
    try:
        key = msgspec.json.decode(text, type=ServiceAccountKey)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise _no_key("it is not the JSON file that Google Cloud makes for a key") from None
    if key.type != "service_account":
        raise _no_key("its `type` is not `service_account`")
    _private_key(key)
    return msgspec.json.encode(key).decode()


class Credentials:
    """What is put into signatures: the provider's secret, or the token that a service account signs.

    A token is signed by the account itself instead of being fetched: Google takes it as it is
    (https://google.aip.dev/auth/4111, "self-signed JWT"), so that no request waits for another server. Each
    is kept until shortly before it ends.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, int]] = {}
        """With the second from which another one is signed."""

    def of(self, provider: Provider, secret: str, now: int) -> str:
        """What `signature` carries in the place of `secret`; `now` is in seconds since 1970.

        Raises OperatorError for a service account's key that is none.
        """
        if provider.auth is not Auth.SERVICE_ACCOUNT:
            return secret
        known = self._tokens.get(secret)
        if known is not None and now < known[1]:
            return known[0]
        if len(self._tokens) >= _MOST_KEPT:
            self._tokens.clear()
        token = signed_token(secret, now)
        self._tokens[secret] = (token, now + _LIFETIME_SECONDS - _RENEWED_BEFORE_SECONDS)
        return token


def signed_token(secret: str, now: int) -> str:
    """A bearer token for Google Cloud that ends in an hour: a JSON Web Token (RFC 7519) by RS256.

    Raises OperatorError for what is no key of a service account.
    """
    key = msgspec.json.decode(checked_key(secret), type=ServiceAccountKey)
    header = _Header(kid=key.private_key_id)
    claims = _Claims(iss=key.client_email, sub=key.client_email, iat=now, exp=now + _LIFETIME_SECONDS)
    head = f"{_encoded(msgspec.json.encode(header))}.{_encoded(msgspec.json.encode(claims))}"
    signature = _private_key(key).sign(head.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{head}.{_encoded(signature)}"


def _private_key(key: ServiceAccountKey) -> rsa.RSAPrivateKey:
    try:
        loaded = load_pem_private_key(key.private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key("its `private_key` cannot be read") from None
    if not isinstance(loaded, rsa.RSAPrivateKey) or not _LEAST_BITS <= loaded.key_size <= _MOST_BITS:
        raise _no_key("its `private_key` is not an RSA key of 2,048 to 4,096 bits")
    return loaded


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _no_key(why: str) -> OperatorError:
    return OperatorError(
        f"The key is no service account's: {why}. Make one in Google Cloud (IAM, Service Accounts, Keys, "
        "JSON) and give the whole file, for instance with --key-stdin < key.json."
    )
