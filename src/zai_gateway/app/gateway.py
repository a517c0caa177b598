"""A gateway: what serves requests, joined on one open house."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from zai_gateway.accounts.directory import Directory
from zai_gateway.accounts.records import ProviderKey
from zai_gateway.app.exposure import Exposure
from zai_gateway.app.house import House
from zai_gateway.app.office import Office
from zai_gateway.app.office_line import RELEASE, Plan
from zai_gateway.app.rounds import Rounds
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.clock import Clock
from zai_gateway.edge.door import Door
from zai_gateway.edge.office import Entrance
from zai_gateway.edge.rooms import Rooms
from zai_gateway.ids import new_id
from zai_gateway.relay.attempts import Patience as AttemptPatience
from zai_gateway.relay.demo.upstream import DemoUpstream
from zai_gateway.relay.key_health import KeyHealth
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.own_lists import OwnLists
from zai_gateway.relay.pipeline import Books, Relay
from zai_gateway.relay.routing import Route
from zai_gateway.relay.switchboard import Switchboard
from zai_gateway.settings import Limits
from zai_gateway.spend.limiting import Limits as RateLimits
from zai_gateway.spend.rate_asking import Rhythm
from zai_gateway.spend.rolling import Rolling
from zai_gateway.spend.spending import Patience as SpendPatience
from zai_gateway.spend.spending import Spending
from zai_gateway.spend.watch import Watch
from zai_gateway.spend.worker import Worker

_LOG = logging.getLogger(__name__)

_MOVE_THREADS = 2
"""One writes, the next is ready: a database takes one writer at a time."""
_SHARED_MOVE_THREADS = 4
_READ_THREADS = 2
STORE_THREADS = _SHARED_MOVE_THREADS + 2 * _READ_THREADS + 2
"""All that ask the store, at most: moves, reads, lookups, chores and rates."""
_DRAIN_SECONDS = 20.0
_RATES_SECONDS = 1.0
"""To tell the store of the tokens that were used last."""


class Gateway:
    """What serves requests, on one open house. Belongs to one event loop."""

    def __init__(
        self,
        house: House,
        clock: Clock,
        limits: Limits,
        exposure: Exposure,
        network: NetworkUpstream | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        """`catalogue`: that of this release where it was loaded before."""
        shelf = house.shelf(catalogue)
        self._house = house
        self._clock = clock
        self._synced = limits.journal_synced
        moves = _SHARED_MOVE_THREADS if house.store.shared else _MOVE_THREADS
        self._moves = ThreadPoolExecutor(moves, "moves")
        self._reads = ThreadPoolExecutor(_READ_THREADS, "reads")
        # Threads of their own: a revocation must not wait in line behind holds.
        self._lookups = ThreadPoolExecutor(_READ_THREADS, "lookups")
        # What takes long, and nobody waits for.
        self._chores = ThreadPoolExecutor(1, "chores")
        # It asks one thing at a time.
        self._rating = ThreadPoolExecutor(1, "rates")
        self._refusing: set[str] = set()
        """Provider keys that are being disabled."""
        self._network = network or NetworkUpstream(
            dialer=Dialer(exposure.trust, exposure.way_out), private_for_all=exposure.private_addresses
        )
        self.spending = Spending(
            house.store.spend,
            clock,
            self._opened_worker,
            moves=self._moves,
            reads=self._reads,
            patience=SpendPatience(
                store=limits.store_seconds, line=limits.line_seconds, answer=limits.recall_seconds
            ),
        )
        self._limits = RateLimits(
            house.store.rates,
            lambda: self.spending.worker,
            clock,
            self._rating,
            Rhythm(patience=limits.store_seconds),
        )
        self._watch = Watch(
            self.spending,
            house.store.resolutions,
            house.store.numbers,
            self._chores,
            clock,
            limits.assume_after,
        )
        self._rolling = Rolling(house.store.rollup, self._chores, clock, limits.rollup_seconds)
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
            spending=self.spending,
            limits=self._limits,
        )
        patience = AttemptPatience(retries=limits.retries, first_wait=limits.retry_seconds)
        relay = Relay(books, upstream, KeyHealth(clock, self._refused), clock, patience)
        rooms = Rooms(self._directory, relay, self.spending, shelf, lambda: self._lists.listings)
        self._office = Office(_plan(house, limits))
        self.door = Door(
            rooms, clock, limits.body_bytes, exposure.hosts, exposure.proxies, Entrance(self._office.ask)
        )

    async def start(self) -> None:
        """Adopts what dead workers left, and loads the callers. Raises StoreUnavailable."""
        await self.spending.start()
        await self._directory.start()
        await self._rounds.start(self._lists, ask=self._asks)
        self._watch.start()
        self._rolling.start()

    def _opened_worker(self) -> Worker:
        """A worker that lives; what dead ones left is adopted by it."""
        now_ms = self._clock.now_ms()
        worker = Worker(
            new_id("wrk", now_ms),
            self._house.data / "workers",
            shared=self._house.store.shared,
            synced=self._synced,
        )
        adopted = worker.open(self._house.store.spend, now_ms)
        if adopted:
            _LOG.warning("requests under way when a worker died, of unconfirmed cost now: %d", adopted)
        return worker

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
        await self._limits.close(_RATES_SECONDS)
        await self.spending.drain(_DRAIN_SECONDS)
        await self._office.stop()
        await self._watch.stop()
        await self._rolling.stop()
        await self._rounds.stop()
        await self._lists.stop()
        await self._directory.stop()
        await self._network.close()
        # Settlements that are still tried while the store is down: the journal has them.
        self._moves.shutdown(cancel_futures=True)
        for threads in (self._reads, self._rating, self._lookups, self._chores):
            threads.shutdown()


def _plan(house: House, limits: Limits) -> Plan:
    return Plan(
        release=RELEASE,
        data=os.fsencode(house.data),
        variables={
            os.fsencode(name): os.fsencode(value) for name, value in house.environment.variables.items()
        },
        store_seconds=limits.store_seconds,
        log_level=logging.getLevelName(logging.getLogger().getEffectiveLevel()),
    )
