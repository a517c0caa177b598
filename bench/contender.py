"""A contender: whatever stands between clients and the upstream, how it is set up and how it is asked."""

from enum import StrEnum
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from bench.processes import Launch


class Upstream(Struct, frozen=True):
    """The provider behind a contender."""

    port: int
    certificate: Path | None = None
    """By which its own certificate is verified; None where it speaks without TLS."""

    @property
    def origin(self) -> str:
        """What the paths of all vendors follow."""
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """OpenAI's: ends in `/v1`."""
        return f"{self.origin}/v1"


class Client(StrEnum):
    """Whose clients send the load: in their protocol it is asked, and answered."""

    OPENAI = "OpenAI"
    ANTHROPIC = "Anthropic"

    @property
    def path(self) -> str:
        """Where they ask."""
        return "/v1/chat/completions" if self is Client.OPENAI else "/v1/messages"

    @property
    def ending(self) -> str:
        """What only the end of a whole stream says."""
        return "[DONE]" if self is Client.OPENAI else "message_stop"


class Target(Struct, frozen=True, kw_only=True):
    """How an answer is asked for."""

    port: int
    headers: tuple[tuple[str, str], ...] = ()
    model: str = "gpt-5.4-mini"
    client: Client = Client.OPENAI

    @property
    def lines(self) -> str:
        """The headers, one a line."""
        json = ("Content-Type", "application/json")
        return "\n".join(f"{name}: {value}" for name, value in (json, *self.headers))


class Prepared(Struct, frozen=True):
    """A contender that only has to be started."""

    launch: Launch
    target: Target


class Contender(Protocol):
    """Something that can be put between."""

    @property
    def name(self) -> str:
        """As tables call it."""
        ...

    def prepared(self, upstream: Upstream, folder: Path) -> Prepared:
        """Set up before `upstream`, with all that it keeps in `folder`, which is empty. Raises Unusable."""
        ...
