"""Dialing: from an origin to a connected transport, through name, address rule, TCP, proxy and TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from zai_gateway.accounts.reach import Address
from zai_gateway.relay.network.addresses import permitted, refuse_forbidden
from zai_gateway.relay.network.faults import Place, before_sending
from zai_gateway.relay.network.origin import Origin
from zai_gateway.relay.network.proxies import DIRECT, Proxies, Proxy
from zai_gateway.relay.network.racing import STAGGER, first_connected, interleaved
from zai_gateway.relay.network.resolving import Lookup, Names, system_lookup
from zai_gateway.relay.network.trust import client_context
from zai_gateway.relay.network.tunnel import Breach, Tunnel, Unasked, connect_request
from zai_gateway.relay.upstream import Blame, Timeouts, UpstreamError

P = TypeVar("P", bound=asyncio.BaseProtocol)

_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""A peer that vanished while an answer is long in coming is noticed after two minutes, in seconds; the probes
also keep the connection known to whatever translates addresses between."""
_MOST_TRIED = 16
"""Addresses: whoever chose a name shall not have whole networks called by it."""
_TARGET_SECONDS = 2.0
"""For a name that a proxy will resolve: many networks with a proxy resolve no name of the outside."""
_NO_LIMIT = 86_400.0
"""Seconds: asyncio's own limit on a handshake says less when it is passed."""
_PARTING_SECONDS = 1.0
"""For the other side's last word where TLS is ended in good order."""


