"""The project's own files, as the house rules read them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "zai_gateway"


def project_files() -> Iterator[Path]:
    """Every file that is in the project or would be with the next commit; none that git ignores."""
    # A clone that belongs to another user is still the project.
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file():
            yield path


def text_files() -> Iterator[tuple[str, str]]:
    """The name and the text of every project file that is text."""
    for path in project_files():
        data = path.read_bytes()
        if b"\0" not in data[:8_000]:
            yield str(path.relative_to(ROOT)), data.decode(errors="replace")


def modules(folder: Path = SOURCE) -> Iterator[tuple[str, str]]:
    """The name and the source of every Python module under `folder`, but in hidden folders."""
    for path in sorted(folder.rglob("*.py")):
        # There lies what is not ours: bench/.peers holds other gateways.
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
