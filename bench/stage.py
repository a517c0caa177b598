"""The stage of a row: a fresh upstream, and one contender in front of it that answers."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from msgspec import Struct

from bench.certificates import throw_away
from bench.contender import Contender, Prepared, Target, Upstream
from bench.control import Nginx
from bench.load import Load, Sent, Tools, question
from bench.processes import Cores, Launch, Server, Unusable, free_port

_START_SECONDS = 90.0
_LOOK_SECONDS = 0.002


class Pace(Struct, frozen=True, kw_only=True):
    """How the upstream streams."""

    chunks: int = 30
    milliseconds: int = 0
    """Between two chunks; 0 sends all at once."""


class Side(Struct, frozen=True):
    """A contender that answers, or the upstream itself."""

    server: Server | None
    """None of the upstream, whose use of its core nobody asks for."""
    target: Target
    folder: Path

    def sent(self, load: Load) -> Sent:
        """That load, on its way here."""
        return Sent(self.target, load, self.folder)

    def rss(self) -> float:
        """Resident memory in bytes; 0 of the upstream."""
        return self.server.rss() if self.server else 0.0

    def cpu(self) -> float:
        """Seconds of CPU used so far; 0 of the upstream."""
        return self.server.cpu() if self.server else 0.0

    def check(self) -> None:
        """Raises Unusable where it has ended."""
        if self.server:
            self.server.check()


class Bench:
    """One run of the benchmarks: where it runs, with what, and how long each measurement takes."""

    def __init__(self, tools: Tools, folder: Path, *, seconds: float, rounds: int) -> None:
        self.tools = tools
        self.cores = Cores.found()
        self.seconds = seconds
        self.rounds = rounds
        self.disturbed = 0.0
        """The largest share of the gateway's core that went to others while something was measured."""
        self._folder = folder
        self._made = 0

    def new_folder(self, name: str) -> Path:
        """An empty one, which the worker of an nginx that root started can read."""
        self._made += 1
        folder = self._folder / f"{self._made}-{name.replace(' ', '-')}"
        folder.mkdir(mode=0o755)
        return folder

    @contextmanager
    def upstream(self, pace: Pace, *, tls: bool = False) -> Generator[Upstream]:
        """The mock, on the core of the load; with TLS in front of it where asked for."""
        folder, port = self.new_folder("upstream"), free_port()
        settings = ("0", str(pace.milliseconds), str(pace.chunks))
        mock = Launch(command=(str(self.tools.mock), str(port), *settings), port=port, folder=folder)
        with self._running(mock) as plain:
            direct = Upstream(plain)
            if not tls:
                yield direct
                return
            certificate, key = throw_away(folder)
            front = Nginx(self.tools.nginx).terminator(direct, folder, certificate, key)
            with self._running(front) as port:
                yield Upstream(port, certificate)

    @contextmanager
    def standing(self, contender: Contender, upstream: Upstream) -> Generator[Side]:
        """The contender, on the gateway's core, once it has given a first whole answer of each kind."""
        prepared = contender.prepared(upstream, self.new_folder(contender.name))
        server = Server(prepared.launch, self.cores.gateway)
        try:
            first_answer(server, prepared)
            check_stream(prepared.target)
            yield Side(server, prepared.target, prepared.launch.folder)
        finally:
            server.stop()

    @contextmanager
    def _running(self, launch: Launch) -> Generator[int]:
        server = Server(launch, self.cores.load)
        try:
            _until(server, lambda: _listens(launch.port))
            yield launch.port
        finally:
            server.stop()


def first_answer(server: Server, prepared: Prepared) -> float:
    """Waits for a first whole answer; says how many seconds it took from now. Raises Unusable."""
    return _until(server, lambda: _answers(prepared.target))


def check_stream(target: Target) -> None:
    """Raises Unusable unless a streamed answer is whole."""
    status, body = ask(target, Load(stream=True))
    if status != 200 or target.client.ending.encode() not in body or body.count(b'"delta"') < 2:
        raise Unusable(f"a stream is not whole: {status} {body[-200:]!r}")


def ask(target: Target, load: Load) -> tuple[int, bytes]:
    """One request, and its whole answer. Raises OSError or HTTPException."""
    connection = HTTPConnection("127.0.0.1", target.port, timeout=_START_SECONDS)
    try:
        headers = {"Content-Type": "application/json", **dict(target.headers)}
        connection.request("POST", target.client.path, question(target, load), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _answers(target: Target) -> str | None:
    try:
        status, body = ask(target, Load())
    except (OSError, HTTPException) as trouble:
        return type(trouble).__name__
    return None if status == 200 and b'"assistant"' in body else f"{status} {body[:200]!r}"


def _listens(port: int) -> str | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
    try:
        connection.connect()
    except OSError as trouble:
        return type(trouble).__name__
    finally:
        connection.close()
    return None


def _until(server: Server, lacking: Callable[[], str | None]) -> float:
    """Waits until nothing is lacking; says how many seconds that took. Raises Unusable."""
    began = time.monotonic()
    while (lacks := lacking()) is not None:
        server.check()
        if time.monotonic() - began > _START_SECONDS:
            raise Unusable(f"no answer within {_START_SECONDS:g} s ({lacks})")
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - began
