"""How to connect: what to copy into a terminal, a program or an editor, with this gateway filled in."""

import json
import shlex
from collections.abc import Sequence

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.console.needs import READ, Needs, Page
from zai_gateway.console.suggestion import NOTHING, Suggestion, Suggestions, is_newer_gpt, suggestions
from zai_gateway.console.visit import Visit

NO_KEY = "YOUR_API_KEY"
"""Stands where the key would, which nobody can be shown again."""
_CONTEXT = 128_000
_OUTPUT = 16_000
"""Tokens that an editor is told of a model of which nothing is known."""
_MOST_OUTPUT = 32_000
"""Tokens of an answer that an editor sets aside at most: some models' limit is all of their context."""


class Piece(Struct, frozen=True, kw_only=True):
    """Something to copy, and where it goes."""

    where: str
    text: str


class Way(Struct, frozen=True, kw_only=True):
    """A way to connect one tool."""

    id: str
    name: str
    pieces: tuple[Piece, ...]
    note: str = ""


class Connection(Struct, frozen=True, kw_only=True):
    """All that the part of a page shows (`connect.html`)."""

    ways: Sequence[Way]
    has_key: bool
    has_model: bool
    """Whether the workspace has a model to fill in."""
    demo: bool


def page(visit: Visit) -> Response:
    """The page for whoever has a key already."""
    return visit.render("connect_page.html", connection=connection(visit))


def connection(visit: Visit, key: str | None = None, allow: Sequence[str] = ()) -> Connection:
    """For the key `key`, which has just been issued with this allowlist; None: a placeholder stands there."""
    found = suggestions(visit, allow)
    return Connection(
        ways=ways(visit.base_url, key or NO_KEY, found),
        has_key=key is not None,
        has_model=found.first.name != NOTHING,
        demo=found.first.demo,
    )


def ways(base_url: str, key: str, found: Suggestions) -> tuple[Way, ...]:
    """One for each tool; the base URL ends in `/v1`."""
    return (
        _curl(base_url, key, found.first.name),
        _python(base_url, key, found.first.name),
        _javascript(base_url, key, found.first.name),
        _vscode(base_url, key, found.able),
        _cursor(base_url, key, found.plain.name),
        _claude_code(base_url, key, found.claude.name),
        _codex(base_url, key, found.able.name),
        _continue(base_url, key, found.able.name),
    )


def _curl(base_url: str, key: str, model: str) -> Way:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello, Z-AI!"}]})
    command = (
        f"curl {shlex.quote(f'{base_url}/chat/completions')} \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)}"
    )
    return Way(id="curl", name="curl", pieces=(Piece(where="In a terminal", text=command),))


def _python(base_url: str, key: str, model: str) -> Way:
    program = f"""from openai import OpenAI

client = OpenAI(
    base_url={json.dumps(base_url)},
    api_key={json.dumps(key)},
)
answer = client.chat.completions.create(
    model={json.dumps(model)},
    messages=[{{"role": "user", "content": "Hello, Z-AI!"}}],
)
print(answer.choices[0].message.content)
"""
    install = Piece(where="Once", text="pip install openai")
    return Way(id="python", name="Python", pieces=(install, Piece(where="hello.py", text=program)))


def _javascript(base_url: str, key: str, model: str) -> Way:
    program = f"""import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: {json.dumps(base_url)},
  apiKey: {json.dumps(key)},
}});
const answer = await client.chat.completions.create({{
  model: {json.dumps(model)},
  messages: [{{ role: "user", content: "Hello, Z-AI!" }}],
}});
console.log(answer.choices[0].message.content);
"""
    install = Piece(where="Once", text="npm install openai")
    return Way(id="javascript", name="JavaScript", pieces=(install, Piece(where="hello.mjs", text=program)))


