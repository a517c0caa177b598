"""What is shown to copy: whatever a model is called, it says that and nothing else."""

import ast
import json
import shlex
import tomllib

import pytest

from zai_gateway.console.pages.connect import Way, ways
from zai_gateway.console.suggestion import Suggestion, Suggestions

BASE = "https://gateway.example.com/v1"
KEY = "zk_live_0000000000000000000000000000000000"
NAMES = ("openai/gpt-5.4-mini", """mybox/it's "so" $(touch x) `y` \\ #1""")


def shown(name: str) -> dict[str, Way]:
    model = Suggestion(name=name, context_window=128_000, max_output=16_384, images=True)
    return {way.id: way for way in ways(BASE, KEY, Suggestions(first=model, able=model, claude=model))}


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
    assert f"    model: {json.dumps(name)}\n" in every["continue"].pieces[0].text


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
