"""Compiles the price sources and the hand-kept tables into the catalogue's one data file (`make prices`)."""

import argparse
import tomllib
from pathlib import Path
from typing import Any

import litellm_source
import models_dev_source
import msgspec
from genai_source import Genai
from kept_prices import apply_kept
from routed import routed
from tables import Tables
from vendor_models import Sources, VendorModels
from vendor_table import VENDORS, Vendor

from zai_gateway.catalogue.data_file import FORMAT, ModelRow, Variant, read

HERE = Path(__file__).parent
DATA_FILE = HERE.parent / "src/zai_gateway/catalogue/data/models.json"


class Compiler:
    """One compilation: reads everything, keeps what the sources disagree about."""

    def __init__(self) -> None:
        self._sources = tomllib.loads((HERE / "sources/sources.toml").read_text())
        self._litellm = litellm_source.read(HERE / "sources/litellm.json.xz")
        self._models_dev = models_dev_source.read(HERE / "sources/models_dev.json.xz")
        self._vendors = [VendorModels(vendor, self._of(vendor)) for vendor in VENDORS]
        self.left_out = {
            f"{models.vendor.name}/{id}": why
            for models in self._vendors
            for id, why in models.left_out.items()
        }
        self.disagreements: list[str] = []

    def data(self) -> bytes:
        """The data file: the same for the same sources, whenever and wherever it is compiled."""
        names = [f"{models.vendor.name}/{id}" for models in self._vendors for id in models.ids]
        chats = [f"{models.vendor.name}/{id}" for models in self._vendors for id in models.chats]
        tables = Tables(HERE / "facts", names, chats)
        rows = self._rows(tables)
        head = {
            "format": FORMAT,
            "date": max(source["date"] for source in self._sources.values()),
            "sources": {name: self._named(name) for name in self._sources},
            "variants": [
                Variant(provider=row.provider, suffix=row.suffix, unbounded=row.unbounded)
                for row in tables.variants
            ],
        }
        lines = b",\n".join(msgspec.json.encode(row) for row in rows)
        return msgspec.json.encode(head)[:-1] + b',"models":[\n' + lines + b"\n]}\n"

    def _rows(self, tables: Tables) -> list[ModelRow]:
        found: dict[str, dict[str, Any]] = {}
        for models in self._vendors:
            for id in models.ids:
                found[f"{models.vendor.name}/{id}"] = models.row(id, tables)
            self.disagreements += models.disagreements
        genai = self._sources["genai-prices"]
        routed(found, genai["version"], genai["date"], self._named("genai-prices"))
        apply_kept(found, tables)
        rows = [msgspec.convert(row, ModelRow) for _, row in sorted(found.items())]
        return [row for row in rows if row.price or row.context_window or row.unbounded]

    def _of(self, vendor: Vendor) -> Sources:
        genai = self._sources["genai-prices"]
        return Sources(
            litellm=litellm_source.of_vendor(self._litellm, vendor),
            models_dev=models_dev_source.of_vendor(self._models_dev, vendor),
            genai=Genai(genai["version"], vendor.genai),
            names={name: self._named(name) for name in self._sources},
            on=genai["date"],
        )

    def _named(self, name: str) -> str:
        return f"{name} {self._sources[name]['version']}"


def main() -> None:
    """Writes the data file; prints what was left out and what the sources disagree about."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=DATA_FILE, help="where the data file goes")
    output: Path = arguments.parse_args().output
    compiler = Compiler()
    data = compiler.data()
    read(data)
    output.write_bytes(data)
    for name, why in sorted(compiler.left_out.items()):
        print(f"left out: {name}: {why}")
    for disagreement in compiler.disagreements:
        print(f"disagreement (the first wins): {disagreement}")
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
