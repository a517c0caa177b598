"""What the vendors' recorded traffic showed: numbers that the tests find, for docs/providers.md."""

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What became of a recorded exchange that was played through the gateway again."""

    ANSWER = "answer"
    STREAM = "stream"
    FAILURE = "failure"
    REFUSED_HERE = "refused here"
    """The gateway refuses the request by itself, as the vendor did."""


class Recorded(Struct, frozen=True, kw_only=True):
    """How many exchanges with a vendor were recorded, and which bills they state."""

    counts: dict[Kind, int]
    stated: int = 0
    """In how many answers it says what it billed."""
    explained: int = 0
    """How many of these bills the catalogue's price does not come to, and what they are due to is listed."""

    @property
    def recorded(self) -> int:
        return sum(self.counts.values())


def _of(
    answers: int, streams: int = 0, failures: int = 0, refused: int = 0, bills: tuple[int, int] = (0, 0)
) -> Recorded:
    return Recorded(
        stated=bills[0],
        explained=bills[1],
        counts={
            Kind.ANSWER: answers,
            Kind.STREAM: streams,
            Kind.FAILURE: failures,
            Kind.REFUSED_HERE: refused,
        },
    )


RECORDED: dict[str, Recorded] = {
    "openai": _of(109, streams=70, failures=14, refused=3),
    "azure": _of(19, streams=13, failures=3),
    "openrouter": _of(158, streams=74, failures=17, bills=(140, 23)),
    "groq": _of(46, streams=25, failures=10),
    "mistral": _of(53, streams=36, failures=5),
    "deepseek": _of(33, streams=22, failures=3),
    "xai": _of(60, streams=25, failures=1, bills=(17, 0)),
    "together": _of(4, streams=3),
    "fireworks": _of(1),
    "cerebras": _of(23, streams=6),
    "perplexity": _of(5, streams=3, failures=1, bills=(6, 0)),
    "sambanova": _of(0, streams=1),
    "moonshot": _of(2),
    "zhipu": _of(19, streams=6),
    "alibaba": _of(2, streams=2),
    "huggingface": _of(9, streams=9, failures=2, refused=2),
    "ollama": _of(6, streams=4, failures=2),
    "llamacpp": _of(22, streams=11, failures=4, refused=1),
    "anthropic-openai": _of(1),
    "bedrock-mantle": _of(1),
    "cohere": _of(1),
    "copilot": _of(3, streams=4),
    "crusoe": _of(3),
    "doubleword": _of(11, streams=7, failures=2),
    "gemini-openai": _of(3),
    "hyperbolic": _of(1, streams=1, failures=1),
    "mistralrs": _of(2),
    "nebius": _of(0, streams=1),
    "novita": _of(0, streams=1),
    "openai-compatible": _of(0, streams=1),
    "snowflake": _of(4, streams=1),
    "venice": _of(9, streams=3, failures=1),
    "vercel-gateway": _of(14, streams=16),
    "writer": _of(2, streams=2),
}
