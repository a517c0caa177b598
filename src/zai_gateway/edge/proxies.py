"""Proxies in front of the gateway: whose word on the client's address is taken, and what it then is."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from zai_gateway.accounts.reach import Address
from zai_gateway.edge.request import Request
from zai_gateway.errors import OperatorError

Networks = Sequence[IPv4Network | IPv6Network]

_MOST_NETWORKS = 100
_MOST_HOPS = 50
"""Entries of `X-Forwarded-For` that are looked at, from the right: no chain of proxies is so long."""


class Proxies:
    """The proxies that the operator trusts; none is trusted that was not named."""

    def __init__(self, trusted: Networks = ()) -> None:
        self._trusted = tuple(trusted)
        self.none = not self._trusted
        """Whether every client is taken at its word: its connection's own address."""

    def tell(self, request: Request) -> None:
        """Puts the client's own address and scheme into `request` in the place of a trusted proxy's.

        Of `X-Forwarded-For` the rightmost address counts that is not a trusted proxy's: what stands left of
        it was written by whoever the client is.
        """
        if not self._trusted:
            return
        client = request.client
        peer = _address(client) if client else None
        if peer is None or not self._trusts(peer):
            return
        request.client = str(self._client(peer, _listed(request, b"x-forwarded-for")))
        for scheme in _listed(request, b"x-forwarded-proto")[-1:]:
            if scheme.lower() in ("http", "https"):
                request.scheme = scheme.lower()

    def _client(self, peer: Address, hops: Sequence[str]) -> Address:
        for hop in reversed(hops[-_MOST_HOPS:]):
            address = _address(hop)
            if address is None:
                return peer  # a proxy that hides its client, or says what nobody can read
            peer = address
            if not self._trusts(address):
                return address
        return peer

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def networks(text: str) -> Networks:
    """The networks of `text`: addresses or CIDR ranges with commas between. Raises OperatorError."""
    found: list[IPv4Network | IPv6Network] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ip_network(part))
        except ValueError:
            raise OperatorError(
                f"--trusted-proxies (ZAI_TRUSTED_PROXIES): {part[:100]!r} is no address or network; write "
                "10.0.0.7 or 10.0.0.0/8, and several with commas between."
            ) from None
    if len(found) > _MOST_NETWORKS:
        raise OperatorError(f"--trusted-proxies (ZAI_TRUSTED_PROXIES): at most {_MOST_NETWORKS} networks.")
    return tuple(found)


def _listed(request: Request, name: bytes) -> Sequence[str]:
    return [part.strip() for value in request.values(name) for part in value.split(",") if part.strip()]


def _address(text: str) -> Address | None:
    """The address in `text`, with or without a port; mapped IPv4 as IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
