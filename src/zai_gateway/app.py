"""The application: the only place where concrete parts are joined, and the entry of the `zai` command."""

import logging
import socket
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import uvloop

from zai_gateway.accounts.directory import Directory
from zai_gateway.accounts.keyfile import key_material
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.cli import entry, welcome
from zai_gateway.cli.doors import Books, Composition, ServeOptions
from zai_gateway.clock import Clock, SystemClock
from zai_gateway.edge.door import Door
from zai_gateway.edge.listening import address_of, listen
from zai_gateway.edge.protocol import HeadLimits
from zai_gateway.edge.rooms import Rooms
from zai_gateway.edge.server import Serving, serve
from zai_gateway.ids import new_id
from zai_gateway.relay.demo.upstream import DemoUpstream
from zai_gateway.relay.network import NetworkUpstream
from zai_gateway.relay.pipeline import Relay
from zai_gateway.relay.switchboard import Switchboard
from zai_gateway.settings import Environment, Limits
from zai_gateway.spend.spending import Spending
from zai_gateway.spend.worker import Worker
from zai_gateway.storage.store import Store

_STORE_THREADS = 4


class House:
    """A data directory that is open: its store, its vault and the services on them."""

    def __init__(self, data: Path, environment: Environment, clock: Clock) -> None:
        self.data = data
        self.store = Store.open(data)
        try:
            self.vault = _vault(data, environment)
            self.vault.check(self.store.accounts)
            self.accounts = Accounts(self.store.accounts, self.vault, clock)
            self.first_key: IssuedKey | None = self.accounts.first_start()
        except BaseException:
            self.store.close()
            raise


class Gateway:
    """What serves requests, on one open house. Belongs to one event loop."""

    def __init__(self, house: House, clock: Clock, limits: Limits) -> None:
        catalogue = Catalogue.load()
        self._house = house
        self._clock = clock
        self._threads = ThreadPoolExecutor(_STORE_THREADS, "store")
        self._worker = Worker(new_id("wrk", clock.now_ms()), house.data / "workers")
        self._network = NetworkUpstream()
        self._spending = Spending(house.store.spend, clock, self._threads, self._worker.id)
        self._directory = Directory(house.store.accounts, clock, self._threads)
        upstream = Switchboard(self._network, DemoUpstream(clock))
        relay = Relay(catalogue, self._spending, house.vault, upstream, clock)
        rooms = Rooms(self._directory, relay, self._spending, catalogue)
        self.door = Door(rooms, clock, limits.body_bytes)

    async def start(self) -> None:
        """Adopts what dead workers left, and loads the callers. Raises StoreUnavailable."""
        self._worker.open(self._house.store.spend, self._clock.now_ms())
        await self._directory.start()

    async def stop(self) -> None:
        """Settles what is under way, and lets go of everything but the house. Raises StoreUnavailable."""
        await self._spending.drain()
        await self._directory.stop()
        await self._network.close()
        self._threads.shutdown()
        self._worker.close(self._house.store.spend)


@contextmanager
def opened(data: Path, environment: Environment, clock: Clock) -> Generator[House]:
    """The data directory `data`, made ready where it is new. Raises OperatorError or StoreUnavailable."""
    house = House(data, environment, clock)
    try:
        yield house
    finally:
        house.store.close()


def main() -> int:
    """The `zai` command."""
    environment, clock = Environment(), SystemClock()

    @contextmanager
    def open_books(data: Path) -> Generator[Books]:
        with opened(data, environment, clock) as house:
            if house.first_key is not None:
                kept = welcome.keep_first_key(house.first_key.secret, data)
                print(f"{data} is new; a key for the demo models is in {kept}", file=sys.stderr)
            yield Books(accounts=house.accounts, spend=house.store.spend, reports=house.store.reports)

    return entry.build(
        Composition(
            default_data=environment.data,
            base_url=environment.base_url,
            api_key=environment.api_key,
            secret=environment.secret,
            open_books=open_books,
            serve=lambda options: _serve(options, environment, clock),
            clock=clock,
        )
    )(None)


def _serve(options: ServeOptions, environment: Environment, clock: Clock) -> int:
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it announces each of its plugins
    with listen(options.host, options.port) as listener, opened(options.data, environment, clock) as house:
        said = _welcome(house, address_of(listener), options.json)
        uvloop.run(_run(house, clock, listener, lambda: print(said, flush=True)))
    return 0


async def _run(house: House, clock: Clock, listener: socket.socket, on_listening: Callable[[], None]) -> None:
    limits = Limits()
    serving = Serving(head=HeadLimits(total_bytes=limits.head_bytes), drain_seconds=limits.drain_seconds)
    gateway = Gateway(house, clock, limits)
    await gateway.start()
    try:
        await serve(gateway.door, listener, clock, serving, on_listening)
    finally:
        await gateway.stop()


def _welcome(house: House, address: tuple[str, int], as_json: bool) -> str:
    host, port = address
    secret = house.first_key.secret if house.first_key else None
    kept = None
    if secret is not None and not sys.stdout.isatty():
        kept, secret = welcome.keep_first_key(secret, house.data), None
    arrival = welcome.Arrival(
        base_url=f"http://{host}:{port}/v1", data=house.data, first_key=secret, kept=kept
    )
    return welcome.document(arrival) if as_json else welcome.words(arrival)


def _vault(data: Path, environment: Environment) -> Vault:
    material = environment.encryption_key()
    return Vault(material) if material else Vault(key_material(data / "vault.key"), "vault.key")
