"""The usage of a workspace: who may read how much of it."""

from collections.abc import Callable, Sequence

import pytest
from msgspec import Struct

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, NothingSpent, People
from zai_gateway.accounts.actor import Actor, Role
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import LAST_MS, KeyChanges
from zai_gateway.accounts.usage import LONGEST_MS, MOST_IDS, MOST_LINES, Usage
from zai_gateway.accounts.usage_books import (
    DAY_MS,
    Dimension,
    LatencySlice,
    LedgerLine,
    Pending,
    Slice,
    Span,
    Standing,
    UsageQuery,
)
from zai_gateway.accounts.usage_books import Row as Summed
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.wire.usage import Usage as Tokens


class Row(Struct, frozen=True):
    key: str
    model: str = "openai/m"
    requests: int = 1
    usage: Tokens = Tokens(input=1, output=1)
    cost: int = 1
    risk: int = 0


class Books(NothingSpent):
    """Books of one workspace in which every key of it spent something."""

    def __init__(self, workspace: str, keys: Sequence[str]) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self._workspace = workspace
        self._rows = [Row(key) for key in keys]

    def usage(self, workspace: str, since_ms: int, until_ms: int) -> Sequence[Row]:
        self.asked.append((workspace, since_ms, until_ms))
        return self._rows if workspace == self._workspace else ()


def test_a_member_reads_what_its_own_keys_did_and_others_all(
    team: People, sqlite: AccountStore, clock: HeldClock
) -> None:
    who = {role: team.person(role.value, role) for role in Role}
    me = who[Role.MEMBER]
    mine = team.issue("mine", KeyChanges(member=me.id)).key.id
    ended = team.accounts.api_keys.revoke(
        OPERATOR, team.workspace, team.issue("ended", KeyChanges(member=me.id)).key.id
    ).id
    theirs = team.issue("theirs", KeyChanges(member=who[Role.OWNER].id)).key.id
    nobodys = team.issue("nobody's").key.id
    # A key that the accounts do not know stays in the books.
    every = (mine, ended, theirs, nobodys, "key_gone")
    books = Books(team.workspace, every)
    usage = Accounts(sqlite, books, team.vault, clock).usage
    for role in Role:
        seen = {row.key for row in usage.read(who[role], team.workspace, 3, 5)}
        assert seen == ({mine, ended} if role is Role.MEMBER else set(every))
    assert set(books.asked) == {(team.workspace, 3, 5)}


def test_another_workspace_is_not_read_at_all(team: People, sqlite: AccountStore, clock: HeldClock) -> None:
    other = team.accounts.workspaces.create(OPERATOR, "Other").id
    stranger = team.person("stranger", Role.OWNER, other)
    books = Books(team.workspace, ("key_1",))
    with pytest.raises(Failure) as refused:
        Accounts(sqlite, books, team.vault, clock).usage.read(stranger, team.workspace, 0, 1)
    assert (refused.value.code, books.asked) == (Code.NOT_FOUND, [])


@pytest.mark.parametrize("span", [(-1, 1), (0, -1), (0, LAST_MS + 1), (2**70, 2**71)])
def test_moments_that_no_column_holds_are_refused(team: People, span: tuple[int, int]) -> None:
    with pytest.raises(OperatorError, match=r"^since, until: "):
        team.accounts.usage.read(OPERATOR, team.workspace, *span)
    assert team.accounts.usage.read(OPERATOR, team.workspace, LAST_MS, 0) == ()


A_DAY = UsageQuery(since_ms=0, until_ms=DAY_MS)


