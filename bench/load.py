"""Load: the requests that are sent, the tools that send them, and what these tools say came of it."""

import json
from pathlib import Path
from shutil import which
from typing import Self

import msgspec
from msgspec import Struct

from bench.contender import Client, Target
from bench.processes import Unusable, run

HERE = Path(__file__).parent
_BUILD = HERE / ".build"
_MARK = "BENCH "
_COMPILE_SECONDS = 60.0
_GRACE_SECONDS = 60.0
"""For what a tool needs beside the seconds that it was told to take."""

_SYSTEM = "You are a helpful assistant that answers briefly and precisely about the weather anywhere."
_USER = "What is the weather like in Paris today? Please answer in one sentence and mention the wind."
_EARLIER = (
    'On the way home she said "take the umbrella", and nobody did.\n'
    "It was raining by the time the café closed, and the river stood higher than in March. "
)
_TURN_BYTES = 2_000


class Load(Struct, frozen=True, kw_only=True):
    """What is asked for, over and over."""

    stream: bool = False
    kilobytes: float = 0.3
    """Of a request's body: 0.3, a short question; else a conversation of about that size."""
    connections: int = 64
    top_p: bool = True
    """Beside the temperature, which is more than Claude takes."""


class Tools(Struct, frozen=True):
    """What a measurement needs beside the gateway."""

    mock: Path
    paced: Path
    wrk: Path
    nginx: Path

    @classmethod
    def ready(cls) -> Self:
        """Finds the programs, and builds those that are ours. Raises Unusable, which says what to install."""
        compiler = _found("cc", "gcc", "clang")
        wrk, nginx = _found("wrk"), _found("nginx")
        lacking = [
            package
            for package, program in (("gcc", compiler), ("wrk", wrk), ("nginx", nginx))
            if program is None
        ]
        if compiler is None or wrk is None or nginx is None:
            names = " ".join(lacking)
            raise Unusable(
                f"make bench needs a C compiler, wrk and nginx, and did not find {' and '.join(lacking)}: "
                f"install what is missing (Debian, Ubuntu: apt install {names})"
            )
        return cls(_built(compiler, "mock_upstream"), _built(compiler, "paced_load"), wrk, nginx)


class Answered(Struct, frozen=True):
    """What wrk's script says at its end (load.lua)."""

    requests: int
    microseconds: int
    bytes: int
    failed: int
    """Answers with another status than 2xx or 3xx."""
    broken: int
    """Connections that could not be made or broke, and answers that took longer than wrk waits."""
    p50: float
    """Microseconds."""
    p99: float


class Streamed(Struct, frozen=True):
    """What paced_load says at its end."""

    chunks: int
    microseconds: int
    whole: int
    broken: int
    trouble: str
    """Of the first stream that broke."""
    p50: float
    """Microseconds that a chunk was under way."""
    p99: float


def question(target: Target, load: Load) -> bytes:
    """The body of a request, which says the same in each client's protocol."""
    messages = [{"role": "system", "content": _SYSTEM}]
    wanted = load.kilobytes * 1_000 - 350
    while wanted > 0:
        role = "user" if len(messages) % 2 else "assistant"
        messages.append({"role": role, "content": _EARLIER * max(1, round(min(wanted, _TURN_BYTES) / 160))})
        wanted -= len(json.dumps(messages[-1])) + 2
    messages.append({"role": "user", "content": _USER})
    body: dict[str, object] = {"model": target.model, "messages": messages}
    if target.client is Client.ANTHROPIC:
        body |= {"system": messages.pop(0)["content"]}
    if load.stream:
        body["stream"] = True
    body |= {"temperature": 0.7, "max_tokens": 512}
    if load.top_p:
        body["top_p"] = 0.9
    return json.dumps(body, separators=(",", ":")).encode()


class Sent(Struct, frozen=True):
    """A load on its way to one target."""

    target: Target
    load: Load
    folder: Path
    """Where the body is kept: a tool is given a file's name, and no secret on its command line."""

    def variables(self) -> dict[str, str]:
        """What tells both tools what to send."""
        kind = "-stream" if self.load.stream else ""
        body = self.folder / f"body-{self.load.kilobytes:g}{kind}.json"
        body.write_bytes(question(self.target, self.load))
        return {
            "BENCH_HEADERS": self.target.lines,
            "BENCH_BODY": str(body),
            "BENCH_ENDING": self.target.client.ending,
        }


def full_load(wrk: Path, core: int, sent: Sent, seconds: float) -> Answered:
    """As many requests as are answered in so many seconds. Raises Unusable where one of them fails."""
    whole = max(1, round(seconds))
    command = (
        *(wrk, "-t1", f"-c{sent.load.connections}", f"-d{whole}s", "--timeout", "30s"),
        *("-s", HERE / "load.lua", f"http://127.0.0.1:{sent.target.port}{sent.target.client.path}"),
    )
    return answered(run(command, seconds=whole + _GRACE_SECONDS, environment=sent.variables(), core=core))


def answered(said: str) -> Answered:
    """What wrk printed. Raises Unusable where it is not what was asked for, or answers failed."""
    lines = [line.removeprefix(_MARK) for line in said.splitlines() if line.startswith(_MARK)]
    if len(lines) != 1:
        raise Unusable(f"wrk did not say what came of it: {said.strip()[-200:]}")
    found = msgspec.json.decode(lines[0], type=Answered)
    if found.failed or found.broken:
        raise Unusable(
            f"{found.failed} of {found.requests} answers were errors, and {found.broken} connections broke"
        )
    if not found.requests:
        raise Unusable("no request was answered")
    return found


def streamed(said: str) -> Streamed:
    """What paced_load printed at its end. Raises Unusable where a stream broke, or nothing arrived."""
    try:
        found = msgspec.json.decode(said, type=Streamed)
    except msgspec.MsgspecError:
        raise Unusable(f"paced_load did not say what came of it: {said.strip()[-200:]}") from None
    if found.broken:
        raise Unusable(f"{found.broken} streams broke, the first by: {found.trouble}")
    if not found.chunks:
        raise Unusable("no chunk arrived")
    return found


def _found(*names: str) -> Path | None:
    # nginx lies where only an administrator's PATH leads.
    for name in names:
        if program := which(name) or which(name, path="/usr/sbin:/usr/local/sbin"):
            return Path(program)
    return None


def _built(compiler: Path, name: str) -> Path:
    source, program = HERE / f"{name}.c", _BUILD / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        _BUILD.mkdir(exist_ok=True)
        run((compiler, "-O2", "-o", program, source), seconds=_COMPILE_SECONDS)
    return program
