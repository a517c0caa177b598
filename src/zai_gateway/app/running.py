"""The run of `zai serve`: one process that serves, or a parent that keeps several of them at work."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop
from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.app.exposure import Exposure
from zai_gateway.app.gateway import Gateway
from zai_gateway.app.house import House, opened
from zai_gateway.app.memory import settle_memory
from zai_gateway.app.provider_environment import take_from_environment
from zai_gateway.app.workforce import Post, Workforce, obey
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.cli import welcome
from zai_gateway.cli.doors import ServeOptions
from zai_gateway.clock import Clock
from zai_gateway.edge.listening import Listener, address_of, connections_possible, listen
from zai_gateway.edge.patience import Patience
from zai_gateway.edge.refusals import HeadLimits
from zai_gateway.edge.server import Server, Serving, serve
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.settings import Environment, Limits


class Plan(Struct, frozen=True, kw_only=True):
    """What every process that serves is given."""

    data: Path
    environment: Environment
    clock: Clock
    limits: Limits
    exposure: Exposure
    catalogue: Catalogue
    network: Callable[[], NetworkUpstream] | None
    """The way to providers; None: the network as the environment has it."""


def run(
    options: ServeOptions,
    environment: Environment,
    clock: Clock,
    limits: Limits | None = None,
    network: Callable[[], NetworkUpstream] | None = None,
) -> int:
    """Serves until it is told to stop; gives the exit code. Raises OperatorError or StoreUnavailable.

    What the environment says of a limit overrules `limits`. `network` is called in each process that serves.
    """
    _log_as("", options.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it announces each of its plugins
    environment = environment.overruled_by(_given(options))
    exposure = Exposure.of(environment)
    limits = replace(
        limits or Limits(), assume_after=environment.assume_after, journal_synced=environment.journal_sync
    )
    number = options.workers or _processors()
    # The port first: where it is taken, nothing else is touched.
    with listen(options.host, options.port) as listener:
        plan = Plan(
            data=options.data,
            environment=environment,
            clock=clock,
            limits=limits,
            exposure=exposure,
            catalogue=Catalogue.load(),
            network=network,
        )
        with opened(plan.data, environment, clock, limits.store_seconds) as house:
            if options.provider_env:
                take_from_environment(house.accounts, environment.secret)
            said = _welcome(house, address_of(listener), environment.public_url, options.json)
            if number == 1:
                uvloop.run(_serve(house, plan, listener, lambda: print(said, flush=True)))
                return 0
        # The house is closed: no connection may be open where processes are forked.
        return _run_workers(number, plan, options.log_level, listener, said)


def _run_workers(number: int, plan: Plan, log_level: str, listener: Listener, said: str) -> int:
    def work(post: Post) -> int:
        _log_as(f" worker {post.index + 1}", log_level)
        mine = plan if post.index == 0 else _without_chores(plan)
        with opened(plan.data, plan.environment, plan.clock, plan.limits.store_seconds) as house:
            uvloop.run(_serve_at(post, house, mine, listener))
        return 0

    # Else a collector's walk would make each worker a copy of what all of them can share.
    settle_memory()
    # Where the parent held on to it, clients would come in while the workers end, and wait for nobody.
    force = Workforce(number, work, on_stopping=listener.close)
    return force.run(on_ready=lambda: print(said, flush=True))


def _without_chores(plan: Plan) -> Plan:
    """For all but the first worker: what one of them does is enough."""
    return replace(
        plan,
        limits=replace(plan.limits, assume_after=None, rollup_seconds=None),
        exposure=replace(plan.exposure, provider_lists=False),
    )


def _given(options: ServeOptions) -> dict[str, str | None]:
    private = options.allow_private_addresses
    return {
        "ZAI_DATABASE": options.database,
        "ZAI_PUBLIC_URL": options.public_url,
        "ZAI_TRUSTED_PROXIES": options.trusted_proxies,
        "ZAI_ALLOW_PRIVATE_ADDRESSES": None if private is None else "yes" if private else "no",
    }


def _processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _log_as(who: str, level: str) -> None:
    """Every line says `who` wrote it, where several do."""
    form = f"%(asctime)s %(levelname)s{who} %(name)s: %(message)s"
    logging.basicConfig(level=level.upper(), format=form, force=True)


async def _serve(house: House, plan: Plan, listener: Listener, on_listening: Callable[[], None]) -> None:
    gateway = _gateway(house, plan)
    await gateway.start()
    settle_memory()
    try:
        await serve(gateway.door, listener, plan.clock, _serving(plan), on_listening)
    finally:
        await gateway.stop()


async def _serve_at(post: Post, house: House, plan: Plan, listener: Listener) -> None:
    """The same under a parent, whose word counts from the first moment to the last."""
    gateway = _gateway(house, plan)
    server = Server(gateway.door, plan.clock, _serving(plan))
    obey(post, end=server.stop, hurry=server.stop)
    await gateway.start()
    settle_memory()
    try:
        await server.run(listener, post.ready)
    finally:
        await gateway.stop()


def _gateway(house: House, plan: Plan) -> Gateway:
    network = None if plan.network is None else plan.network()
    return Gateway(house, plan.clock, plan.limits, plan.exposure, network, plan.catalogue)


def _serving(plan: Plan) -> Serving:
    limits = plan.limits
    return Serving(
        head=HeadLimits(total_bytes=limits.head_bytes),
        patience=Patience(
            head_seconds=limits.head_seconds,
            body_seconds=limits.body_seconds,
            answer_seconds=limits.answer_seconds,
            idle_seconds=limits.idle_seconds,
        ),
        connections=connections_possible(limits.connections),
        requests=limits.connection_requests,
        drain_delay_seconds=plan.exposure.drain_delay,
        drain_seconds=limits.drain_seconds,
    )


def _welcome(house: House, address: tuple[str, int], public_url: str, as_json: bool) -> str:
    here = welcome.base_url(*address)
    secret = house.first_key.secret if house.first_key else None
    kept = None
    if secret is not None and not sys.stdout.isatty():
        kept, secret = welcome.keep_first_key(secret, house.data), None
    link, kept_link = _setup_link(house, welcome.console_url(public_url, here.removesuffix("/v1")))
    arrival = welcome.Arrival(
        base_url=here,
        public_urls=welcome.public_urls(public_url),
        data=house.data,
        first_key=secret,
        kept=kept,
        setup_link=link,
        kept_setup_link=kept_link,
    )
    return welcome.document(arrival) if as_json else welcome.words(arrival)


def _setup_link(house: House, console: str) -> tuple[str | None, Path | None]:
    """A link for the first owner while there is none: itself for a terminal, else the file that has it."""
    issued = house.accounts.people.setup_link()
    if issued is None:
        welcome.forget_setup_link(house.data)
        return None, None
    link = f"{console}{issued.path}"
    return (link, None) if sys.stdout.isatty() else (None, welcome.keep_setup_link(link, house.data))
