"""Recorded conversations of two turns with each provider, with what was said and used in them."""

from typing import Any, Literal

from msgspec import Struct

from tests.e2e.replayed import CLAUDE, GEMINI, OPENAI

Provider = Literal["openai", "anthropic", "gemini"]
Buckets = tuple[int, int, int, int, int]
"""Tokens in the order of `replayed.BUCKETS`."""


class Recording(Struct, frozen=True, kw_only=True):
    """One answer: its id in the corpus and what it says."""

    id: str
    text: str | None = None
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    buckets: Buckets


class Conversation(Struct, frozen=True, kw_only=True):
    """An answer that calls tools, and one to their results."""

    provider: Provider
    model: str
    first: Recording
    second: Recording


_SUMS = (("add", {"a": 2, "b": 3}), ("multiply", {"a": 2, "b": 3}))

WHOLE = (
    Conversation(
        provider="openai",
        model=OPENAI,
        first=Recording(
            id="e786c32f4a6a",
            calls=(("multiply", {"a": 3, "b": 12}), ("add", {"a": 11, "b": 49})),
            buckets=(87, 0, 0, 0, 50),
        ),
        second=Recording(id="60338d6e9ae1", text="The image shows a potato.", buckets=(503, 0, 0, 0, 8)),
    ),
    Conversation(
        provider="anthropic",
        model=CLAUDE,
        first=Recording(
            id="9cb07b832263",
            text="I'll add and multiply the numbers 2 and 3 for you.",
            calls=_SUMS,
            buckets=(507, 0, 0, 0, 137),
        ),
        second=Recording(
            id="a4ef8f45e6e3",
            text="The results are:\n- 2 + 3 = 5\n- 2 \u00d7 3 = 6",
            buckets=(705, 0, 0, 0, 31),
        ),
    ),
    Conversation(
        provider="gemini",
        model=GEMINI,
        # Thoughts beside the answer: both are output.
        first=Recording(id="628c993a98fd", calls=_SUMS, buckets=(299, 0, 0, 0, 32 + 495)),
        second=Recording(
            id="6dcf894e0436",
            text="The sum of 2 and 3 is 5, and their product is 6.",
            buckets=(606, 0, 0, 0, 19 + 78),
        ),
    ),
)
STREAMED = (
    Conversation(
        provider="openai",
        model=OPENAI,
        first=Recording(id="4c9dd703274a", calls=_SUMS, buckets=(106, 0, 0, 0, 50)),
        second=Recording(id="5b92581ae4cd", text="Farewell.", buckets=(120, 1024, 0, 0, 3)),
    ),
    Conversation(
        provider="anthropic",
        model=CLAUDE,
        first=Recording(
            id="a08fedaea5ec",
            text="I'll add and multiply the numbers 2 and 3 for you.",
            calls=_SUMS,
            buckets=(502, 0, 0, 0, 137),
        ),
        second=Recording(
            id="4b95f756b24a",
            text=(
                "The current temperature in San Francisco is 72\u00b0F. It sounds like a pleasant day! Is "
                "there anything else I can help you with?"
            ),
            buckets=(457, 0, 0, 0, 33),
        ),
    ),
    Conversation(
        provider="gemini",
        model=GEMINI,
        first=Recording(id="0e8e8937d96a", calls=_SUMS, buckets=(157, 0, 0, 0, 32 + 438)),
        second=Recording(
            id="051501bfcacb", text="The capital of Mexico is Mexico City.", buckets=(257, 0, 0, 0, 8)
        ),
    ),
)

TOOL_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
TOOLS = {"add": "Add two numbers.", "multiply": "Multiply two numbers."}
QUESTION = "Add and multiply the numbers 2 and 3."
SYSTEM = "You are a helpful assistant. Always use both tools at the same time."
RESULTS = {"add": "5", "multiply": "6"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def results_sent(provider: Provider, body: dict[str, Any]) -> list[str]:
    """The results of tools in a request as the provider got it, in the order of the calls."""
    match provider:
        case "openai":
            return [_text(each["content"]) for each in body["messages"] if each["role"] == "tool"]
        case "anthropic":
            blocks = [block for turn in body["messages"] for block in _blocks(turn["content"])]
            return [_text(block["content"]) for block in blocks if block["type"] == "tool_result"]
        case "gemini":
            parts = [part for turn in body["contents"] for part in turn["parts"]]
            answers = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
            return [str(next(iter(answer.values()))) for answer in answers]


def calls_sent(provider: Provider, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls in a request as the provider got it, as they stood."""
    match provider:
        case "openai":
            return [call for each in body["messages"] for call in each.get("tool_calls") or ()]
        case "anthropic":
            blocks = [block for turn in body["messages"] for block in _blocks(turn["content"])]
            return [block for block in blocks if block["type"] == "tool_use"]
        case "gemini":
            parts = [part for turn in body["contents"] for part in turn["parts"]]
            return [part for part in parts if "functionCall" in part]


def image_sent(provider: Provider, body: dict[str, Any]) -> str:
    """The base64 data of the only image in a request."""
    match provider:
        case "openai":
            parts = [part for each in body["messages"] for part in _blocks(each["content"])]
            (url,) = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
            return url.removeprefix("data:image/png;base64,")
        case "anthropic":
            blocks = [block for turn in body["messages"] for block in _blocks(turn["content"])]
            (source,) = [block["source"] for block in blocks if block["type"] == "image"]
            assert (source["type"], source["media_type"]) == ("base64", "image/png")
            return source["data"]
        case "gemini":
            parts = [part for turn in body["contents"] for part in turn["parts"]]
            (data,) = [part["inlineData"] for part in parts if "inlineData" in part]
            assert data["mimeType"] == "image/png"
            return data["data"]


def _blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _text(content: str | list[dict[str, Any]]) -> str:
    return "".join(block["text"] for block in _blocks(content))
