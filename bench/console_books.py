"""Books for measuring the console: `python -m bench.console_books --data DIR` makes them in a directory.

By default 1,000 keys of 40 members, 30 models of 5 providers, and 1,000,000 ledger entries over 90 days.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from zai_gateway.accounts.actor import Role, operator
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.app.house import House, opened
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment
from zai_gateway.spend.budgets import window_id
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome
from zai_gateway.spend.reports import Rollup
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database
from zai_gateway.storage.entries import add_entries
from zai_gateway.storage.leases import CLOSED, Changes, write_changes
from zai_gateway.storage.rollup import SqlRollup
from zai_gateway.storage.windows import make_named
from zai_gateway.wire.usage import Usage

_DAY_MS = 86_400_000
_AT_ONCE = 20_000
_MODELS = tuple(
    f"{provider}/model-{number}"
    for number in range(6)
    for provider in ("openai", "anthropic", "gemini", "mistral", "groq")
)


class Scale(Struct, frozen=True, kw_only=True):
    """How large the books are."""

    keys: int = 1_000
    members: int = 40
    entries: int = 1_000_000
    days: int = 90


class Owner(Struct, frozen=True):
    """An API key, as entries name it."""

    key: str
    member: str | None
    window: str


def main() -> None:
    """Makes the books, and says how long that took."""
    parser = argparse.ArgumentParser(prog="python -m bench.console_books", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a data directory; it is made where missing")
    for name, default in zip(Scale.__struct_fields__, Scale.__struct_defaults__, strict=True):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--unrolled", action="store_true", help="leave the rollup to a gateway")
    asked = parser.parse_args()
    scale = Scale(keys=asked.keys, members=asked.members, entries=asked.entries, days=asked.days)
    began = time.monotonic()
    make_books(asked.data, scale)
    print(f"made in {time.monotonic() - began:.0f} s")
    if not asked.unrolled:
        began = time.monotonic()
        with closing(open_database(asked.data, address=Environment().database)) as database:
            # PostgreSQL ends what takes too long.
            most = _AT_ONCE // 10 if database.shared else _AT_ONCE
            steps = roll_up(SqlRollup(database, most), SystemClock().now_ms())
        print(f"rolled up in {time.monotonic() - began:.0f} s, {steps} steps")


def make_books(data: Path, scale: Scale) -> None:
    """Books in the directory `data`, of a workspace of their own, up to now."""
    environment = Environment()
    with opened(data, environment, SystemClock(), 60.0) as house:
        place, owners = _people(house, scale)
    now_ms = SystemClock().now_ms()
    chosen = random.Random(scale.entries)  # noqa: S311 -- the same books each time
    with closing(open_database(data, 60.0, address=environment.database)) as database:
        for first in range(0, scale.entries, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, scale.entries))
            _write(database, list(_entries(chosen, place, owners, numbers, scale, now_ms)))


def roll_up(rollup: Rollup, before_ms: int) -> int:
    """Adds all from before then up; says in how many steps."""
    rollup.fence(before_ms)
    steps = 1
    while rollup.step().more:
        steps += 1
    return steps


def _people(house: House, scale: Scale) -> tuple[str, tuple[Owner, ...]]:
    accounts, actor = house.accounts, operator()
    place = accounts.the_workspace().id
    members = [
        accounts.members.add(actor, place, f"Person {number}", f"p{number}@example.com", Role.MEMBER).id
        for number in range(scale.members)
    ]
    owners: list[Owner] = []
    for number in range(scale.keys):
        member = members[number % len(members)] if members and number % 3 else None
        wanted = KeyChanges(name=f"key {number:04d}", member=member, cap=(number % 5 + 1) * 10**14)
        key = accounts.api_keys.create(actor, place, wanted).key
        owners.append(Owner(key.id, key.member, window_id(key.budget, 0)))
    return place, tuple(owners)


def _entries(
    chosen: random.Random,
    place: str,
    owners: tuple[Owner, ...],
    numbers: range,
    scale: Scale,
    now_ms: int,
) -> Iterator[Entry]:
    began = now_ms - scale.days * _DAY_MS
    for number in numbers:
        owner = owners[chosen.randrange(len(owners))]
        model = _MODELS[chosen.randrange(len(_MODELS))]
        at_ms = began + (number * scale.days * _DAY_MS) // scale.entries
        whole = 200 + int(chosen.paretovariate(1.2) * 600)
        yield Entry(
            attempt=Attempt(
                request=f"req_{number:012d}{chosen.getrandbits(48):012x}",
                number=1,
                workspace=place,
                key=owner.key,
                member=owner.member,
                tags=(),
                provider=model.partition("/")[0],
                provider_key="pkey_bench",
                requested_model=model,
                answering_model=model,
                price_version="bench",
                streamed=number % 2 == 0,
                started_ms=at_ms - whole,
            ),
            seq=0,
            outcome=_outcome(chosen, number, whole),
            windows=(owner.window,),
            worker=CLOSED,
            at_ms=at_ms,
        )


def _outcome(chosen: random.Random, number: int, whole_ms: int) -> Outcome:
    if number % 50 == 0:
        return Outcome(cost=0, status=503, failure="upstream_error", total_ms=whole_ms)
    read, made = chosen.randrange(50, 8_000), chosen.randrange(1, 1_500)
    unsure = number % 400 == 1
    return Outcome(
        cost=read * 500 + made * 4_000,
        certainty=Certainty.ESTIMATED if unsure else Certainty.EXACT,
        flags=(Flag.INTERRUPTED,) if unsure else (),
        usage=Usage(input=read, cache_read=read // 3, output=made, reasoning=made // 4),
        status=200,
        first_token_ms=max(1, whole_ms // 5),
        total_ms=whole_ms,
    )


def _write(database: Database, entries: list[Entry]) -> None:
    changes = Changes()
    changes.book(entries)
    spent: Counter[str] = Counter({id: each.spent + each.risk for id, each in changes.by_window.items()})
    changes.grant(spent)
    with database.write() as connection:
        make_named(connection, changes.by_window)
        write_changes(connection, {CLOSED: changes})
        add_entries(connection, entries)


if __name__ == "__main__":
    main()