class Asked(NothingSpent):
    """Books that keep what they were asked, and know where some budgets stand."""

    def __init__(self, standings: Sequence[Standing] = ()) -> None:
        self.keys: list[Sequence[str] | None] = []
        self._standings = tuple(standings)

    def totals(self, workspace: str, query: UsageQuery) -> Summed:
        self.keys.append(query.keys)
        return super().totals(workspace, query)

    def breakdown(self, workspace: str, query: UsageQuery, by: Dimension) -> tuple[Summed, ...]:
        self.keys.append(query.keys)
        return super().breakdown(workspace, query, by)

    def timeline(
        self, workspace: str, query: UsageQuery, *, by: Dimension | None, span: Span, most: int
    ) -> tuple[Slice, ...]:
        self.keys.append(query.keys)
        return super().timeline(workspace, query, by=by, span=span, most=most)

    def latency(self, workspace: str, query: UsageQuery, *, span: Span) -> tuple[LatencySlice, ...]:
        self.keys.append(query.keys)
        return super().latency(workspace, query, span=span)

    def recent(
        self, workspace: str, query: UsageQuery, *, most: int, before: str | None
    ) -> tuple[LedgerLine, ...]:
        self.keys.append(query.keys)
        if before is not None:
            raise ValueError
        return super().recent(workspace, query, most=most, before=before)

    def standings(self, workspace: str, now_ms: int) -> tuple[Standing, ...]:
        self.keys.append(None)
        return self._standings

    def pending(self, workspace: str, keys: Sequence[str] | None) -> Pending:
        self.keys.append(keys)
        return super().pending(workspace, keys)


Call = Callable[[Usage, Actor, str, UsageQuery], object]
CALLS: dict[str, Call] = {
    "totals": lambda usage, who, place, query: usage.totals(who, place, query),
    "breakdown": lambda usage, who, place, query: usage.breakdown(who, place, query, Dimension.MODEL),
    "timeline": lambda usage, who, place, query: usage.timeline(who, place, query, by=None, span=Span.DAY),
    "latency": lambda usage, who, place, query: usage.latency(who, place, query, span=Span.DAY),
    "recent": lambda usage, who, place, query: usage.recent(who, place, query),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_reports_are_of_a_member_s_own_keys(
    team: People, sqlite: AccountStore, clock: HeldClock, call: Call
) -> None:
    me, owner = team.person("me", Role.MEMBER), team.person("owner", Role.OWNER)
    mine, other = (team.issue(name, KeyChanges(member=me.id)).key.id for name in ("one", "two"))
    theirs = team.issue("theirs", KeyChanges(member=owner.id)).key.id
    books = Asked()
    usage = Accounts(sqlite, books, team.vault, clock).usage
    chosen = UsageQuery(since_ms=0, until_ms=1, keys=(theirs, mine))
    for who, query in ((owner, A_DAY), (owner, chosen), (me, A_DAY), (me, chosen)):
        call(usage, who, team.workspace, query)
    assert books.keys == [None, (theirs, mine), tuple(sorted((mine, other))), (mine,)]
    elsewhere = team.accounts.workspaces.create(OPERATOR, "Other").id
    stranger = team.person("stranger", Role.OWNER, elsewhere)
    with pytest.raises(Failure) as refused:
        call(usage, stranger, team.workspace, A_DAY)
    assert (refused.value.code, len(books.keys)) == (Code.NOT_FOUND, 4)


def test_what_is_pending_and_where_budgets_stand_are_of_a_member_s_own(
    team: People, sqlite: AccountStore, clock: HeldClock
) -> None:
    me = team.person("me", Role.MEMBER)
    mine, theirs = team.issue("mine", KeyChanges(member=me.id)).key.id, team.issue("theirs").key.id

    def standing(budget: str, kind: BudgetOwner, owner: str) -> Standing:
        return Standing(
            budget=budget,
            owner_kind=kind,
            owner=owner,
            period=BudgetPeriod.TOTAL,
            limit=None,
            spent=1,
            risk=0,
            since_ms=0,
            resets_ms=None,
        )

    books = Asked(
        [
            standing("a", BudgetOwner.KEY, mine),
            standing("b", BudgetOwner.KEY, theirs),
            standing("c", BudgetOwner.MEMBER, me.id),
            standing("d", BudgetOwner.MEMBER, "mem_other"),
            standing("e", BudgetOwner.WORKSPACE, team.workspace),
        ]
    )
    usage = Accounts(sqlite, books, team.vault, clock).usage
    assert set(usage.standings(OPERATOR, team.workspace)) == {*"abcde"}
    assert set(usage.standings(me, team.workspace)) == {*"ac"}
    usage.pending(OPERATOR, team.workspace)
    usage.pending(me, team.workspace)
    assert books.keys[2:] == [None, [mine]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (UsageQuery(since_ms=-1, until_ms=1), "since, until"),
        (UsageQuery(since_ms=0, until_ms=LAST_MS + 1), "since, until"),
        (UsageQuery(since_ms=5, until_ms=5), "until"),
        (UsageQuery(since_ms=0, until_ms=LONGEST_MS + 1), "since, until"),
        (UsageQuery(since_ms=0, until_ms=1, model="m" * 501), "model"),
        (UsageQuery(since_ms=0, until_ms=1, provider="\0"), "provider"),
    ],
)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_impossible_queries_name_the_field(team: People, call: Call, query: UsageQuery, field: str) -> None:
    with pytest.raises(OperatorError, match=f"^{field}: "):
        call(team.accounts.usage, OPERATOR, team.workspace, query)


