"""The usage of a workspace: who may read how much of it."""

from collections.abc import Sequence

import pytest
from msgspec import Struct

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import LAST_MS, KeyChanges
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.wire.usage import Usage


class Row(Struct, frozen=True):
    key: str
    model: str = "openai/m"
    requests: int = 1
    usage: Usage = Usage(input=1, output=1)
    cost: int = 1
    risk: int = 0


class Books:
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