class Dialer:
    """Makes connections. Belongs to one event loop; holds none of the connections.

    `tls` verifies certificates; by default against the machine's authorities, which are then read when they
    are needed first. `lookup` finds the addresses of names. `stagger`, in seconds, is the time that one
    address has before the next is tried beside it.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        proxies: Proxies = DIRECT,
        lookup: Lookup = system_lookup,
        stagger: float = STAGGER,
    ) -> None:
        self._trust = tls
        self._proxies = proxies
        self._names = Names(lookup)
        self._stagger = stagger

    async def dial(self, origin: Origin, timeouts: Timeouts, make: Callable[[], P]) -> P:
        """A protocol made by `make`, connected to `origin`: by TLS where its scheme says so.

        The address rule holds for the very address that is dialled, after its name was resolved. Raises
        UpstreamError, with blame CONNECT or TLS. Where it raises or is cancelled, nothing stays open.
        """
        proxy = self._proxies.proxy_for(origin)
        if proxy is not None:
            return await self._dial_through(proxy, origin, timeouts, make)
        with _told(origin.name):
            async with asyncio.timeout(timeouts.connect):
                sock = await self._connected(origin.host, origin.port, private=origin.private)
                if not origin.tls:
                    return await self._speaking(sock, None, make)
        with _told(origin.name, tls=True):
            async with asyncio.timeout(timeouts.tls):
                return await self._speaking(sock, origin.host, make)

    def forwards(self, origin: Origin) -> bool:
        """Whether requests go to a proxy that forwards them: their target is then the whole URL (RFC 9112,
        section 3.2.2), beside `proxy_headers`."""
        return not origin.tls and self._proxies.proxy_for(origin) is not None

    def proxy_headers(self, origin: Origin) -> tuple[tuple[str, str], ...]:
        """The headers for the proxy that forwards requests to `origin`: secret, and for no one else."""
        proxy = self._proxies.proxy_for(origin)
        if origin.tls or proxy is None or proxy.authorization is None:
            return ()
        return (("proxy-authorization", proxy.authorization),)

    def close(self) -> None:
        """Gives up what is still being resolved."""
        self._names.close()

    @property
    def _tls(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = client_context()
        return self._trust

    async def _dial_through(
        self, proxy: Proxy, origin: Origin, timeouts: Timeouts, make: Callable[[], P]
    ) -> P:
        with _told(f"{origin.name} through {proxy.name}"):
            async with asyncio.timeout(timeouts.connect):
                await self._refuse_forbidden_target(origin)
                if not origin.tls:
                    return await self._at_proxy(proxy, make)
                request = connect_request(origin.name, proxy.authorization)
                tunnel = await self._at_proxy(proxy, lambda: Tunnel(request))
                await _opened(tunnel, proxy, origin)
        with _told(origin.name, tls=True):
            async with asyncio.timeout(timeouts.tls):
                return await self._speaking_within(tunnel.transport, origin.host, make)

    async def _refuse_forbidden_target(self, origin: Origin) -> None:
        """The address rule, as far as this side of a proxy can know: each address that the name has here.

        A name that resolves here to nothing is the proxy's to judge, as is one that the proxy resolves to
        something else. Raises ForbiddenAddress.
        """
        try:
            async with asyncio.timeout(_TARGET_SECONDS):
                addresses = await self._names.resolve(origin.host)
        except OSError:
            return
        for address in addresses:
            refuse_forbidden(address, private=origin.private)

    async def _at_proxy(self, proxy: Proxy, make: Callable[[], P]) -> P:
        with _told(proxy.name):
            sock = await self._connected(proxy.host, proxy.port, private=True)  # the operator chose it
        with _told(proxy.name, tls=proxy.tls):
            return await self._speaking(sock, proxy.host if proxy.tls else None, make)

    async def _connected(self, host: str, port: int, *, private: bool) -> socket.socket:
        """Raises OSError."""
        allowed = permitted(await self._names.resolve(host), private=private)
        tried = interleaved(allowed)[:_MOST_TRIED]
        try:
            return await first_connected(tried, partial(_connect, port), self._stagger)
        except BaseException:  # cancelled by a timeout too
            self._names.forget(host)
            raise

    async def _speaking(self, sock: socket.socket, tls_name: str | None, make: Callable[[], P]) -> P:
        """From here on the transport owns the socket, and closes it where the handshake fails."""
        loop = asyncio.get_running_loop()
        try:
            if tls_name is None:
                _, protocol = await loop.create_connection(make, sock=sock)
                return protocol
            # TLS begins over a transport that stands: uvloop forgets to end a handshake that is cancelled in
            # the moment in which `create_connection` begins it.
            transport, plain = await loop.create_connection(Unasked, sock=sock)
        finally:
            if not isinstance(loop, asyncio.BaseEventLoop):
                # uvloop closes the descriptor itself, and where the server resets early it does not tell
                # `sock`, which would close whatever has got that number by the time it is collected.
                sock.detach()
        if transport.is_closing() or plain.spoke:
            transport.abort()
            raise _NoTls if plain.spoke else ConnectionResetError
        return await self._speaking_within(transport, tls_name, make)

    async def _speaking_within(self, transport: asyncio.Transport, tls_name: str, make: Callable[[], P]) -> P:
        """As `_speaking`, by TLS through a tunnel, which may be in TLS itself."""
        unasked = Unasked()
        try:
            inner = await asyncio.get_running_loop().start_tls(
                transport,
                unasked,
                self._tls,
                server_hostname=_bare(tls_name),
                ssl_handshake_timeout=_NO_LIMIT,
                ssl_shutdown_timeout=_PARTING_SECONDS,
            )
            if unasked.spoke:
                raise UpstreamError(Blame.TLS, f"{tls_name} spoke before it was asked")
            if inner is None or unasked.lost:
                raise ConnectionResetError
        except BaseException:
            transport.abort()
            raise
        protocol = make()
        inner.set_protocol(protocol)
        protocol.connection_made(inner)
        return protocol


class _NoTls(ssl.SSLError):
    """It spoke before the handshake."""

    reason = "it spoke something else"


async def _connect(port: int, address: Address) -> socket.socket:
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE.items():
            if hasattr(socket, name):  # macOS lacks one
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _opened(tunnel: Tunnel, proxy: Proxy, origin: Origin) -> None:
    """Waits until the tunnel stands. Raises UpstreamError."""
    try:
        status = await tunnel.answered
        if not 200 <= status < 300:
            raise UpstreamError(Blame.CONNECT, _refused(proxy, origin, status))
    except BaseException as trouble:
        tunnel.transport.abort()
        if isinstance(trouble, Breach):
            raise UpstreamError(Blame.CONNECT, f"{proxy.name} broke off: {trouble}") from None
        if isinstance(trouble, OSError):
            raise UpstreamError(
                Blame.CONNECT, f"{proxy.name} ended the connection without an answer"
            ) from None
        raise


def _refused(proxy: Proxy, origin: Origin, status: int) -> str:
    if status != 407:
        return f"{proxy.name} gave no connection to {origin.name} (HTTP {status})"
    if proxy.authorization is None:
        return f"{proxy.name} asks for a user and a password (HTTP 407): set them in its URL"
    return f"{proxy.name} refused the user and the password in its URL (HTTP 407)"


@contextmanager
def _told(name: str, *, tls: bool = False) -> Generator[None]:
    """Says in the product's words what goes wrong. `tls`: whether it is the handshake that does."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise before_sending(error, Place(name, tls)) from None


def _bare(host: str) -> str:
    """As certificates and SNI have it (RFC 6066, section 3)."""
    return host.removesuffix(".")
