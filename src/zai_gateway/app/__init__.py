"""The application: the only place where concrete parts are joined, and the entry of the `zai` command."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from zai_gateway.accounts.provider_keys import Probe
from zai_gateway.cli import entry, welcome
from zai_gateway.cli.doors import Books, Care, Composition, ServeOptions
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment


def main() -> int:
    """The `zai` command. What only a gateway or an operator needs is loaded when it is needed."""
    environment, clock = Environment(), SystemClock()

    @contextmanager
    def open_books(data: Path, database: str | None, *, key_lost: bool = False) -> Generator[Books]:
        from zai_gateway.app.house import opened  # noqa: PLC0415 -- a key's holder needs no database

        here = environment.overruled_by({"ZAI_DATABASE": database})
        with opened(data, here, clock, key_lost=key_lost) as house:
            if house.first_key is not None:
                kept = welcome.keep_first_key(house.first_key.secret, data)
                place = "The database" if house.store.shared else str(data)
                print(f"{place} is new; a key for the demo models is in {kept}", file=sys.stderr)
            yield Books(accounts=house.accounts, spend=house.store.spend)

    def care(data: Path, database: str | None) -> Care:
        from zai_gateway.app.caretaker import Caretaker  # noqa: PLC0415 -- as above

        return Caretaker(data, environment.overruled_by({"ZAI_DATABASE": database}), clock)

    def serve(options: ServeOptions) -> int:
        from zai_gateway.app.running import run  # noqa: PLC0415 -- no other command needs a server

        return run(options, environment, clock)

    def probe(private: bool | None) -> Probe:
        from zai_gateway.app import probing  # noqa: PLC0415 -- no other command calls a provider

        allowed = environment.allow_private_addresses if private is None else private
        return partial(
            probing.probe,
            private_for_all=allowed,
            proxies=environment.proxies,
            trust=probing.trust_of(environment),
        )

    return entry.build(
        Composition(
            default_data=environment.data,
            base_url=environment.base_url,
            public_url=environment.public_url,
            api_key=environment.api_key,
            secret=environment.secret,
            open_books=open_books,
            open_books_without_key=partial(open_books, key_lost=True),
            serve=serve,
            probe=probe,
            care=care,
            clock=clock,
        )
    )(None)
