"""A believable site: a team with providers, keys in every state, and what they spent in thirty days."""

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing

from msgspec import Struct

from tests.e2e.console.site import Site
from zai_gateway.accounts.actor import Actor, Role, Scope, operator
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.provider_keys import NewProviderKey, Probe
from zai_gateway.accounts.records import ApiKey, BudgetOwner, BudgetPeriod, Health, ProviderKey, Target
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.clock import SystemClock
from zai_gateway.money import NANO_PER_USD
from zai_gateway.spend.budgets import window_id
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.entries import add_entries
from zai_gateway.storage.leases import CLOSED, Changes, write_changes
from zai_gateway.storage.windows import make_named
from zai_gateway.wire.usage import Usage

_DAY_MS = 86_400_000
_DAYS = 30
_REQUESTS_A_DAY = 260
_MODELS = (
    ("anthropic/claude-sonnet-5", 3_000, 10_000, 5),
    ("openai/gpt-5.4-mini", 750, 4_500, 4),
    ("openai/gpt-5.5", 5_000, 30_000, 2),
    ("gemini/gemini-3.5-flash", 1_000, 9_000, 2),
    ("ollama/qwen3-coder:30b", 0, 0, 1),
)
"""Names, nano-USD for a token in and out, and how often they are asked."""


class Spender(Struct, frozen=True):
    """A key that is used, and how much."""

    key: ApiKey
    weight: int
    spent: float | None = None
    """What part of its cap; None: it has none, or the one that it was issued with."""
    until_day: int = _DAYS


def fill(site: Site) -> None:
    """Puts all of it into the site's books, by the owner's hand."""
    owner, place = site.actor(Role.OWNER), site.workspace.id
    for role in (Role.ADMIN, Role.MEMBER, Role.VIEWER):
        site.token(role)
    with site.accounts() as accounts:
        accounts.workspaces.create(operator(), "Sandbox")
        _team(accounts, owner, place)
        _providers(accounts, owner, place)
        spenders = _keys(accounts, owner, place, site.actor(Role.MEMBER).id)
    spent = _spend(site, spenders)
    with site.accounts() as accounts:
        for each in spenders:
            if each.spent is not None:
                cap = _tenth(int(spent[window_id(each.key.budget, 0)] / each.spent))
                accounts.api_keys.update(owner, place, each.key.id, KeyChanges(cap=cap))


def _team(accounts: Accounts, owner: Actor, place: str) -> None:
    invited = accounts.members.add(owner, place, "Margaret", "margaret@example.com", Role.ADMIN)
    accounts.people.invite(owner, place, invited.id)
    accounts.members.add(owner, place, "Build server", "ci@example.com", Role.MEMBER)
    holder = Holder(BudgetOwner.WORKSPACE, place)
    accounts.budgets.set(owner, place, holder, BudgetPeriod.MONTHLY, 900 * NANO_PER_USD)
    accounts.management_keys.create(
        owner, place, "Terraform", (Scope.KEYS_READ, Scope.KEYS_WRITE), _in_days(60)
    )


def _providers(accounts: Accounts, owner: Actor, place: str) -> None:
    said = {
        "anthropic": Health(
            at_ms=_in_days(-0.02), ok=True, said="it takes the key", status=200, latency_ms=212
        ),
        "mistral": Health(
            at_ms=_in_days(-0.3), ok=False, said="401: Unauthorized", status=401, latency_ms=98
        ),
        "ollama": Health(at_ms=_in_days(-0.1), ok=True, said="it answers", status=200, latency_ms=4),
    }
    for name in ("anthropic", "gemini", "mistral", "ollama"):
        secret = "" if name == "ollama" else "sk-not-a-real-secret-0000"
        accounts.provider_keys.add(owner, place, NewProviderKey(provider=name, secret=secret))
    for name, health in said.items():
        accounts.provider_keys.test(owner, place, name, _saying(health))
    targets = (Target(model="anthropic/claude-sonnet-5"), Target(model="openai/gpt-5.5"))
    accounts.virtual_models.set(owner, place, "best", targets)


def _saying(health: Health) -> Probe:
    def probe(_key: ProviderKey, _secret: str) -> Health:
        return health

    return probe


