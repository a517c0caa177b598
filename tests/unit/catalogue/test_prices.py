"""The committed data file is what `make prices` makes of the committed sources, byte for byte."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def _compile(into: Path) -> str:
    done = subprocess.run(
        [sys.executable, "prices/compile.py", "--output", str(into)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_the_data_file_is_compiled_from_the_sources(tmp_path: Path) -> None:
    said = _compile(tmp_path / "models.json")
    committed = ROOT / "src/zai_gateway/catalogue/data/models.json"
    assert (tmp_path / "models.json").read_bytes() == committed.read_bytes(), "run: make prices"
    assert "disagreement (the first wins): openai/gpt-4: maximum output: litellm" in said
    assert "left out: openai/o1-pro: mode responses" in said
