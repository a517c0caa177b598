"""The pages of models: those that a workspace can call, its own prices, and its own names for them."""

from collections.abc import Sequence

from zai_gateway.console.needs import ACT, BOTH, READ, Needs, Page
from zai_gateway.console.pages.models import every, names, one, prices

PAGES: Sequence[Page] = (
    ("/w/{slug}/models", READ, Needs.WORKSPACE, every.models),
    ("/w/{slug}/models/suggestions", READ, Needs.WORKSPACE, every.suggestions),
    ("/w/{slug}/models/one", BOTH, Needs.WORKSPACE, one.model),
    ("/w/{slug}/models/one/remove", ACT, Needs.WORKSPACE, one.remove),
    ("/w/{slug}/models/prices", READ, Needs.WORKSPACE, prices.prices),
    ("/w/{slug}/models/names", READ, Needs.WORKSPACE, names.names),
    ("/w/{slug}/models/names/edit", BOTH, Needs.WORKSPACE, names.edit),
    ("/w/{slug}/models/names/remove", ACT, Needs.WORKSPACE, names.remove),
)
