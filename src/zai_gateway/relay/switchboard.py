"""The switchboard: which upstream carries a request, by the scheme of its address."""

from collections.abc import Awaitable, Callable

from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, Upstream, unnoticed


class Switchboard:
    """`demo:` stays in this process; everything else goes over the network."""

    def __init__(self, network: Upstream, demo: Upstream) -> None:
        self._network = network
        self._demo = demo

    def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Awaitable[Inbound]:
        """As `Upstream.send`."""
        upstream = self._demo if request.url.startswith("demo:") else self._network
        return upstream.send(request, timeouts, sending)
