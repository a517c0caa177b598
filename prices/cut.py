"""Cuts the downloads of the price sources to what the compiler reads: the records of its vendors, packed."""

import json
import lzma
import sys
from pathlib import Path
from typing import Any

from vendor_table import VENDORS

SOURCES = Path(__file__).parent / "sources"


def main(models_dev: str, litellm: str) -> None:
    """Writes `sources/` anew from whole downloads; `sources.toml` is brought up to date by hand."""
    everything: dict[str, dict[str, Any]] = json.loads(Path(litellm).read_text())
    ours = {provider for vendor in VENDORS for provider in vendor.litellm}
    _pack(
        "litellm.json.xz",
        {name: row for name, row in everything.items() if row.get("litellm_provider") in ours},
    )
    whole: dict[str, Any] = json.loads(Path(models_dev).read_text())
    _pack(
        "models_dev.json.xz",
        {
            provider: _inherited(whole["providers"][provider]["models"], whole["base_models"], provider)
            for provider in sorted({provider for vendor in VENDORS for provider in vendor.models_dev})
        },
    )


def _inherited(rows: dict[str, Any], base: dict[str, Any], provider: str) -> dict[str, Any]:
    """A provider's row may leave facts to a base model: the one that it names, or that of its own name."""
    return {id: base.get(row.get("base_model") or f"{provider}/{id}", {}) | row for id, row in rows.items()}


def _pack(name: str, rows: dict[str, Any]) -> None:
    text = json.dumps(rows, indent=1, sort_keys=True)
    (SOURCES / name).write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main(*sys.argv[1:])
