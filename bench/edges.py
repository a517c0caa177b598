"""The two edges and the relay alone: a gateway that holds and books nothing, to see what its edges cost.

Everything else is as in `zai serve`: the door, authentication, the checks of a request, routes, quotes, the
dialect, the meter and the network's client. It is no gateway to run: a cap does not hold here.
"""

import argparse
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import uvloop

from zai_gateway.accounts.directory import Directory
from zai_gateway.app.exposure import Exposure
from zai_gateway.app.house import House, opened
from zai_gateway.app.memory import settle_memory
from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.clock import Clock, SystemClock
from zai_gateway.edge.door import Door
from zai_gateway.edge.listening import listen
from zai_gateway.edge.rooms import Rooms
from zai_gateway.edge.server import Serving, serve
from zai_gateway.relay.attempts import Patience
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.pipeline import Books, Relay
from zai_gateway.relay.routing import Route
from zai_gateway.settings import Environment, Limits
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.clamp import Room, share_of
from zai_gateway.spend.ledger import Attempt
from zai_gateway.spend.limiting import Limits as RateLimits
from zai_gateway.spend.spending import Account, Spending
from zai_gateway.spend.store import Granted


class NoBooks:
    """Stands in for spending: every limit is untouched, and what is held and settled is forgotten."""

    def hold(
        self, _attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None, account: Account
    ) -> "Unbooked":
        """The share of budgets of which nothing was ever spent."""
        rooms = [
            Room(limit=each.limit, free=each.limit, unspent=each.limit)
            for each in budgets
            if each.limit is not None
        ]
        if bound is None:
            return Unbooked(Granted((), 0, None), account)
        share = share_of(bound, rooms)
        return Unbooked(Granted((), share.amount, share.output_limit), account)


class Unbooked:
    """A hold that no budget knows of."""

    def __init__(self, granted: Granted, account: Account) -> None:
        self.granted = granted
        self._account: Account | None = account

    def take(self) -> bool:
        """There is always enough."""
        return True

    def settle(self) -> None:
        """Has the outcome reckoned, as for the ledger, and forgets it."""
        if self._account is not None:
            self._account.outcome(self.granted)
            self._account = None


def main() -> None:
    """Serves until it is told to stop."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="a data directory that `zai` set up")
    arguments.add_argument("--port", type=int, required=True, help="where to listen, on 127.0.0.1")
    given = arguments.parse_args()
    logging.basicConfig(level=logging.WARNING)
    environment, clock = Environment(), SystemClock()
    with listen("127.0.0.1", given.port) as listener, opened(given.data, environment, clock) as house:
        uvloop.run(_serve(house, clock, Exposure.of(environment), listener))


async def _serve(house: House, clock: Clock, exposure: Exposure, listener: socket.socket) -> None:
    limits, shelf = Limits(), Shelf(Catalogue.load())
    directory = Directory(house.store.accounts, clock, ThreadPoolExecutor(2, "lookups"))
    # The relay names the concrete class: a second one only for a measurement earns no protocol.
    spending = cast("Spending", NoBooks())
    books = Books(
        shelf=shelf,
        vault=house.vault,
        provider_key_now=directory.provider_key_now,
        spending=spending,
        limits=RateLimits(house.store.rates, lambda: "", clock, ThreadPoolExecutor(1, "rates")),
    )
    network = NetworkUpstream(private_for_all=exposure.private_addresses)
    relay = Relay(books, network, KeyHealth(clock, _refused), clock, Patience())
    rooms = Rooms(directory, relay, spending, shelf)
    door = Door(rooms, clock, limits.body_bytes, exposure.hosts, exposure.proxies)
    await directory.start()
    settle_memory()
    try:
        await serve(door, listener, clock, Serving(), lambda: None)
    finally:
        await directory.stop()
        await network.close()


def _refused(_route: Route, _why: str) -> None:
    """A provider key that the mock refused: it refuses none."""


if __name__ == "__main__":
    main()
