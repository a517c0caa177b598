"""A gateway: what serves requests, joined on one open house, and the run of `zai serve`."""

import logging
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self

import uvloop
from msgspec import Struct

from zai_gateway.accounts.directory import Directory
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.app.house import House, opened
from zai_gateway.app.provider_environment import take_from_environment
from zai_gateway.app.rounds import Rounds
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.cli import welcome
from zai_gateway.cli.doors import ServeOptions
from zai_gateway.clock import Clock
from zai_gateway.edge.door import Door
from zai_gateway.edge.hosts import Hosts, public_hosts
from zai_gateway.edge.listening import address_of, listen
from zai_gateway.edge.patience import Patience
from zai_gateway.edge.protocol import HeadLimits
from zai_gateway.edge.proxies import Proxies, networks
from zai_gateway.edge.rooms import Rooms
from zai_gateway.edge.server import Serving, serve
from zai_gateway.errors import StoreUnavailable
from zai_gateway.ids import new_id
from zai_gateway.relay.attempts import Patience as AttemptPatience
from zai_gateway.relay.demo.upstream import DemoUpstream
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.network import NetworkUpstream
from zai_gateway.relay.own_lists import OwnLists
from zai_gateway.relay.pipeline import Books, Relay
from zai_gateway.relay.routing import Route
from zai_gateway.relay.switchboard import Switchboard
from zai_gateway.settings import Environment, Limits
from zai_gateway.spend.spending import Spending
from zai_gateway.spend.worker import Worker

_LOG = logging.getLogger(__name__)

_MOVE_THREADS = 2
"""One writes, the next is ready: a database takes one writer at a time."""
_SHARED_MOVE_THREADS = 4
_READ_THREADS = 2
_DRAIN_SECONDS = 20.0


class Exposure(Struct, frozen=True, kw_only=True):
    """How a gateway stands in its network."""

    hosts: Hosts
    proxies: Proxies
    private_addresses: bool
    """Whether an address that a user set may be a private one."""
    provider_lists: bool = True
    """Whether providers are asked for their lists of models."""

    @classmethod
    def of(cls, environment: Environment) -> Self:
        """As the settings have it. Raises OperatorError."""
        return cls(
            hosts=Hosts(public_hosts(environment.public_url)),
            proxies=Proxies(networks(environment.trusted_proxies)),
            private_addresses=environment.allow_private_addresses,
            provider_lists=environment.provider_lists,
        )