class Ledger(NothingSpent):
    """Reports of a ledger with so many lines."""

    def __init__(self, lines: int) -> None:
        self.lines = lines

    def recent(
        self, workspace: str, query: UsageQuery, *, most: int, before: str | None
    ) -> tuple[LedgerLine, ...]:
        known = 0 if before is None else int(before.split(":")[-1].removeprefix("req_"))
        return tuple(_line(number) for number in range(known + 1, min(known + most, self.lines) + 1))


@pytest.mark.parametrize("lines", [0, 1, MOST_LINES, MOST_LINES + 1, 3 * MOST_LINES])
def test_a_file_of_the_ledger_is_whole(
    team: People, sqlite: AccountStore, clock: HeldClock, lines: int
) -> None:
    usage = Accounts(sqlite, Ledger(lines), team.vault, clock).usage
    found = usage.all_recent(OPERATOR, team.workspace, A_DAY, most=3 * MOST_LINES)
    assert [each.request for each in found] == [f"req_{number}" for number in range(1, lines + 1)]


def test_a_file_that_cannot_be_whole_is_refused(team: People, sqlite: AccountStore, clock: HeldClock) -> None:
    usage = Accounts(sqlite, Ledger(MOST_LINES + 2), team.vault, clock).usage
    with pytest.raises(OperatorError, match="more than 501 requests"):
        list(usage.all_recent(OPERATOR, team.workspace, A_DAY, most=MOST_LINES + 1))


def _line(number: int) -> LedgerLine:
    return LedgerLine(
        request=f"req_{number}",
        attempt=1,
        seq=0,
        key="key_1",
        requested_model="m",
        answering_model="m",
        provider="p",
        streamed=False,
        status=200,
        failure=None,
        flags=(),
        certainty="exact",
        usage=None,
        cost=1,
        risk=0,
        first_token_ms=None,
        total_ms=1,
        at_ms=1,
    )


def test_hours_are_told_of_a_week_and_no_more_than_can_be_shown(team: People) -> None:
    usage, place = team.accounts.usage, team.workspace
    a_week = UsageQuery(since_ms=0, until_ms=7 * DAY_MS)
    longer = UsageQuery(since_ms=0, until_ms=7 * DAY_MS + 1)
    assert usage.timeline(OPERATOR, place, a_week, by=None, span=Span.HOUR) == ()
    for most in (0, MOST_IDS + 1):
        with pytest.raises(OperatorError, match=r"^most: "):
            usage.timeline(OPERATOR, place, a_week, by=Dimension.KEY, span=Span.DAY, most=most)
    for number in (0, MOST_LINES + 1):
        with pytest.raises(OperatorError, match=r"^most: "):
            usage.recent(OPERATOR, place, a_week, most=number)
    with pytest.raises(OperatorError, match=r"^span: "):
        usage.timeline(OPERATOR, place, longer, by=None, span=Span.HOUR)
    with pytest.raises(OperatorError, match=r"^span: "):
        usage.latency(OPERATOR, place, longer, span=Span.HOUR)
    for cursor in ("", "1:2:3", "a:1:0:req", "-1:1:0:req", f"{2**70}:1:0:req", "1:1:0:\0"):
        with pytest.raises(OperatorError, match=r"^before: "):
            usage.recent(OPERATOR, place, a_week, before=cursor)
