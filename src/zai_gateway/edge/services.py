"""What the console and the control plane are given: the services behind every door."""

from collections.abc import Callable

from msgspec import Struct

from zai_gateway.accounts.provider_keys import Probe
from zai_gateway.accounts.service import Accounts
from zai_gateway.catalogue.listings import Listings
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.clock import Clock
from zai_gateway.relay.kept_lists import Listing


class Services(Struct, frozen=True, kw_only=True):
    """All of them block but the clock, so that answers are made on threads."""

    accounts: Accounts
    shelf: Shelf
    listings: Callable[[], Listings]
    """The providers' own lists of models, as they are known now."""
    listing: Callable[[str], Listing | None]
    """What came of asking for the list of models with a provider key, by its id; None: nothing yet."""
    asks_lists: bool
    """Whether the gateway asks providers for their lists."""
    probe: Probe
    """Tries a provider key."""
    clock: Clock
    public_url: str | None = None
    """Where clients find the gateway, where its operator has said so."""
