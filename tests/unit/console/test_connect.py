"""What is shown to copy: whatever a model is called, it says that and nothing else."""

import ast
import json
import shlex
import tomllib

import pytest

from tests.unit.console.test_suggestion import begin, key
from zai_gateway.console.pages.connect import Way, ways
from zai_gateway.console.suggestion import Suggestion, Suggestions
from zai_gateway.providers.rows import HOSTS, MAKERS

BASE = "https://gateway.example.com/v1"
KEY = "zk_live_0000000000000000000000000000000000"
NAMES = ("openai/gpt-5.4-mini", """mybox/it's "so" $(touch x) `y` \\ #1""")


def shown(name: str) -> dict[str, Way]:
    model = Suggestion(name=name, context_window=128_000, max_output=16_384, images=True)
    return {way.id: way for way in ways(BASE, KEY, all_of(model))}


def all_of(model: Suggestion) -> Suggestions:
    return Suggestions(first=model, able=model, claude=model, plain=model)


def told_to_vscode(model: Suggestion) -> tuple[int, int]:
    """The limits that VS Code is told of the model: of input and of output."""
    (way,) = (each for each in ways(BASE, KEY, all_of(model)) if each.id == "vscode")
    (entry,) = json.loads(f"{{{way.pieces[2].text}}}")["models"]
    return entry["maxInputTokens"], entry["maxOutputTokens"]


@pytest.mark.parametrize("name", NAMES)
def test_the_shell_reads_what_was_meant(name: str) -> None:
    words = shlex.split(shown(name)["curl"].pieces[0].text.replace("\\\n", " "))
    assert words[:2] == ["curl", f"{BASE}/chat/completions"]
    assert f"Authorization: Bearer {KEY}" in words
    assert json.loads(words[-1])["model"] == name
    exports = shown(name)["claude-code"].pieces[0].text.splitlines()
    values = dict(shlex.split(line)[1].split("=", 1) for line in exports if line.startswith("export "))
    assert values["ANTHROPIC_BASE_URL"] == "https://gateway.example.com"
    assert (values["ANTHROPIC_AUTH_TOKEN"], values["ANTHROPIC_MODEL"]) == (KEY, name)


@pytest.mark.parametrize("name", NAMES)
def test_files_hold_what_was_meant(name: str) -> None:
    every = shown(name)
    settings = json.loads(every["claude-code"].pieces[1].text)["env"]
    assert (settings["ANTHROPIC_MODEL"], settings["ANTHROPIC_AUTH_TOKEN"]) == (name, KEY)
    config = tomllib.loads(every["codex"].pieces[0].text)
    assert (config["model"], config["model_providers"]["zai"]["base_url"]) == (name, BASE)
    (entry,) = json.loads(f"{{{every['vscode'].pieces[2].text}}}")["models"]
    assert (entry["id"], entry["url"]) == (name, f"{BASE}/chat/completions")
    assert entry["maxInputTokens"] + entry["maxOutputTokens"] == 128_000
    # A JSON string is a YAML one, too (YAML 1.2, section 1.3).
    config = every["continue"].pieces[0].text
    assert f"    model: {json.dumps(name)}\n" in config
    # Else it asks a GPT-5 at /responses, which is not there.
    assert "    useResponsesApi: false\n" in config


@pytest.mark.parametrize("name", NAMES)
def test_the_program_says_what_was_meant(name: str) -> None:
    program = ast.parse(shown(name)["python"].pieces[1].text)
    said = {node.value for node in ast.walk(program) if isinstance(node, ast.Constant)}
    assert {BASE, KEY, name} <= said


def test_every_way_has_the_key_and_the_address() -> None:
    for way in shown(NAMES[0]).values():
        together = "\n".join(piece.text for piece in way.pieces)
        assert KEY in together, way.name
        assert "https://gateway.example.com" in together, way.name


def test_cursor_is_warned_of_what_it_sends_to_newer_models_of_openai() -> None:
    assert "Responses API" in shown("openai/gpt-5.4-mini")["cursor"].note
    assert "Responses API" not in shown("anthropic/claude-sonnet-5")["cursor"].note


@pytest.mark.parametrize("provider", [row.name for row in (*MAKERS, *HOSTS)])
def test_vscode_is_told_limits_that_fit_into_the_context(provider: str) -> None:
    found = begin(key(provider, 0))
    for model in (found.first, found.able, found.claude, found.plain):
        most_in, most_out = told_to_vscode(model)
        context = model.context_window or 128_000
        assert most_in + most_out == context, model.name
        assert most_in >= context * 3 // 4, model.name
        assert 0 < most_out <= (model.max_output or 16_000), model.name


@pytest.mark.parametrize(
    ("context", "output", "told"),
    [
        (None, None, (112_000, 16_000)),
        (8_192, None, (6_144, 2_048)),
        (None, 4_096, (123_904, 4_096)),
        (1_000_000, 1_000_000, (968_000, 32_000)),
    ],
)
def test_vscode_is_told_something_of_a_model_of_which_little_is_known(
    context: int | None, output: int | None, told: tuple[int, int]
) -> None:
    assert told_to_vscode(Suggestion(name="a/b", context_window=context, max_output=output)) == told
