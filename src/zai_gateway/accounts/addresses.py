"""Where a provider may be: the form of its base URL, and what may stand in it as a host."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from zai_gateway.accounts.reach import refusal
from zai_gateway.errors import OperatorError

_MOST_CHARACTERS = 2_000
_PLAIN = re.compile(r"[!-~]+")
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_API_VERSION = re.compile(r"\?api-version=(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[a-z]+)?|v[0-9]+|latest|preview)$")
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)")

_METADATA_NAMES = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.tencentyun.com",
    }
)
"""Names of metadata services; whatever a name turns out to be is checked again when it is connected to."""


def checked_base_url(text: str, field: str, *, private: bool, api_version: bool = False) -> str:
    """A base URL in one spelling: scheme and host in lower case, no slash at the end.

    `private`: whether it may be a private address, as the operator's may, and a user's where the operator
    allows it. `api_version`: whether `?api-version=...` may stand behind it, as Azure has it. Raises
    OperatorError, naming `field`, for what is not `http(s)://host[:port][/path]`, and for an address where no
    request may go. Names are not resolved here.
    """
    text = text.strip()
    version = _API_VERSION.search(text) if api_version else None
    text = text.removesuffix(version[0]) if version else text
    parts = _split(text, field)
    host = (parts.hostname or "").removesuffix(".")
    address = _literal(host, field)
    if "%" in host or (address is None and ("[" in text or not _NAME.fullmatch(host))):
        raise OperatorError(f"{field}: it names no host; write https://host/path.")
    why = _refusal_of_name(host, private) if address is None else refusal(address, private=private)
    if why is not None:
        raise OperatorError(f"{field}: {host} is {why}; give the provider's own address.")
    place = f"[{host}]" if isinstance(address, IPv6Address) else host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{place}{port}{parts.path.rstrip('/')}{version[0] if version else ''}"


def _refusal_of_name(host: str, private: bool) -> str | None:
    """As `refusal`, for names that always mean the same."""
    if host in _METADATA_NAMES:
        return refusal(IPv4Address("169.254.169.254"), private=private)
    if host.rpartition(".")[2] == "localhost":
        return refusal(IPv4Address("127.0.0.1"), private=private)  # RFC 6761, section 6.3
    return None


def _split(text: str, field: str) -> SplitResult:
    # urlsplit drops tabs and line ends, and reads a backslash as part of a host: nothing may mean one thing
    # here and another to the client that connects.
    if len(text) > _MOST_CHARACTERS or not _PLAIN.fullmatch(text) or "\\" in text:
        raise OperatorError(f"{field}: not a URL of at most {_MOST_CHARACTERS} plain ASCII characters.")
    # What does not pass is not shown: a password stands before an @, a key in many a query, and what is no
    # address at all may be a key that was pasted in the wrong place.
    if "@" in text:
        raise OperatorError(
            f"{field}: a user or password may not stand in a URL; give the provider key alone."
        )
    if "?" in text or "#" in text:
        raise OperatorError(f"{field}: neither a query (?) nor a fragment (#) may stand in it.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise OperatorError(f"{field}: it is not a URL such as https://host:8000/v1.") from None
    if parts.scheme not in ("http", "https"):
        raise OperatorError(f"{field}: it must begin with http:// or https://.")
    if port == 0:
        raise OperatorError(f"{field}: it names port 0, where nothing can listen.")
    return parts


def _literal(host: str, field: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        # Resolvers also read 2852039166 and 0xa9.254.169.254 as addresses; one spelling is enough
        # (https://url.spec.whatwg.org/#ends-in-a-number-checker).
        if _ENDS_IN_A_NUMBER.fullmatch(host):
            raise OperatorError(
                f"{field}: write the address {host} as four decimal numbers, such as 10.0.0.7."
            ) from None
        return None
