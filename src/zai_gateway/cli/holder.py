"""Commands for a key's holder: who the key is, what it may call, and a chat with a model."""

from collections.abc import Iterator
from typing import Annotated, TypeVar

import msgspec
import typer
from msgspec import Struct

from zai_gateway.cli.doors import Composition
from zai_gateway.cli.gateway import Gateway, GatewayError
from zai_gateway.cli.options import AsJson
from zai_gateway.cli.screen import Screen
from zai_gateway.money import NANO_PER_MICRO, usd

T = TypeVar("T")

MOST_PROMPT = 32 * 1024 * 1024
"""Characters of a prompt from stdin: the gateway takes no body larger than as many bytes."""


class Holder:
    """What a person with a key does in a terminal."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def whoami(self, as_json: AsJson = False) -> None:
        """Show which workspace and key ZAI_KEY is, what it has spent, and its cap."""
        answer = self._gateway().get("/me")
        identity = _decoded(answer.body, _Identity)
        if as_json:
            self._screen.raw(answer.body)
            return
        key = identity.api_key
        facts = [("workspace", f"{identity.org.name} ({identity.org.slug})"), ("auth", identity.auth)]
        if key is not None:
            cap = key.spend_cap_micro_usd
            facts += [
                ("key", f"{key.name} ({key.prefix}...)"),
                ("spent", f"{_usd(key.spend_micro_usd)} USD{_unconfirmed(key.unconfirmed_micro_usd)}"),
                ("cap", "none" if cap is None else f"{_usd(cap)} USD"),
                ("fallback", key.fallback_model or "none"),
            ]
        self._screen.facts(facts)

    def models(self, as_json: AsJson = False) -> None:
        """List the models that ZAI_KEY may call."""
        answer = self._gateway().get("/models")
        found = _decoded(answer.body, _Models)
        if as_json:
            self._screen.raw(answer.body)
            return
        for model in found.data:
            self._screen.say(model.id)
        if not found.data:
            self._screen.note("This key may call no model: no provider key, or an allowlist that fits none.")

    def chat(
        self,
        prompt: Annotated[
            str,
            typer.Argument(metavar="PROMPT", help="What to say; - reads it from stdin.", show_default=False),
        ],
        model: Annotated[str, typer.Option("--model", "-m", help="As provider/model.")] = "demo/echo",
        system: Annotated[str | None, typer.Option("--system", help="Instructions to the model.")] = None,
        max_tokens: Annotated[
            int | None,
            typer.Option("--max-tokens", min=1, metavar="N", help="The longest answer, in tokens."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Send one message and print the answer as it comes; what it used is told on stderr."""
        body: dict[str, object] = {"model": model, "messages": self._messages(prompt, system)}
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        if as_json:
            answer = self._gateway().post("/chat/completions", body)
            _decoded(answer.body, _Completion)
            self._screen.raw(answer.body)
            return
        with self._gateway().stream("/chat/completions", {**body, "stream": True}) as (headers, events):
            if limited := headers.get("x-zai-max-tokens"):
                self._screen.note(f"The key is near its cap: the answer is limited to {limited} tokens.")
            self._print(events)

    def _messages(self, prompt: str, system: str | None) -> list[dict[str, str]]:
        said = self._from_stdin() if prompt == "-" else prompt
        messages = [{"role": "user", "content": said}]
        if system is not None:
            messages.insert(0, {"role": "system", "content": system})
        if any("\ud800" <= letter <= "\udfff" for message in messages for letter in message["content"]):
            raise typer.BadParameter("the text is not valid UTF-8.", param_hint="'PROMPT'")
        return messages

    def _from_stdin(self) -> str:
        try:
            said = self._screen.read(MOST_PROMPT)
        except UnicodeDecodeError:
            raise typer.BadParameter("stdin is not valid UTF-8.", param_hint="'PROMPT'") from None
        if len(said) > MOST_PROMPT:
            raise typer.BadParameter("stdin is larger than 32 MB.", param_hint="'PROMPT'")
        return said

    def _print(self, events: Iterator[bytes]) -> None:
        """Prints pieces as they come; raises GatewayError for an error among them, with the line ended."""
        last = "\n"
        note = ""
        try:
            for event in events:
                chunk = _decoded(event, _Chunk)
                if chunk.error is not None:
                    raise GatewayError(f"{chunk.error.message} (the answer above is not whole)")
                for text in _texts(chunk):
                    self._screen.stream(text)
                    last = text
                if chunk.usage is not None:
                    used = chunk.usage
                    note = f"{chunk.model}: {used.prompt_tokens} tokens in, {used.completion_tokens} out."
        finally:
            if not last.endswith("\n"):
                self._screen.stream("\n")
        if note:
            self._screen.note(note)

    def _gateway(self) -> Gateway:
        key = self._composition.api_key
        if key is None:
            raise GatewayError("ZAI_KEY is not set: set it to an API key of the gateway (zk_live_...).")
        return Gateway(self._composition.base_url, key)


class _Org(Struct):
    name: str
    slug: str


class _Key(Struct):
    name: str
    prefix: str
    spend_micro_usd: int
    spend_cap_micro_usd: int | None
    fallback_model: str | None
    unconfirmed_micro_usd: int = 0


class _Identity(Struct):
    auth: str
    org: _Org
    api_key: _Key | None = None


class _Model(Struct):
    id: str


class _Models(Struct):
    data: list[_Model]


class _Completion(Struct):
    id: str


class _Delta(Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(Struct):
    delta: _Delta


class _Usage(Struct):
    prompt_tokens: int
    completion_tokens: int


class _Problem(Struct):
    message: str


class _Chunk(Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    model: str | None = None
    error: _Problem | None = None


def _texts(chunk: _Chunk) -> Iterator[str]:
    for choice in chunk.choices:
        yield from (text for text in (choice.delta.content, choice.delta.refusal) if text)


def _usd(micro: int) -> str:
    return usd(micro * NANO_PER_MICRO)


def _unconfirmed(micro: int) -> str:
    return f", and {_usd(micro)} USD that nobody confirmed" if micro else ""


def _decoded(text: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.MsgspecError:
        raise GatewayError("What answers at ZAI_BASE_URL does not speak as a Z-AI gateway does.") from None
