"""Providers' own lists: what is read out of the shapes that they give them, and what is refused."""

import json
from typing import Any

import pytest

from zai_gateway.catalogue.listings import ListedModel
from zai_gateway.errors import Failure
from zai_gateway.relay.listing import MOST_MODELS, parsed


def one(entry: dict[str, Any]) -> ListedModel:
    """A list of one, read."""
    (model,) = parsed(json.dumps({"object": "list", "data": [entry]}).encode())
    return model


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            {"id": "gpt-5.4", "object": "model", "created": 1772668800, "owned_by": "system"},
            ListedModel(id="gpt-5.4", created=1772668800),
            id="openai",
        ),
        pytest.param(
            {
                "id": "vendor/model:free",
                "created": 1700000000,
                "context_length": 131072,
                "architecture": {
                    "modality": "text+image->text",
                    "input_modalities": ["text", "image", "file"],
                    "output_modalities": ["text"],
                },
                "top_provider": {"context_length": 65536, "max_completion_tokens": 8192},
                "pricing": {"prompt": "0"},
            },
            ListedModel(
                id="vendor/model:free",
                created=1700000000,
                context_window=131072,
                max_output=8192,
                inputs=("text", "image", "pdf"),
                outputs=("text",),
                chat=True,
            ),
            id="openrouter",
        ),
        pytest.param(
            {
                "id": "llama-3.3-70b",
                "created": 1733447754,
                "active": True,
                "context_window": 131072,
                "max_completion_tokens": 32768,
            },
            ListedModel(id="llama-3.3-70b", created=1733447754, context_window=131072, max_output=32768),
            id="groq",
        ),
        pytest.param(
            {
                "id": "mistral-embed",
                "created": 1700000000,
                "capabilities": {"completion_chat": False, "vision": False},
                "max_context_length": 8192,
            },
            ListedModel(
                id="mistral-embed", created=1700000000, context_window=8192, inputs=("text",), chat=False
            ),
            id="mistral",
        ),
        pytest.param(
            {"id": "pixtral", "capabilities": {"completion_chat": True, "vision": True}},
            ListedModel(id="pixtral", inputs=("text", "image"), chat=True),
            id="mistral with eyes",
        ),
        pytest.param(
            {"id": "a/b", "type": "chat", "context_length": 4096, "created": 0},
            ListedModel(id="a/b", context_window=4096, chat=True),
            id="together",
        ),
        pytest.param(
            {"id": "a/embedding", "type": "embedding"},
            ListedModel(id="a/embedding", chat=False, embeds=True),
            id="embedding",
        ),
        pytest.param(
            {"id": "Qwen/Qwen3", "max_model_len": 40960, "root": "Qwen/Qwen3", "parent": None},
            ListedModel(id="Qwen/Qwen3", context_window=40960),
            id="vllm",
        ),
        pytest.param(
            {"id": "local.gguf", "meta": {"n_ctx_train": 32768, "n_params": 8}},
            ListedModel(id="local.gguf", context_window=32768),
            id="llamacpp",
        ),
        pytest.param(
            {"id": "accounts/fireworks/models/x", "supports_chat": True, "supports_image_input": False},
            ListedModel(id="accounts/fireworks/models/x", inputs=("text",), chat=True),
            id="fireworks",
        ),
        pytest.param(
            {"id": "m", "created": "yesterday", "context_length": True, "max_output_tokens": -1, "type": "x"},
            ListedModel(id="m"),
            id="what is no number",
        ),
        pytest.param(
            {
                "id": "m",
                "created": 1.7e9,
                "architecture": "x",
                "context_length": 10**12,
                "capabilities": ["c"],
            },
            ListedModel(id="m", created=1_700_000_000),
            id="what is of another type",
        ),
    ],
)
def test_a_list_says_what_it_says(entry: dict[str, Any], expected: ListedModel) -> None:
    assert one(entry) == expected


@pytest.mark.parametrize("shape", ["%s", '{"data": %s}', '{"models": %s, "object": "list"}'])
def test_a_list_stands_in_three_places(shape: str) -> None:
    given = shape % json.dumps([{"id": "a"}, {"id": "b"}, {"id": "a"}])
    assert [model.id for model in parsed(given.encode())] == ["a", "b"]


def test_what_cannot_be_a_model_is_left_out() -> None:
    wrong: list[object] = [{}, {"id": 1}, {"id": ""}, {"id": "x" * 201}, {"id": "a\nb"}, {"id": "\x1b[31m"}]
    given = [*wrong, None, "a", 3, ["id"], {"id": "x" * 200}]
    assert [len(model.id) for model in parsed(json.dumps(given).encode())] == [200]


def test_a_list_ends_somewhere() -> None:
    given = json.dumps([{"id": f"m{number}"} for number in range(MOST_MODELS + 5)]).encode()
    assert len(parsed(given)) == MOST_MODELS


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"data": {}}', b"3", b"null", b'"a"', b"\xff", b"[" * 100_000]
)
def test_what_is_no_list_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(Failure, match="no list of models"):
        parsed(body)


def test_no_more_entries_are_walked_than_a_list_may_have_twice() -> None:
    twin, last = b'{"id":"a"}', b'{"id":"b"}'
    body = b"[" + b",".join([*[twin] * (2 * MOST_MODELS), last]) + b"]"
    assert [model.id for model in parsed(body)] == ["a"]
