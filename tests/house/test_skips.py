"""The rule on skips holds: an unreviewed one fails the run, whether one process runs it or several."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SUITE = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="not today")
def test_rests(): pass

@pytest.mark.xfail(reason="known")
def test_fails(): assert False
"""
MODULE = 'import pytest\npytest.skip("no such system", allow_module_level=True)\n'
SKIPS = [
    "test_module.py | no such system",
    "test_suite.py::test_fails | expected to fail: known",
    "test_suite.py::test_rests | not today",
]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_unreviewed_skip_fails_the_run_and_a_reviewed_one_does_not(tmp_path: Path, workers: str) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "test_module.py").write_text(MODULE)
    reviewed = tmp_path / "skips.txt"

    reviewed.write_text(f"# a comment\n{SKIPS[2]}\n")
    run = _run(tmp_path, workers)
    assert run.returncode == 1
    assert [skip for skip in SKIPS if skip in run.stdout] == SKIPS[:2]

    reviewed.write_text("\n".join(SKIPS))
    assert _run(tmp_path, workers).returncode == 0


def _run(folder: Path, workers: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "no:cacheprovider", "-n", workers, "."],
        cwd=folder,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
