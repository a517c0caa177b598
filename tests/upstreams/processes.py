"""The OpenAI stub as a process of its own, for tests that are not asynchronous themselves."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@contextmanager
def openai_stub(*options: str) -> Generator[str]:
    """Runs the stub with these options; gives its base URL, which ends in `/v1`."""
    command = [sys.executable, "-m", "tests.upstreams.openai_stub", *options]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
