"""Cuts the downloads of the price sources to what the compiler reads: OpenAI's records, packed."""

import json
import lzma
import sys
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "sources"


def main(models_dev: str, litellm: str) -> None:
    """Writes `sources/` anew from whole downloads; `sources.toml` is brought up to date by hand."""
    everything: dict[str, dict[str, Any]] = json.loads(Path(litellm).read_text())
    _pack(
        "litellm.json.xz",
        {id: row for id, row in everything.items() if row.get("litellm_provider") == "openai"},
    )
    whole: dict[str, Any] = json.loads(Path(models_dev).read_text())
    # A provider's row may leave its limits to the base model of the same name.
    base = {
        name.removeprefix("openai/"): row
        for name, row in whole["base_models"].items()
        if name.startswith("openai/")
    }
    rows = whole["providers"]["openai"]["models"]
    _pack("models_dev.json.xz", {id: base.get(id, {}) | row for id, row in rows.items()})


def _pack(name: str, rows: dict[str, Any]) -> None:
    text = json.dumps(rows, indent=1, sort_keys=True)
    (SOURCES / name).write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main(*sys.argv[1:])
