"""Anthropic's and Google's lists of models as they were recorded (0xPlaygrounds/rig @ b75850e89949, MIT).

Of Google's, the descriptions and the defaults of sampling are left out.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.edge.behind import caller
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import ListedModel
from zai_gateway.catalogue.model import Kind
from zai_gateway.relay.listing import parsed
from zai_gateway.relay.models import offers

LISTS = Path(__file__).parent / "lists"
CATALOGUE = Catalogue.load()
NO_TEXT = ("tts", "image", "banana", "omni", "lyria", "robotics", "computer-use", "research", "antigravity")


def recorded(provider: str) -> dict[str, ListedModel]:
    return {model.id: model for model in parsed((LISTS / f"{provider}.json").read_bytes())}


def offered(provider: str, listed: dict[str, ListedModel]) -> set[str]:
    who = caller(providers=("openai",))
    key = replace(who.view.provider_keys[0], provider=provider)
    who = replace(who, view=replace(who.view, provider_keys=(key,)))
    return {name for offer in offers(who, CATALOGUE, {key.id: listed}) for name in offer.ids}


def test_anthropic_lists_limits_and_what_goes_in() -> None:
    listed = recorded("anthropic")
    assert len(listed) == 9
    assert listed["claude-opus-4-7"] == ListedModel(
        id="claude-opus-4-7",
        context_window=1_000_000,
        max_output=128_000,
        inputs=("text", "image", "pdf"),
        chat=True,
    )


def test_anthropics_list_offers_a_model_by_all_its_names() -> None:
    names = offered("anthropic", recorded("anthropic"))
    assert {"claude-4.5-sonnet", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"} <= names
    assert "claude-opus-5" not in names


def test_the_day_of_a_claude_is_read() -> None:
    entry = {"type": "model", "id": "claude-new", "created_at": "2026-11-01T00:00:00Z", "max_tokens": 9}
    (model,) = parsed(json.dumps({"data": [entry]}).encode())
    assert model.created == int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
    assert (model.max_output, model.context_window, model.inputs) == (9, None, ())


@pytest.mark.parametrize("created", ["yesterday", "", "2026-13-01"])
def test_a_day_that_is_none_is_unknown(created: str) -> None:
    (model,) = parsed(json.dumps([{"type": "model", "id": "m", "created_at": created}]).encode())
    assert model.created == 0


def test_google_lists_methods() -> None:
    listed = recorded("gemini")
    assert len(listed) == 52
    assert listed["gemini-2.5-flash"] == ListedModel(
        id="gemini-2.5-flash", context_window=1_048_576, max_output=65_536
    )
    assert listed["gemini-embedding-001"] == ListedModel(
        id="gemini-embedding-001", context_window=2_048, chat=False, embeds=True
    )
    assert {
        listed[id].chat for id in ("aqa", "imagen-4.0-generate-001", "gemini-3.1-flash-live-preview")
    } == {False}


def test_googles_list_offers_what_answers_in_text_and_nothing_else() -> None:
    names = offered("gemini", recorded("gemini"))
    assert {"gemini-2.5-pro", "gemini-3.6-flash", "gemini-flash-latest", "gemma-4-31b-it"} <= names
    assert not [name for name in names if any(word in name for word in NO_TEXT)]
    assert not [name for name in names if CATALOGUE.model("gemini", name).kind is Kind.EMBEDDING]


@pytest.mark.parametrize(
    "entry",
    [
        {"name": 7, "supportedGenerationMethods": ["generateContent"]},
        {"name": "models/", "supportedGenerationMethods": []},
        {"supportedGenerationMethods": ["generateContent"], "inputTokenLimit": "many"},
        {"type": "model", "created_at": "2026-11-01T00:00:00Z", "capabilities": {"image_input": 1}},
    ],
)
def test_what_names_no_model_is_left_out(entry: dict[str, Any]) -> None:
    assert parsed(json.dumps({"models": [entry]}).encode()) == ()
