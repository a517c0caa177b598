"""Hugging Face's router: a model by a named provider has that one's price, and by any the dearest."""

from datetime import date
from typing import Any

from genai_source import Genai
from merging import tariff
from msgspec import Struct
from offers import Offer, dearest
from vendor_table import HF_ROUTED

POLICIES = ("cheapest", "fastest", "preferred")
"""Suffixes that leave the choice to the router."""


class Routes(Struct):
    """The providers of one model."""

    id: str
    offers: dict[str, Offer] = {}


def routed(rows: dict[str, dict[str, Any]], version: str, on: date, source: str) -> None:
    """Adds to `rows` what the router passes on, and prices its models by who may serve them."""
    for routes in _all_routes(version, on).values():
        plain = rows.setdefault(f"huggingface/{routes.id}", {"provider": "huggingface", "id": routes.id})
        offers = list(routes.offers.values())
        if (listed := plain.get("price")) is not None:
            offers.append(Offer({part: listed["standard"][part] for part in ("input", "output")}))
        names = ", ".join(sorted(routes.offers))
        for suffix, offer in routes.offers.items():
            id = f"{routes.id}:{suffix}"
            price = {"source": f"{source} ({HF_ROUTED[suffix]})", "standard": tariff(offer)}
            rows[f"huggingface/{id}"] = {**plain, "id": id, "aliases": [], "price": price}
        origin = f"the dearest of {source} ({names})" + (f" and {listed['source']}" if listed else "")
        plain["price"] = {"source": origin, "standard": tariff(dearest(offers))}
    for row in list(rows.values()):
        if row["provider"] == "huggingface" and ":" not in row["id"]:
            row["aliases"] = [f"{row['id']}:{policy}" for policy in POLICIES]


def _all_routes(version: str, on: date) -> dict[str, Routes]:
    found: dict[str, Routes] = {}
    for suffix, name in HF_ROUTED.items():
        genai = Genai(version, (name,))
        for id, _ in genai.ids():
            offer = genai.offers(id, on).get("standard")
            if offer is not None and not offer.nothing:
                found.setdefault(id.lower(), Routes(id)).offers[suffix] = offer
    return found
