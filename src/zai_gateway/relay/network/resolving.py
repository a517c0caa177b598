"""Names to addresses: the system's resolver on threads, and a short memory of what it said."""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from threading import Thread

from msgspec import Struct

from zai_gateway.accounts.reach import Address

Lookup = Callable[[str], Sequence[str]]
"""Gives the addresses of a name, best first. Blocks: it is called on a thread. Raises OSError."""

_REMEMBERED_SECONDS = 30.0
"""A name that moves is followed within this time, and at once where its old address does not answer."""
_MOST_REMEMBERED = 1_000
_MOST_AT_ONCE = 32
"""Threads: a workspace whose names never resolve must not hold up everybody's."""


def system_lookup(name: str) -> list[str]:
    """What the machine's resolver says of `name`, in the order of RFC 6724. Raises OSError."""
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except UnicodeError:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "no name can be spelled so") from None
    # A scope (`%eth0`) stands at link-local addresses only, which are judged without it.
    return [str(row[4][0]).partition("%")[0] for row in rows]


class Names:
    """The addresses of names, as far as this loop asked for them. Belongs to one event loop."""

    def __init__(self, lookup: Lookup = system_lookup, remembered: float = _REMEMBERED_SECONDS) -> None:
        self._lookup = lookup
        self._remembered = remembered
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Future[tuple[Address, ...]]] = {}
        self._threads = asyncio.Semaphore(_MOST_AT_ONCE)

    async def resolve(self, host: str) -> tuple[Address, ...]:
        """The addresses of `host`, best first, at least one; of an address, itself. Raises OSError."""
        with suppress(ValueError):
            return (ip_address(host),)
        known = self._known.get(host)
        if known is not None and asyncio.get_running_loop().time() < known.until:
            return known.addresses
        asked = self._asking.get(host)
        if asked is None:
            asked = self._asking[host] = asyncio.ensure_future(self._ask(host))
            asked.add_done_callback(partial(self._answered, host))
        # Others wait for the same answer: who leaves does not take it from them.
        return await asyncio.shield(asked)

    def forget(self, host: str) -> None:
        """Has `host` asked for anew next time: its addresses do not answer."""
        self._known.pop(host, None)

    def close(self) -> None:
        """Gives up what is being asked; who waits for it is cancelled."""
        for asked in self._asking.values():
            asked.cancel()

    async def _ask(self, host: str) -> tuple[Address, ...]:
        async with self._threads:
            found = await _on_a_thread(lambda: self._lookup(host))
        addresses = tuple(dict.fromkeys(map(ip_address, found)))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        self._remember(host, addresses)
        return addresses

    def _answered(self, host: str, asked: asyncio.Future[tuple[Address, ...]]) -> None:
        del self._asking[host]
        if not asked.cancelled():
            asked.exception()  # or asyncio complains where nobody is left to hear of a failure

    def _remember(self, host: str, addresses: tuple[Address, ...]) -> None:
        self._known.pop(host, None)
        while len(self._known) >= _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]  # the oldest
        self._known[host] = _Known(addresses, asyncio.get_running_loop().time() + self._remembered)


class _Known(Struct, frozen=True):
    addresses: tuple[Address, ...]
    until: float
    """By the loop's clock."""


async def _on_a_thread(work: Callable[[], Sequence[str]]) -> Sequence[str]:
    """What `work` gives. Its thread dies with the process: no resolver that hangs holds up the end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def tell(found: Sequence[str] | Exception) -> None:
        if answer.done():
            return
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def run() -> None:
        try:
            found = work()
        except Exception as trouble:
            found = trouble
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, found)

    try:
        Thread(target=run, name="resolving", daemon=True).start()
    except RuntimeError:  # the system gives no more of them
        raise OSError(errno.EAGAIN, "no thread") from None
    return await answer
