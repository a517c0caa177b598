"""The probe of a provider key, as a command calls it: over the network, and done when it returns."""

import asyncio
import ssl

from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.clock import SystemClock
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.proxies import DIRECT, Proxies
from zai_gateway.relay.network.trust import client_context
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.probing import probed
from zai_gateway.settings import Environment


def probe(
    key: ProviderKey,
    secret: str,
    *,
    private_for_all: bool = False,
    proxies: Proxies = DIRECT,
    trust: ssl.SSLContext | None = None,
) -> Health:
    """Asks the provider whether it takes the key.

    `private_for_all`: whether an address that a user set may be a private one. `trust`: what verifies
    providers; None: the machine's authorities alone.
    """
    dialer = Dialer(trust, proxies)

    async def ask() -> Health:
        network = NetworkUpstream(dialer=dialer, private_for_all=private_for_all)
        try:
            return await probed(network, key, secret, SystemClock())
        finally:
            await network.close()

    return asyncio.run(ask())


def trust_of(environment: Environment) -> ssl.SSLContext | None:
    """What verifies providers; None: the machine's authorities alone. Raises OperatorError."""
    more = environment.extra_ca_file
    return None if more is None else client_context(more)
