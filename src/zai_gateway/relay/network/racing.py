"""Happy eyeballs (RFC 8305): of several addresses, the first that takes a connection."""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain, zip_longest

from zai_gateway.accounts.reach import Address

STAGGER = 0.25
"""Seconds that an address has before the next one is tried beside it (RFC 8305, section 5)."""

Connect = Callable[[Address], Awaitable[socket.socket]]


def interleaved(addresses: Iterable[Address]) -> list[Address]:
    """The families in turns, the first address's first, else in their order (RFC 8305, section 4)."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address.version, []).append(address)
    rounds = zip_longest(*families.values())
    return [address for address in chain.from_iterable(rounds) if address is not None]


async def first_connected(
    addresses: Sequence[Address], connect: Connect, stagger: float = STAGGER
) -> socket.socket:
    """The socket of the first of `addresses`, at least one, that `connect` succeeds for.

    One begins after the other: `stagger` seconds later, or at once where one failed. Every other socket is
    closed. Raises the OSError of the first that failed when all did.
    """
    waiting = deque(addresses)
    attempts: list[asyncio.Task[socket.socket]] = []
    failures: dict[asyncio.Task[socket.socket], OSError] = {}
    won: asyncio.Task[socket.socket] | None = None
    try:
        while won is None:
            running = [attempt for attempt in attempts if attempt not in failures]
            if waiting:
                running.append(asyncio.ensure_future(_awaited(connect, waiting.popleft())))
                attempts.append(running[-1])
            if not running:
                raise failures[attempts[0]]
            done, _ = await asyncio.wait(
                running, timeout=stagger if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                try:
                    attempt.result()
                except OSError as failure:
                    failures[attempt] = failure
                else:
                    won = attempt
        return won.result()
    finally:
        for attempt in attempts:
            if attempt is not won:
                attempt.cancel()
                attempt.add_done_callback(_close_what_came)


async def _awaited(connect: Connect, address: Address) -> socket.socket:
    return await connect(address)


def _close_what_came(attempt: asyncio.Task[socket.socket]) -> None:
    """A loser may have connected before it could be cancelled."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
