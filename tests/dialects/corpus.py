"""The recorded exchanges: the packed ones, and those of a corpus that stands beside the checkout."""

import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
BESIDE = HERE.parents[1].parent / "shared" / "conformance"

NOTHING = Raw(b"null")


class Request(Struct, frozen=True):
    """What was sent."""

    url: str | None = None
    body: Raw = NOTHING

    @property
    def bytes(self) -> bytes | None:
        """The body, or None where only the answer was published."""
        body = bytes(self.body)
        return None if body == b"null" else body


class Response(Struct, frozen=True):
    """What came back, in one of four forms; `raw` is a stream without the framing of server-sent events."""

    status: int
    headers: dict[str, str]
    sse: str | None = None
    body: Raw = NOTHING
    text: str | None = None
    raw: str | None = None

    @property
    def bytes(self) -> bytes:
        """The body of the answer."""
        whole = self.raw if self.sse is None else self.sse
        if whole is not None:
            return whole.encode()
        return bytes(self.body) if self.text is None else self.text.encode()


class Exchange(Struct, frozen=True):
    """One request and its answer."""

    id: str
    provider: str
    api: str
    fidelity: str
    features: tuple[str, ...]
    request: Request
    response: Response

    @property
    def name(self) -> str:
        """What a failing test calls it."""
        return f"{self.provider}-{self.id}"

    @property
    def is_stream(self) -> bool:
        return self.response.sse is not None and self.response.status == 200

    @property
    def is_answer(self) -> bool:
        return self.response.sse is None and self.response.status == 200


def packed(pack: str = "chat") -> list[Exchange]:
    """Every exchange of a pack: `chat`, `messages`, `google` or `embeddings`."""
    lines = lzma.decompress((CORPUS / f"{pack}.jsonl.xz").read_bytes()).splitlines()
    return [msgspec.json.decode(line, type=Exchange) for line in lines]


def everything(pack: str = "chat") -> list[Exchange]:
    """The packed exchanges, then what the corpus beside the checkout has more of the same kind."""
    known = packed(pack)
    ids = {exchange.id for exchange in known}
    return known + [exchange for exchange in _beside(pack) if exchange.id not in ids]


def _beside(pack: str) -> Iterator[Exchange]:
    manifest = BESIDE / "MANIFEST.jsonl"
    for line in manifest.read_bytes().splitlines() if manifest.exists() else []:
        entry: dict[str, Any] = msgspec.json.decode(line)
        if _pack_of(entry["provider"], entry["api"]) == pack:
            yield msgspec.json.decode((BESIDE / entry["file"]).read_bytes(), type=Exchange)


def _pack_of(provider: str, api: str) -> str | None:
    if api in ("chat", "messages", "embeddings"):
        return api
    if provider == "anthropic" and api == "count_tokens":
        return "messages"
    if provider in ("gemini", "vertex") and api in _GOOGLE:
        return "google"
    return None


_GOOGLE = ("generateContent", "streamGenerateContent", "count_tokens")
