"""The probe of a provider key, as a command calls it: over the network, and done when it returns."""

import asyncio

from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.clock import SystemClock
from zai_gateway.relay.network import NetworkUpstream
from zai_gateway.relay.probing import probed


def probe(key: ProviderKey, secret: str, *, private_for_all: bool = False) -> Health:
    """Asks the provider whether it takes the key.

    `private_for_all`: whether an address that a user set may be a private one.
    """

    async def ask() -> Health:
        network = NetworkUpstream(private_for_all=private_for_all)
        try:
            return await probed(network, key, secret, SystemClock())
        finally:
            await network.close()

    return asyncio.run(ask())