class Gateway:
    """What serves requests, on one open house. Belongs to one event loop."""

    def __init__(
        self,
        house: House,
        clock: Clock,
        limits: Limits,
        exposure: Exposure,
        network: NetworkUpstream | None = None,
    ) -> None:
        shelf = Shelf(Catalogue.load())
        self._house = house
        self._clock = clock
        moves = _SHARED_MOVE_THREADS if house.store.shared else _MOVE_THREADS
        self._moves = ThreadPoolExecutor(moves, "moves")
        self._reads = ThreadPoolExecutor(_READ_THREADS, "reads")
        # Threads of their own: a revocation must not wait in line behind holds.
        self._lookups = ThreadPoolExecutor(_READ_THREADS, "lookups")
        # What takes long, and nobody waits for.
        self._chores = ThreadPoolExecutor(1, "chores")
        self._worker = Worker(
            new_id("wrk", clock.now_ms()), house.data / "workers", shared=house.store.shared
        )
        self._refusing: set[str] = set()
        """Provider keys that are being disabled."""
        self._network = network or NetworkUpstream(private_for_all=exposure.private_addresses)
        self._spending = Spending(
            house.store.spend,
            clock,
            self._worker.id,
            moves=self._moves,
            reads=self._reads,
            patience=limits.store_seconds,
        )
        self._directory = Directory(house.store.accounts, clock, self._lookups, patience=limits.store_seconds)
        upstream = Switchboard(self._network, DemoUpstream(clock))
        self._lists = OwnLists(
            house.store.listings, self._network, house.vault.open_secret, clock, self._chores
        )
        self._asks = exposure.provider_lists
        self._rounds = Rounds(house.store.accounts, self._directory, shelf, self._chores, clock)
        books = Books(
            shelf=shelf,
            listings=lambda: self._lists.listings,
            vault=house.vault,
            provider_key_now=self._directory.provider_key_now,
            spending=self._spending,
        )
        patience = AttemptPatience(retries=limits.retries, first_wait=limits.retry_seconds)
        relay = Relay(books, upstream, KeyHealth(clock, self._refused), clock, patience)
        rooms = Rooms(self._directory, relay, self._spending, shelf, lambda: self._lists.listings)
        self.door = Door(rooms, clock, limits.body_bytes, exposure.hosts, exposure.proxies)

    async def start(self) -> None:
        """Adopts what dead workers left, and loads the callers. Raises StoreUnavailable."""
        adopted = self._worker.open(self._house.store.spend, self._clock.now_ms())
        if adopted:
            _LOG.warning("requests under way when a worker died, of unconfirmed cost now: %d", adopted)
        await self._directory.start()
        await self._rounds.start(self._lists, ask=self._asks)

    def _refused(self, route: Route, _why: str) -> None:
        """Has the key disabled, in its own time: the request goes on with the next one."""
        key = route.provider_key
        if key.sealed and key.id not in self._refusing:
            self._refusing.add(key.id)
            # It is refused where the gateway ends: then the next one meets the same.
            with suppress(RuntimeError):
                self._chores.submit(self._disable, key, route.provider.title)

    def _disable(self, key: ProviderKey, provider: str) -> None:
        try:
            why = f"{provider} refused it (HTTP 401)"
            if self._house.accounts.provider_keys.refused(key, why):
                _LOG.warning(
                    "%s refused the provider key %s (%s): it is disabled until it gets another secret or is "
                    "enabled again",
                    provider,
                    key.id,
                    key.name,
                )
        except Exception as trouble:
            # It rests for now, and the next refusal tries again.
            _LOG.warning("the provider key %s could not be disabled: %s", key.id, type(trouble).__name__)
        finally:
            self._refusing.discard(key.id)

    async def stop(self) -> None:
        """Settles what is under way, and lets go of everything but the house."""
        await self._spending.drain(_DRAIN_SECONDS)
        await self._rounds.stop()
        await self._lists.stop()
        await self._directory.stop()
        await self._network.close()
        # Settlements that are still tried while the store is down: their holds stand.
        self._moves.shutdown(cancel_futures=True)
        for threads in (self._reads, self._lookups, self._chores):
            threads.shutdown()
        try:
            self._worker.close(self._house.store.spend)
        except StoreUnavailable:
            _LOG.error("the store does not answer: the next start ends this worker in its place")


def run(options: ServeOptions, environment: Environment, clock: Clock) -> int:
    """Serves until it is told to stop; gives the exit code. Raises OperatorError or StoreUnavailable."""
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it announces each of its plugins
    environment = environment.overruled_by(_given(options))
    exposure = Exposure.of(environment)
    # The port first: where it is taken, nothing else is touched.
    with listen(options.host, options.port) as listener, opened(options.data, environment, clock) as house:
        if options.provider_env:
            take_from_environment(house.accounts, environment.secret)
        said = _welcome(house, address_of(listener), environment.public_url, options.json)
        uvloop.run(_serve(house, clock, exposure, listener, lambda: print(said, flush=True)))
    return 0


def _given(options: ServeOptions) -> dict[str, str | None]:
    private = options.allow_private_addresses
    return {
        "ZAI_DATABASE": options.database,
        "ZAI_PUBLIC_URL": options.public_url,
        "ZAI_TRUSTED_PROXIES": options.trusted_proxies,
        "ZAI_ALLOW_PRIVATE_ADDRESSES": None if private is None else "yes" if private else "no",
    }


async def _serve(
    house: House, clock: Clock, exposure: Exposure, listener: socket.socket, on_listening: Callable[[], None]
) -> None:
    limits = Limits()
    serving = Serving(
        head=HeadLimits(total_bytes=limits.head_bytes),
        patience=Patience(
            head_seconds=limits.head_seconds,
            body_seconds=limits.body_seconds,
            answer_seconds=limits.answer_seconds,
        ),
        drain_seconds=limits.drain_seconds,
    )
    gateway = Gateway(house, clock, limits, exposure)
    await gateway.start()
    try:
        await serve(gateway.door, listener, clock, serving, on_listening)
    finally:
        await gateway.stop()


def _welcome(house: House, address: tuple[str, int], public_url: str, as_json: bool) -> str:
    secret = house.first_key.secret if house.first_key else None
    kept = None
    if secret is not None and not sys.stdout.isatty():
        kept, secret = welcome.keep_first_key(secret, house.data), None
    arrival = welcome.Arrival(
        base_url=welcome.base_url(*address),
        public_urls=welcome.public_urls(public_url),
        data=house.data,
        first_key=secret,
        kept=kept,
    )
    return welcome.document(arrival) if as_json else welcome.words(arrival)
