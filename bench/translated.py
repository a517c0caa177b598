"""The row of translated streams: what they cost beside a passed one, through one and the same gateway."""

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from bench.contender import Client
from bench.figures import Figure
from bench.gateway import ANTHROPIC, GEMINI, OPENAI, Gateway, Vendor
from bench.load import Load
from bench.processes import Unusable
from bench.rows import Pair, in_turn, streaming, under_load
from bench.stage import Bench, Pace, Side, ask

PASSED = "OpenAI passed"
"""What all are compared with: OpenAI's stream on its way to an OpenAI client."""
_ANTHROPIC_HEADERS = (("anthropic-version", "2023-06-01"),)


class Way(Struct, frozen=True):
    """From a vendor to a client."""

    vendor: Vendor
    client: Client

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"{self.vendor.title} for {self.client.value} clients"

    def through(self, gateway: Side) -> Side:
        """The gateway, asked by this client for this vendor's model."""
        target = gateway.target
        headers = _ANTHROPIC_HEADERS if self.client is Client.ANTHROPIC else ()
        return replace(
            gateway,
            target=replace(
                target,
                headers=(*target.headers, *headers),
                model=f"{self.vendor.provider}/{self.vendor.model}",
                client=self.client,
            ),
        )


_PASSED = Way(OPENAI, Client.OPENAI)
WAYS = (
    Way(ANTHROPIC, Client.OPENAI),
    Way(GEMINI, Client.OPENAI),
    Way(OPENAI, Client.ANTHROPIC),
    Way(GEMINI, Client.ANTHROPIC),
    Way(ANTHROPIC, Client.ANTHROPIC),
)
"""The last one is passed as well: between it and OpenAI's stands what its client costs, not a translation."""


def streams(bench: Bench, pair: Pair, row: str, open_ones: int, pace: Pace) -> list[Figure]:
    """What a stream costs that comes at once, and a chunk of `open_ones` slow ones. Raises Unusable."""
    if not isinstance(pair.subject, Gateway):
        raise Unusable("only Z-AI is set up for it")
    gateway = pair.subject.at(OPENAI, ANTHROPIC, GEMINI)
    return [*_at_once(bench, gateway, row), *_paced(bench, gateway, row, open_ones, pace)]


def _at_once(bench: Bench, gateway: Gateway, row: str) -> list[Figure]:
    pace, load = Pace(), Load(stream=True, top_p=False)
    measured = partial(under_load, bench, load=load)
    figures: list[Figure] = []
    with bench.upstream(pace) as upstream, bench.standing(gateway, upstream) as side:
        passed, *others = (way.through(side) for way in (_PASSED, *WAYS))
        for each in (passed, *others):
            _check(each, load, pace)
            measured(each)  # to warm up
        for way, this in zip(WAYS, others, strict=True):
            rounds = in_turn(bench, row, (this, passed), measured)
            figures.append(rounds.of_streams(f"CPU per stream, {way.name}"))
    return figures


def _paced(bench: Bench, gateway: Gateway, row: str, open_ones: int, pace: Pace) -> list[Figure]:
    load = Load(stream=True, top_p=False, connections=open_ones)
    measured = partial(streaming, bench, load=load, pace=pace)
    figures: list[Figure] = []
    with bench.upstream(pace) as upstream, bench.standing(gateway, upstream) as side:
        for way in WAYS:
            rounds = in_turn(bench, row, (way.through(side), _PASSED.through(side)), measured)
            figures.append(rounds.of_streams(f"CPU per paced chunk, {way.name}"))
    return figures


def _check(side: Side, load: Load, pace: Pace) -> None:
    """Raises Unusable unless the client gets all that the mock says: only then do the streams compare."""
    target = side.target
    status, body = ask(target, load)
    if status != 200 or target.client.ending.encode() not in body or body.count(b" token") != pace.chunks:
        raise Unusable(f"{target.model} does not say what it should: {status} {body[-300:]!r}")