def _keys(accounts: Accounts, owner: Actor, place: str, member: str) -> Sequence[Spender]:
    def key(name: str, **terms: object) -> ApiKey:
        wanted = KeyChanges(name=name, **terms)  # pyright: ignore[reportArgumentType] -- a test's own words
        return accounts.api_keys.create(owner, place, wanted).key

    assistant = key("Support assistant", cap=250 * NANO_PER_USD, tags=("production", "support"))
    editor = key("Katherine's editor", cap=60 * NANO_PER_USD, member=member, fallback="openai/gpt-5.4-mini")
    nightly = key("Nightly evaluation", allow=("openai/*", "gemini/*"), tags=("batch",))
    search = key("Search ranking", cap=400 * NANO_PER_USD, rpm=600)
    over = key("Workshop, spent", cap=12 * NANO_PER_USD)
    old = key("Prototype 2025", cap=20 * NANO_PER_USD, expires_ms=_in_days(400))
    key("Not used yet", cap=5 * NANO_PER_USD, expires_ms=_in_days(9))
    revoked = key("Leaked on a slide", cap=20 * NANO_PER_USD)
    accounts.api_keys.revoke(owner, place, revoked.id)
    accounts.api_keys.rotate(owner, place, search.id, 3 * _DAY_MS)
    holder = Holder(BudgetOwner.KEY, nightly.id)
    accounts.budgets.set(owner, place, holder, BudgetPeriod.MONTHLY, 120 * NANO_PER_USD)
    return (
        Spender(assistant, 9, 0.91),
        Spender(editor, 3, 0.42),
        Spender(nightly, 3),
        Spender(search, 6, 0.84),
        Spender(over, 1, 1.0, 20),
        Spender(old, 1, 0.6, 6),
    )


def _spend(site: Site, spenders: Sequence[Spender]) -> Counter[str]:
    """What was spent in each window."""
    chosen = random.Random(11)  # the same pictures each time
    entries = list(_entries(chosen, site, spenders, SystemClock().now_ms()))
    changes = Changes()
    changes.book(entries)
    spent: Counter[str] = Counter({id: each.spent + each.risk for id, each in changes.by_window.items()})
    changes.grant(spent)
    with closing(open_database(site.operator.data, 60.0)) as database, database.write() as connection:
        make_named(connection, changes.by_window)
        write_changes(connection, {CLOSED: changes})
        add_entries(connection, entries)
    return spent


def _tenth(nano: int) -> int:
    """Rounded up to tenths of a USD: as people set caps, and none is passed."""
    return -(-nano // (NANO_PER_USD // 10)) * (NANO_PER_USD // 10)


def _entries(chosen: random.Random, site: Site, spenders: Sequence[Spender], now_ms: int) -> Iterator[Entry]:
    number = 0
    for day in range(_DAYS):
        starts = now_ms - (_DAYS - day) * _DAY_MS
        busy = (1.0 if (day + 2) % 7 < 5 else 0.3) * (0.6 + day / _DAYS)
        for _ in range(int(_REQUESTS_A_DAY * busy)):
            number += 1
            hour = min(0.999, max(0.0, chosen.gauss(0.55, 0.16)))
            able = [each for each in spenders if day < each.until_day]
            spender = chosen.choices(able, [each.weight for each in able])[0]
            yield _entry(chosen, site, spender.key, number, int(starts + hour * _DAY_MS))


def _entry(chosen: random.Random, site: Site, key: ApiKey, number: int, at_ms: int) -> Entry:
    name, price_in, price_out, _ = chosen.choices(_MODELS, [model[3] for model in _MODELS])[0]
    whole = 300 + int(1_200 * math.exp(chosen.gauss(0.4, 0.7)))
    return Entry(
        attempt=Attempt(
            request=f"req_{number:026d}",
            number=1,
            workspace=site.workspace.id,
            key=key.id,
            member=key.member,
            tags=key.tags,
            provider=name.partition("/")[0],
            provider_key=None,
            requested_model=name,
            answering_model=name,
            price_version="believable",
            streamed=number % 3 > 0,
            started_ms=at_ms - whole,
        ),
        seq=0,
        outcome=_outcome(chosen, number, whole, price_in, price_out),
        windows=(window_id(key.budget, 0),),
        worker=CLOSED,
        at_ms=at_ms,
    )


def _outcome(chosen: random.Random, number: int, whole: int, price_in: int, price_out: int) -> Outcome:
    if number % 41 == 0:
        return Outcome(cost=0, status=529 if number % 2 else 429, failure="upstream_failed", total_ms=whole)
    read, made = int(math.exp(chosen.gauss(8.3, 0.9))), int(math.exp(chosen.gauss(6.0, 0.8)))
    cached = int(read * chosen.choice((0.0, 0.0, 0.5, 0.8)))
    cost = (read - cached) * price_in + cached * price_in // 10 + made * price_out
    unsure = number % 700 == 5
    return Outcome(
        cost=cost,
        risk=cost // 2 if unsure else 0,
        certainty=Certainty.ESTIMATED if unsure else Certainty.EXACT,
        flags=(Flag.INTERRUPTED,) if unsure else (),
        usage=Usage(input=read - cached, cache_read=cached, output=made, reasoning=made // 5),
        status=200,
        first_token_ms=max(60, whole // 4),
        total_ms=whole,
    )


def _in_days(days: float) -> int:
    return SystemClock().now_ms() + int(days * _DAY_MS)
