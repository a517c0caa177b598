"""The wheel: everything that the gateway needs is in it, and it runs from an empty directory."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from zai_gateway import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "zai_gateway"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built as `make wheel` does."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "flit_core.wheel", "--outdir", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel's content: the dependencies are those of this environment."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target"]
    subprocess.run([*command, target, wheel], check=True, capture_output=True)
    return target


@pytest.fixture
def away(installed: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has only the wheel, and an empty home."""
    # PYTHONPATH stands before the path to the sources that an editable install adds.
    return {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(installed)}


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    info = f"zai_gateway-{__version__}.dist-info/"
    package = {name for name in held if not name.startswith(info)}
    assert package == {
        str(path.relative_to(PACKAGE.parent))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for part in ("storage/migrations/env.py", "catalogue/data/models.json", "edge/openapi.json"):
        assert f"zai_gateway/{part}" in held
    assert any(name.startswith("zai_gateway/storage/migrations/versions/") for name in held)
    # Its prices come from sources that ask for their own licence to stand beside them.
    for licence in ("LICENSE", "prices/sources/LICENCES.txt"):
        assert f"{info}licenses/{licence}" in held


def test_it_runs_from_an_empty_directory(installed: Path, tmp_path: Path, away: dict[str, str]) -> None:
    where = "import zai_gateway; print(zai_gateway.__file__)"
    assert Path(_output([sys.executable, "-c", where], tmp_path, away)).is_relative_to(installed)

    zai = [sys.executable, str(installed / "bin" / "zai")]
    assert _output([*zai, "--version"], tmp_path, away) == f"zai {__version__}"
    made = json.loads(_output([*zai, "admin", "key", "create", "first", "--json"], tmp_path, away))
    assert made["key"].startswith("zk_live_")

    serve = [*zai, "serve", "--port", "0", "--json", "--log-level", "critical"]
    with subprocess.Popen(serve, cwd=tmp_path, env=away, stdout=subprocess.PIPE, text=True) as gateway:
        try:
            assert gateway.stdout is not None
            base_url = json.loads(gateway.stdout.readline())["base_url"]
            answer = _ask(base_url, made["key"])
            with urlopen(base_url.removesuffix("/v1") + "/openapi.json", timeout=60) as reference:
                assert "/v1/chat/completions" in json.load(reference)["paths"]
        finally:
            gateway.terminate()
    assert answer["model"] == "demo/echo"
    assert gateway.returncode == 0


def _output(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def _ask(base_url: str, key: str) -> dict[str, str]:
    body = {"model": "demo/echo", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = Request(f"{base_url}/chat/completions", json.dumps(body).encode(), headers)
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)
