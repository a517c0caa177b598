"""Keys of service accounts: what is taken for one, what is kept of it, and the tokens that it signs."""

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from zai_gateway.accounts import terms
from zai_gateway.errors import OperatorError
from zai_gateway.providers.google import GEMINI, VERTEX
from zai_gateway.providers.service_account import Credentials, checked_key, signed_token
from zai_gateway.providers.signing import signature

NOW = 1_795_000_000
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_file(**other: Any) -> str:
    """As Google Cloud makes it."""
    fields = {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "abc123",
        "private_key": pem(KEY),
        "client_email": "gateway@a-project.iam.gserviceaccount.com",
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    }
    known = {name: value for name, value in (fields | other).items() if value is not None}
    return json.dumps(known, indent=2)


def part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_key_file_is_sealed_on_one_line_without_what_is_not_needed() -> None:
    kept = terms.checked_secret(f"\n{key_file()}\n", VERTEX)
    assert kept == checked_key(kept)
    assert "\n" not in kept
    assert json.loads(kept).keys() <= {"type", "client_email", "private_key_id", "private_key"}


def test_a_token_is_signed_by_the_account() -> None:
    token = signed_token(checked_key(key_file()), NOW)
    assert part(token, 0) == {"alg": "RS256", "typ": "JWT", "kid": "abc123"}
    email = "gateway@a-project.iam.gserviceaccount.com"
    assert part(token, 1) == {
        "iss": email,
        "sub": email,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "iat": NOW,
        "exp": NOW + 3_600,
    }
    head, _, mark = token.rpartition(".")
    signed = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
    KEY.public_key().verify(signed, head.encode(), padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(signed, f"{head}x".encode(), padding.PKCS1v15(), hashes.SHA256())


def test_a_token_is_kept_until_shortly_before_it_ends() -> None:
    credentials, secret = Credentials(), checked_key(key_file())
    first = credentials.of(VERTEX, secret, NOW)
    assert credentials.of(VERTEX, secret, NOW + 2_999) == first
    later = credentials.of(VERTEX, secret, NOW + 3_000)
    assert part(later, 1)["iat"] == NOW + 3_000
    other = checked_key(key_file(client_email="other@a-project.iam.gserviceaccount.com"))
    assert part(credentials.of(VERTEX, other, NOW), 1)["iss"].startswith("other@")


def test_the_token_is_what_is_sent() -> None:
    secret = checked_key(key_file())
    token = Credentials().of(VERTEX, secret, NOW)
    assert signature(VERTEX, token) == (("authorization", f"Bearer {token}"),)
    assert "PRIVATE" not in token


def test_other_secrets_are_sent_as_they_are() -> None:
    assert Credentials().of(GEMINI, "AIza", NOW) == "AIza"


@pytest.mark.parametrize(
    "text",
    [
        "ya29.a-token",
        "[]",
        key_file(type="authorized_user"),
        key_file(private_key=None),
        key_file(private_key=pem(KEY)[:200]),
        key_file(private_key=pem(ec.generate_private_key(ec.SECP256R1()))),
        key_file(private_key=pem(rsa.generate_private_key(public_exponent=65_537, key_size=1_024))),
        key_file(client_email="a b"),
        key_file(private_key_id=""),
    ],
    ids=["token", "list", "another type", "no key", "no PEM", "a curve", "too short", "a space", "no id"],
)
def test_what_is_no_key_of_a_service_account_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(OperatorError, match="no service account's") as refused:
        terms.checked_secret(text, VERTEX)
    assert "PRIVATE KEY" not in str(refused.value)
    assert "ya29" not in str(refused.value)