def _vscode(base_url: str, key: str, model: Suggestion) -> Way:
    context = model.context_window or _CONTEXT
    output = min(model.max_output or _OUTPUT, _MOST_OUTPUT, context // 4)
    # github.com/microsoft/vscode/issues/316916 has the form of the file.
    entry = {
        "id": model.name,
        "name": f"{model.name} (Z-AI)",
        "url": f"{base_url}/chat/completions",
        "toolCalling": True,
        "vision": model.images,
        "maxInputTokens": context - output,
        "maxOutputTokens": output,
    }
    return Way(
        id="vscode",
        name="VS Code",
        pieces=(
            Piece(where="1. Run in the Command Palette", text="Chat: Manage Language Models"),
            Piece(where="2. Add Models, Custom Endpoint, Chat Completions; when asked for the key", text=key),
            Piece(
                where="3. In chatLanguageModels.json, which then opens, as the models of that entry",
                text=json.dumps({"models": [entry]}, indent=2)[2:-2],
            ),
        ),
        note="VS Code 1.122 or newer. Then choose the model in the chat's model picker.",
    )


def _cursor(base_url: str, key: str, model: str) -> Way:
    # github.com/gabrii/Cursor-Azure-GPT-5/issues/69 has what Cursor sends to models of these names.
    refused = (
        " To GPT-5 and newer models it may send what only OpenAI's Responses API takes, which this gateway "
        "does not serve yet: if requests are refused, choose another model."
    )
    return Way(
        id="cursor",
        name="Cursor",
        pieces=(
            Piece(where="1. Cursor Settings, Models, API Keys: OpenAI API Key", text=key),
            Piece(where="2. Override OpenAI Base URL", text=base_url),
            Piece(where="3. Add or search model", text=model),
        ),
        note=(
            "Cursor's own servers send these requests, so this address has to be reachable from the "
            "internet. While the override is on, all OpenAI models in Cursor go this way."
            f"{refused if is_newer_gpt(model) else ''}"
        ),
    )


def _claude_code(base_url: str, key: str, model: str) -> Way:
    settings = {
        "ANTHROPIC_BASE_URL": base_url.removesuffix("/v1"),
        "ANTHROPIC_AUTH_TOKEN": key,
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
    }
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in settings.items())
    return Way(
        id="claude-code",
        name="Claude Code",
        pieces=(
            Piece(where="In the shell in which you start it", text=f"{exports}\nclaude"),
            Piece(
                where="Or for good, in ~/.claude/settings.json", text=json.dumps({"env": settings}, indent=2)
            ),
        ),
        note="The address has no /v1 at its end. Unset ANTHROPIC_API_KEY where you have one.",
    )


def _codex(base_url: str, key: str, model: str) -> Way:
    config = f"""model = {json.dumps(model)}
model_provider = "zai"

[model_providers.zai]
name = "Z-AI"
base_url = {json.dumps(base_url)}
env_key = "ZAI_KEY"
wire_api = "chat"
"""
    return Way(
        id="codex",
        name="Codex",
        pieces=(
            Piece(where="In ~/.codex/config.toml", text=config),
            Piece(
                where="In the shell in which you start it", text=f"export ZAI_KEY={shlex.quote(key)}\ncodex"
            ),
        ),
        note=(
            "For a Codex from before February 2026. Newer ones speak only OpenAI's Responses API, which this "
            "gateway does not serve yet."
        ),
    )


def _continue(base_url: str, key: str, model: str) -> Way:
    # Unless told otherwise, it asks GPT-5 and newer models at /responses (continuedev/continue#13002).
    config = f"""name: Z-AI
version: 1.0.0
schema: v1
models:
  - name: {json.dumps(f"{model} (Z-AI)")}
    provider: openai
    model: {json.dumps(model)}
    apiBase: {json.dumps(base_url)}
    apiKey: {json.dumps(key)}
    useResponsesApi: false
    roles: [chat, edit, apply]
"""
    return Way(
        id="continue", name="Continue", pieces=(Piece(where="In ~/.continue/config.yaml", text=config),)
    )


PAGES: Sequence[Page] = (("/w/{slug}/connect", READ, Needs.WORKSPACE, page),)
