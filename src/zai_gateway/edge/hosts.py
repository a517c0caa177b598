"""The Host header: under which names this gateway answers, so that no other name can be turned against it."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from zai_gateway.edge.request import Request
from zai_gateway.errors import Code, Failure, OperatorError

_ALWAYS = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{0,5})?", re.ASCII)
"""RFC 9110, section 7.2, without the letters that no name has."""
_PUBLIC_URL = re.compile(rf"https?://{_HOST.pattern}/?", re.ASCII)
_LONGEST_SHOWN = 100
_MOST_KNOWN = 100


class Hosts:
    """The names of this gateway: those of its public addresses, this machine's own, and where it is bound.

    A page that an attacker serves can make its own name lead here (DNS rebinding), but a browser says that
    name in the Host header, and cannot be made to say another. Ports do not matter to that, and a port that
    is published under another number is common: they are not compared.
    """

    def __init__(self, public: Iterable[str] = ()) -> None:
        """`public`: names as `public_hosts` gives them."""
        self._names = _ALWAYS | frozenset(public)
        self._passed: set[bytes] = set()
        """Headers that named one of them: most requests say the same."""

    def check(self, request: Request) -> None:
        """Raises Failure: MISDIRECTED_REQUEST for another's name, INVALID_REQUEST for what is no one name."""
        given = request.fields.get(b"host")
        if given in self._passed:
            return
        matched = _HOST.fullmatch((given or b"").decode("latin-1").strip().lower())
        if matched is None:
            raise Failure(
                Code.INVALID_REQUEST,
                "Host: a request names one host, such as localhost:8011 (RFC 9112, section 3.2).",
                param="host",
            )
        name = _one_spelling(matched[1])
        if name in self._names:
            if given is not None and len(self._passed) < _MOST_KNOWN:
                self._passed.add(given)
        elif name != _bound(request):
            shown = name[:_LONGEST_SHOWN]
            raise Failure(
                Code.MISDIRECTED_REQUEST,
                f"Host: {shown!r} is not a name of this gateway. If it should be, its operator adds it: "
                "zai serve --public-url URL, or ZAI_PUBLIC_URL.",
                param="host",
            )


def public_hosts(text: str) -> tuple[str, ...]:
    """The hosts of `text`, one URL or several with commas between. Raises OperatorError."""
    hosts: list[str] = []
    for url in filter(None, (part.strip() for part in text.split(","))):
        matched = _PUBLIC_URL.fullmatch(url.lower())
        if matched is None:
            raise OperatorError(
                f"--public-url (ZAI_PUBLIC_URL): {url[:_LONGEST_SHOWN]!r} is not where a gateway can be; "
                "write it as https://llm.example.com, with no path, and several with commas between."
            )
        hosts.append(_one_spelling(matched[1]))
    if len(hosts) > _MOST_KNOWN:
        raise OperatorError(f"--public-url (ZAI_PUBLIC_URL): at most {_MOST_KNOWN} addresses.")
    return tuple(hosts)


def _bound(request: Request) -> str | None:
    address = request.bound
    return None if address is None else _one_spelling(address)


def _one_spelling(host: str) -> str:
    """A name without the dot at its end, or an address without brackets, mapped IPv4 as IPv4."""
    host = host.removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
