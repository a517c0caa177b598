"""People who sign in to one workspace, with hashes that cost little; all else as it is in use."""

from argon2 import PasswordHasher

from tests.unit.accounts.people import OPERATOR, People
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.identity import Origin, SignedIn
from zai_gateway.accounts.passwords import Passwords
from zai_gateway.accounts.people import People as SignedUp
from zai_gateway.accounts.store import AccountStore
from zai_gateway.clock import Clock

PASSWORD = "eight rivers run"
OTHER = "nine rivers ran by"
HERE = Origin(address="203.0.113.7", agent="Firefox on Linux")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def signing(store: AccountStore, clock: Clock, hasher: PasswordHasher = CHEAP) -> SignedUp:
    """The service of people who sign in, over this store."""
    return SignedUp(Desk(store, clock), Passwords(hasher))


class Crowd:
    """The people of a gateway, over the accounts of one workspace."""

    def __init__(self, team: People, store: AccountStore, clock: Clock) -> None:
        self.team = team
        self.accounts = team.accounts
        self.people = signing(store, clock)

    def first(self, email: str = "ana@example.com", password: str = PASSWORD) -> SignedIn:
        """Sets up the first owner."""
        link = self.people.setup_link()
        assert link is not None
        return self.people.set_up(
            link.token, email=email, name="Ana", password=password, workspace_name=None, origin=HERE
        )

    def joined(self, name: str, role: Role = Role.MEMBER, workspace: str | None = None) -> SignedIn:
        """Adds, invites and lets in somebody new."""
        place = workspace or self.team.workspace
        self.accounts.members.add(OPERATOR, place, name, f"{name}@example.com", role)
        token = self.people.invite(OPERATOR, place, name).token
        return self.people.accept_new(token, name=name, password=PASSWORD, origin=HERE)
