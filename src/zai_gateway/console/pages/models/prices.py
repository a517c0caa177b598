"""The prices that a workspace sets for itself."""

from starlette.responses import Response

from zai_gateway.accounts.sights import sight
from zai_gateway.console.pages.models.every import counts
from zai_gateway.console.pages.models.offering import Offering
from zai_gateway.console.visit import Visit


def prices(visit: Visit) -> Response:
    """The table."""
    offering = Offering(visit)
    own = sorted(
        visit.services.accounts.prices.list(visit.actor, visit.workspace), key=lambda each: each.model
    )
    return visit.render(
        "models/prices.html",
        prices=[(each, sight(each)) for each in own],
        counts=counts(offering),
    )
