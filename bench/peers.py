"""`make bench-peers`: the same load on other gateways, which their registries' own clients install."""

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from bench.contender import Contender, Prepared, Target, Upstream
from bench.control import Nginx
from bench.gateway import Gateway
from bench.load import HERE, Tools
from bench.processes import Launch, Unusable, end_in_order, free_port, run
from bench.programme import chosen, measured, programme
from bench.report import PAGE, Compared, Report, here, write_page
from bench.rows import Pair
from bench.stage import Bench

_PEERS = HERE / ".peers"
_INSTALL_SECONDS = 900.0
_ROWS = ("non-stream", "stream", "answer", "paced-50", "start")
_PORTKEY_NEEDS = {"@hono/node-server": "1.13.5"}
"""With what npm takes instead today, Portkey answers each stream with 500 (its issue 1389)."""
_SECRET = "sk-bench-peer"  # noqa: S105 -- opens nothing


class LiteLLM:
    """LiteLLM's proxy: one worker, its master key as the only key, no database, so no budgets."""

    def __init__(self) -> None:
        self._home = _PEERS / "litellm"
        if not (self._home / "bin" / "litellm").exists():
            run((sys.executable, "-m", "venv", "--clear", self._home), seconds=_INSTALL_SECONDS)
            install = ("-m", "pip", "install", "--quiet", "--only-binary", ":all:", "litellm[proxy]")
            run((self._home / "bin" / "python", *install), seconds=_INSTALL_SECONDS)
        version = "import importlib.metadata as m; print(m.version('litellm'))"
        said = run((self._home / "bin" / "python", "-c", version), seconds=_INSTALL_SECONDS)
        self.name = f"LiteLLM {said.strip()}"

    def prepared(self, upstream: Upstream, folder: Path) -> Prepared:
        """With one model, at `upstream`."""
        port, model = free_port(), "openai/gpt-5.4-mini"
        at = {"model": model, "api_base": upstream.base_url, "api_key": _SECRET}
        configuration = {
            "model_list": [{"model_name": model, "litellm_params": at}],
            "litellm_settings": {"telemetry": False},
            "general_settings": {"master_key": _SECRET},
        }
        # JSON is YAML too.
        (folder / "config.yaml").write_text(json.dumps(configuration), encoding="utf-8")
        command = (str(self._home / "bin" / "litellm"), "--config", str(folder / "config.yaml"))
        return Prepared(
            Launch(
                command=(*command, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"),
                port=port,
                folder=folder,
                # Else it fetches its prices from the network at each start.
                environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
            ),
            Target(port=port, headers=(("Authorization", f"Bearer {_SECRET}"),), model=model),
        )


class Portkey:
    """Portkey's gateway on Node: it keeps no keys, and is told with each request where the provider is."""

    def __init__(self) -> None:
        node, npm = which("node"), which("npm")
        if node is None or npm is None:
            raise Unusable("it needs Node.js with npm (Debian, Ubuntu: apt install nodejs npm)")
        self._node = node
        home = _PEERS / "portkey"
        package = home / "node_modules" / "@portkey-ai" / "gateway"
        if not package.exists():
            home.mkdir(parents=True, exist_ok=True)
            wanted = {"dependencies": {"@portkey-ai/gateway": "latest"}, "overrides": _PORTKEY_NEEDS}
            (home / "package.json").write_text(json.dumps({"private": True, **wanted}), encoding="utf-8")
            install = ("install", "--prefix", home, "--no-fund", "--no-audit", "--ignore-scripts")
            run((npm, *install), seconds=_INSTALL_SECONDS)
        self._server = package / "build" / "start-server.js"
        self.name = f"Portkey {json.loads((package / 'package.json').read_text())['version']}"

    def prepared(self, upstream: Upstream, folder: Path) -> Prepared:
        """For requests that name `upstream`."""
        port = free_port()
        return Prepared(
            Launch(
                command=(self._node, str(self._server), "--headless", f"--port={port}"),
                port=port,
                folder=folder,
                environment={"NODE_ENV": "production"},
            ),
            Target(
                port=port,
                headers=(
                    ("Authorization", f"Bearer {_SECRET}"),
                    ("x-portkey-provider", "openai"),
                    ("x-portkey-custom-host", upstream.base_url),
                ),
            ),
        )


PEERS: dict[str, Callable[[], Contender]] = {"litellm": LiteLLM, "portkey": Portkey}


class Asked(argparse.Namespace):
    """What the command line asks for."""

    peers: str
    only: str
    seconds: float
    rounds: int
    write: bool


def main() -> int:
    """The exit code: 1 where something came to nothing, 2 where nothing can be measured."""
    asked = _arguments().parse_args(namespace=Asked())
    say = partial(print, flush=True)
    end_in_order()
    try:
        tools = Tools.ready()
        rows = chosen(programme(say, idle=0, requests=0), asked.only.split(","))
        contenders, absent = _installed(asked.peers.split(","), say)
    except Unusable as trouble:
        say(trouble)
        return 2
    compared: list[Compared] = []
    with TemporaryDirectory(prefix="zai-bench-") as folder:
        Path(folder).chmod(0o755)
        bench = Bench(tools, Path(folder), seconds=asked.seconds, rounds=asked.rounds)
        circumstances = here(bench)
        for contender in contenders:
            pair = Pair(contender, Nginx(tools.nginx))
            compared += measured(bench, pair, rows, say)
    report = Report(
        circumstances=circumstances, compared=tuple(compared), absent=absent, disturbed=bench.disturbed
    )
    say(f"\n{report.words({})}\n\nKept in {report.kept()}")
    if asked.write:
        write_page("bench-peers", report.words({}, markdown=True))
        say(f"Written to {PAGE}")
    return 1 if absent or any(each.failed for each in compared) else 0


def _installed(names: list[str], say: Callable[[str], None]) -> tuple[list[Contender], dict[str, str]]:
    """Z-AI and each peer that could be installed; of the others the reasons. Raises Unusable."""
    if unknown := set(names) - set(PEERS):
        raise Unusable(f"no peer is called {', '.join(sorted(unknown))}: there are {', '.join(PEERS)}")
    contenders: list[Contender] = [Gateway()]
    absent: dict[str, str] = {}
    for name in names:
        say(f"installing {name} ...")
        try:
            contenders.append(PEERS[name]())
        except (Unusable, OSError) as trouble:
            absent[name] = str(trouble)
            say(f"  cannot be installed: {trouble}")
    return contenders, absent


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    add = arguments.add_argument
    add("--peers", default=",".join(PEERS), help="which, with commas between")
    add("--only", default=",".join(_ROWS), metavar="ROWS", help="these rows, with commas between")
    add("--seconds", type=float, default=10.0, help="of each round (10: some take seconds to answer)")
    add("--rounds", type=int, default=2, help="of each side in each row (2)")
    add("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
