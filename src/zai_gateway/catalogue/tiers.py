"""Service tiers: which tariff of a price a tier's name means."""

from zai_gateway.catalogue.model import Price, Tariff

STANDARD = "standard"
FLEX = "flex"
PRIORITY = "priority"
BATCH = "batch"
"""What the same model costs in the provider's batch interface."""

OFFERED = (STANDARD, FLEX, PRIORITY, BATCH)
"""The tiers that a price which makes no difference between them is listed under."""

_OTHER_NAMES = {"default": STANDARD, "auto": STANDARD, "on_demand": STANDARD, "fast": PRIORITY}
"""OpenAI's `default` is the standard tier, and so is `auto` unless its project says otherwise; an answer to
`fast` calls it `priority` (API reference, `service_tier`). Groq calls the standard tier `on_demand`."""


def tariff(price: Price, tier: str | None) -> Tariff | None:
    """The tariff of `tier`, or of the standard tier where it is None; None where the price lacks it."""
    return price.tiers.get(_OTHER_NAMES.get(tier, tier) if tier else STANDARD)
