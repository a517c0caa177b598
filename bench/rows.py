"""The rows that are measured under load: gateway and control in turn, a round of one, one of the other."""

import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from bench.contender import Contender, Target
from bench.figures import Figure, Rounds, Sample, Unit
from bench.load import Load, full_load, streamed
from bench.processes import Unusable, core_busy, pinned
from bench.stage import Bench, Pace, Side


class Pair(Struct, frozen=True):
    """What is compared."""

    subject: Contender
    control: Contender


def requests(bench: Bench, pair: Pair, row: str, load: Load, *, tls: bool = False) -> list[Figure]:
    """How many requests a second at full load, and what each costs."""
    with _sides(bench, pair, Pace(), tls=tls) as sides:
        for side in sides[1:]:
            under_load(bench, side, load)  # to warm up
        return in_turn(bench, row, sides[1:], lambda side: under_load(bench, side, load)).of_requests()


def answers(bench: Bench, pair: Pair, row: str) -> list[Figure]:
    """How much longer one request takes, while there is no other, than without anything between."""
    load = Load(connections=1)
    with _sides(bench, pair, Pace()) as sides:
        return in_turn(bench, row, sides, lambda side: under_load(bench, side, load)).of_answers()


def paced(bench: Bench, pair: Pair, row: str, streams: int, pace: Pace) -> list[Figure]:
    """What a chunk costs of many slow streams, and how much later it arrives; and the memory of a stream."""
    load = Load(stream=True, connections=streams)
    with _sides(bench, pair, pace) as sides:
        before = [side.rss() for side in sides[1:]]
        rounds = in_turn(bench, row, sides, lambda side: streaming(bench, side, load, pace))
    # Of the first round: what it leaves behind is there in the second from the start.
    grown = [
        (side[0].rss - idle) / streams / 1000
        for side, idle in zip((rounds.subject, rounds.control), before, strict=True)
    ]
    memory = Figure(
        row=row,
        what="memory per open stream",
        unit=Unit.MEMORY_EACH,
        subject=(grown[0],),
        control=(grown[1],),
    )
    return [*rounds.of_chunks(), memory]


@contextmanager
def _sides(bench: Bench, pair: Pair, pace: Pace, *, tls: bool = False) -> Generator[list[Side]]:
    """The upstream itself, then the subject and the control in front of it."""
    with ExitStack() as stage:
        upstream = stage.enter_context(bench.upstream(pace, tls=tls))
        direct = Side(None, Target(port=upstream.port), bench.new_folder("direct"))
        contenders = (pair.subject, pair.control)
        yield [direct, *(stage.enter_context(bench.standing(each, upstream)) for each in contenders)]


def in_turn(bench: Bench, row: str, sides: Sequence[Side], measured: Callable[[Side], Sample]) -> Rounds:
    """A B A B: what changes on the machine meanwhile changes for all."""
    samples = [measured(side) for _ in range(bench.rounds) for side in sides]
    *direct, subject, control = (tuple(samples[place :: len(sides)]) for place in range(len(sides)))
    return Rounds(row=row, subject=subject, control=control, direct=direct[0] if direct else ())


def under_load(bench: Bench, side: Side, load: Load) -> Sample:
    """One round at full load. Raises Unusable."""
    meter = _Meter(bench, side)
    found = full_load(bench.tools.wrk, bench.cores.load, side.sent(load), bench.seconds)
    cpu, others = meter.read()
    return Sample(
        count=found.requests,
        seconds=found.microseconds / 1_000_000,
        cpu=cpu,
        p50=found.p50,
        p99=found.p99,
        others=others,
    )


def streaming(bench: Bench, side: Side, load: Load, pace: Pace) -> Sample:
    """Reads the meter when all streams have begun and again at the end: what starting costs is left out."""
    spread = pace.chunks * pace.milliseconds
    numbers = (load.connections, pace.chunks, spread, bench.seconds)
    command = (bench.tools.paced, str(side.target.port), side.target.client.path, *map(str, numbers))
    with pinned(bench.cores.load):
        client = subprocess.Popen(  # noqa: S603 -- our own program
            command, env=side.sent(load).variables(), stdout=subprocess.PIPE, encoding="utf-8"
        )
    with client:
        assert client.stdout is not None
        try:
            client.stdout.readline()
            meter = _Meter(bench, side)
            said = client.stdout.readline()
            cpu, others = meter.read()
        finally:
            client.kill()
    found = streamed(said)
    return Sample(
        count=found.chunks,
        seconds=found.microseconds / 1_000_000,
        cpu=cpu,
        p50=found.p50,
        p99=found.p99,
        others=others,
        rss=meter.rss,
    )


class _Meter:
    """What a side uses of its core from now on, and what others do."""

    def __init__(self, bench: Bench, side: Side) -> None:
        self._bench = bench
        self._side = side
        self.rss = side.rss()
        self._began = time.monotonic()
        self._core = core_busy(bench.cores.gateway)
        self._cpu = side.cpu()

    def read(self) -> tuple[float, float]:
        """Seconds of CPU since, and the share of the core that went to others. Raises Unusable."""
        self._side.check()
        used = self._side.cpu() - self._cpu
        busy = core_busy(self._bench.cores.gateway) - self._core
        took = time.monotonic() - self._began
        if self._side.server is None or self._bench.cores.shared:
            return used, 0.0
        if used <= 0:
            raise Unusable("it used no CPU that could be measured: measure for longer")
        others = max(0.0, busy - used) / took
        self._bench.disturbed = max(self._bench.disturbed, others)
        return used, others
