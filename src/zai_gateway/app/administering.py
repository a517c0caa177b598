"""Administering through the door: the console and the control plane, and the services they are given."""

from functools import partial

from anyio import to_thread

from zai_gateway.app.exposure import Exposure
from zai_gateway.app.following import ImportedPrices, Now, ReadLists
from zai_gateway.app.house import House
from zai_gateway.app.probing import probe
from zai_gateway.clock import SystemClock
from zai_gateway.console.application import console
from zai_gateway.edge.bridge import Application, Message, Receive, Send
from zai_gateway.edge.control import plane
from zai_gateway.edge.services import Services
from zai_gateway.relay.kept_lists import Listing


def administration(house: House, exposure: Exposure) -> Application:
    """The application behind the door's office."""
    shelf, lists = house.shelf(), ReadLists(house.store.listings)
    now = Now(ImportedPrices(house.store.accounts, shelf).lay, lists.look)

    def listing(provider_key: str) -> Listing | None:
        return next(iter(house.store.listings.listings((provider_key,))), None)

    services = Services(
        accounts=house.accounts,
        shelf=shelf,
        listings=lambda: lists.listings,
        listing=listing,
        asks_lists=exposure.provider_lists,
        probe=partial(
            probe,
            private_for_all=exposure.private_addresses,
            proxies=exposure.way_out,
            trust=exposure.trust,
        ),
        clock=SystemClock(),
        public_url=exposure.public_url,
    )
    pages, calls = console(services), plane.control_plane(services)

    async def either(scope: Message, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if not path.startswith("/assets/"):
            await to_thread.run_sync(now.look)
        await (calls if plane.serves(path) else pages)(scope, receive, send)

    return either
