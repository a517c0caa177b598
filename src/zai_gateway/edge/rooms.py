"""The rooms behind the door, as far as the door knows them."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.listings import NO_LISTINGS, Listings
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.relay.quoting import Quote
from zai_gateway.relay.reply import Reply
from zai_gateway.spend.store import Standing
from zai_gateway.wire.fronts import Front


class Callers(Protocol):
    """Who calls: implemented by the accounts' directory."""

    @property
    def ready(self) -> bool:
        """Whether it knows the keys, so that requests can be served."""
        ...

    def known(self, token: str | None) -> Caller | None:
        """The caller whose API key `token` is; None where only the store can tell. Raises Failure."""
        ...

    async def caller(self, token: str | None) -> Caller:
        """The caller whose API key `token` is, whoever has to be asked. Raises Failure."""
        ...


class Answerer(Protocol):
    """What answers requests for models: implemented by the relay's pipeline.

    What writes into a reply raises Failure or StoreUnavailable while `reply.started` is False.
    """

    async def answer(
        self,
        caller: Caller,
        body: bytes,
        reply: Reply,
        front: Front = Front.OPENAI,
        beta: tuple[str, ...] = (),
    ) -> None:
        """Answers a chat request in the protocol of `front`; `beta` is what its `anthropic-beta` names."""
        ...

    async def count_tokens(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers how many tokens the input of an Anthropic client's request has."""
        ...

    async def embed(self, caller: Caller, body: bytes, reply: Reply) -> None:
        """Answers a request for embeddings."""
        ...

    async def quote(self, caller: Caller, body: bytes) -> Quote:
        """What would become of a chat request in OpenAI's form. Raises Failure or StoreUnavailable."""
        ...


class Standings(Protocol):
    """What was spent: implemented by spending."""

    async def standings(self, owner: str) -> tuple[Standing, ...]:
        """Where each budget of `owner` stands. Raises StoreUnavailable."""
        ...


class Rooms(Struct, frozen=True):
    """Everything that the door opens on."""

    callers: Callers
    answerer: Answerer
    standings: Standings
    shelf: Shelf
    listings: Callable[[], Listings] = lambda: NO_LISTINGS
    """The providers' own lists, as they are known now."""
