"""How a gateway stands in its network, as the settings have it."""

import ssl
from typing import Self

from msgspec import Struct

from zai_gateway.app.probing import trust_of
from zai_gateway.edge.hosts import Hosts, public_hosts
from zai_gateway.edge.proxies import Proxies, networks
from zai_gateway.relay.network.proxies import DIRECT
from zai_gateway.relay.network.proxies import Proxies as WayOut
from zai_gateway.settings import Environment


class Exposure(Struct, frozen=True, kw_only=True):
    """How a gateway stands in its network."""

    hosts: Hosts
    proxies: Proxies
    private_addresses: bool
    """Whether an address that a user set may be a private one."""
    provider_lists: bool = True
    """Whether providers are asked for their lists of models."""
    drain_delay: float = 0.0
    """Seconds for which requests are served after a signal, until load balancers have seen it."""
    way_out: WayOut = DIRECT
    """The proxies on the way to providers."""
    trust: ssl.SSLContext | None = None
    """What verifies providers; None: the machine's authorities alone."""
    public_url: str | None = None
    """Where clients find the gateway, where its operator has said so."""

    @classmethod
    def of(cls, environment: Environment) -> Self:
        """As the settings have it. Raises OperatorError."""
        return cls(
            hosts=Hosts(public_hosts(environment.public_url)),
            proxies=Proxies(networks(environment.trusted_proxies)),
            private_addresses=environment.allow_private_addresses,
            provider_lists=environment.provider_lists,
            drain_delay=environment.drain_delay,
            way_out=environment.proxies,
            trust=trust_of(environment),
            public_url=environment.public_url.partition(",")[0].strip().rstrip("/") or None,
        )
