"""Usage of a site: what a test books of its keys, as the gateway books it."""

from collections.abc import Sequence
from contextlib import closing
from itertools import count

from tests.e2e.console.site import Site
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.spend_books import UnconfirmedAttempt
from zai_gateway.clock import SystemClock
from zai_gateway.spend.budgets import window_id
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.entries import add_entries
from zai_gateway.storage.leases import CLOSED, Changes, write_changes
from zai_gateway.storage.windows import make_named
from zai_gateway.wire.usage import Usage

MODEL = "openai/gpt-5.5"
_NUMBERS = count(1)


def answered(cost: int, tokens: int = 1_000) -> Outcome:
    """An answer that cost so many nano-USD."""
    return Outcome(
        cost=cost,
        status=200,
        usage=Usage(input=tokens, cache_read=tokens // 4, output=tokens // 10),
        first_token_ms=200,
        total_ms=1_500,
    )


def failed() -> Outcome:
    """A refusal of the provider."""
    return Outcome(cost=0, status=529, failure="upstream_failed", total_ms=90)


def cut_off(cost: int, risk: int) -> Outcome:
    """An answer of which so many nano-USD are unconfirmed."""
    return Outcome(
        cost=cost,
        risk=risk,
        estimate=risk // 2,
        certainty=Certainty.ESTIMATED,
        flags=(Flag.INTERRUPTED,),
        usage=Usage(input=10, output=10),
        status=200,
        first_token_ms=100,
        total_ms=700,
        provider_request_id="resp_of_the_provider",
    )


def booked(
    site: Site, key: ApiKey, outcomes: Sequence[Outcome], model: str = MODEL, ago_ms: int = 500
) -> list[str]:
    """Books them, a second apart, the last of them so long ago; gives the ids of their requests."""
    now = SystemClock().now_ms() - ago_ms
    entries = [
        _entry(key, outcome, model, now - 1_000 * place)
        for place, outcome in zip(reversed(range(len(outcomes))), outcomes, strict=True)
    ]
    changes = Changes()
    changes.book(entries)
    changes.grant({id: each.spent + each.risk for id, each in changes.by_window.items()})
    address = site.operator.environment.get("ZAI_DATABASE")
    books = open_database(site.operator.data, 60.0, address=address)
    with closing(books) as database, database.write() as connection:
        make_named(connection, changes.by_window)
        write_changes(connection, {CLOSED: changes})
        add_entries(connection, entries)
    return [entry.attempt.request for entry in entries]


def unconfirmed(site: Site) -> tuple[UnconfirmedAttempt, ...]:
    """All that is unconfirmed in the site's workspace."""
    with site.accounts() as accounts:
        return accounts.spend.unconfirmed(operator(), site.workspace.id)


def _entry(key: ApiKey, outcome: Outcome, model: str, at_ms: int) -> Entry:
    return Entry(
        attempt=Attempt(
            request=f"req_{next(_NUMBERS):026d}",
            number=1,
            workspace=key.workspace,
            key=key.id,
            member=key.member,
            tags=(),
            provider=model.partition("/")[0],
            provider_key=None,
            requested_model=model,
            answering_model=model,
            price_version=None,
            streamed=True,
            started_ms=at_ms - outcome.total_ms,
        ),
        seq=0,
        outcome=outcome,
        windows=(window_id(key.budget, 0),),
        worker=CLOSED,
        at_ms=at_ms,
    )
