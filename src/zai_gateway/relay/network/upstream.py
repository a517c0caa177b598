"""The network's upstream: HTTP/1.1 over pooled connections."""

import ssl
from collections.abc import Callable

from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.outgoing import Heads
from zai_gateway.relay.network.pool import Limits, Pool
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, unnoticed

_LIMITS = Limits()
_REPEATABLE = frozenset({"GET", "HEAD"})
"""Methods that may be sent again where an idle connection was lost with the request: they change nothing."""


class NetworkUpstream:
    """Sends requests over the network.

    `tls` verifies certificates; by default against the machine's own authorities. Nothing is read from the
    environment. `dialer` makes the connections; by default directly, with `tls`. With `private_for_all`,
    every request may go to private addresses. `close` ends idle connections and those in use.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        limits: Limits = _LIMITS,
        dialer: Dialer | None = None,
        private_for_all: bool = False,
    ) -> None:
        self._dialer = dialer or Dialer(tls)
        self._limits = limits
        self._heads = Heads(self._dialer, private_for_all=private_for_all)
        self._pool: Pool | None = None

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        """As `Upstream.send`. A POST is never sent twice: a lost connection is reported, not mended.

        A GET whose connection, an idle one, turns out to have been closed is sent once more over a new one.
        """
        writing = self._heads.writing(request)
        head, origin = writing.head(request), writing.origin
        pool = self._pool
        if pool is None:
            pool = self._pool = Pool(self._dialer, self._limits)
        connection = pool.idle(origin) or await pool.connection(origin, timeouts)
        try:
            sending()
        except BaseException:
            connection.drop()
            raise
        while True:
            used = connection.used
            answer = connection.ask(head, request, timeouts)
            try:
                await answer.coming()
            except BaseException:
                answer.drop()
                raise
            if answer.status:
                return answer
            assert answer.error is not None  # or it would still be coming
            if not (used and answer.unheard and request.method in _REPEATABLE):
                raise answer.error
            connection = await pool.connection(origin, timeouts, fresh=True)

    async def close(self) -> None:
        """Closes every connection; the next request would open new ones. Answers in flight are broken off."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()
        self._dialer.close()
