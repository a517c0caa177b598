"""Where requests go, and what signs them: against the addresses of recorded requests, too."""

from collections import Counter
from urllib.parse import urlsplit

import pytest

from tests.dialects.corpus import packed
from tests.dialects.vendors import row_of
from zai_gateway.providers.registry import PROVIDERS, provider_of
from zai_gateway.providers.signing import chat_url, key_url, models_url, serves, signature

AZURE = "https://res.openai.azure.com"

OTHER_ADDRESSES = {
    "https://api.z.ai/api/coding/paas/v4": "zhipu: the address of its coding plan",
    "https://api.together.ai/v1": "together: its other name",
    "https://ollama.com/v1": "ollama: its cloud",
    "http://localhost:8080/v1": "llamacpp: its default, by name",
    "https://router.huggingface.co/together/v1": "huggingface: one provider behind it",
    "https://openrouter.ai/api/v1": "openai: two records came by way of OpenRouter",
}
"""Base URLs of recorded requests that are not their row's own."""


def test_bearer_tokens_and_azures_header() -> None:
    assert signature(provider_of("groq"), "gsk") == (("authorization", "Bearer gsk"),)
    assert signature(provider_of("mybox"), "s") == (("authorization", "Bearer s"),)
    assert signature(provider_of("azure"), "k") == (("api-key", "k"),)


def test_without_a_secret_nothing_is_signed() -> None:
    assert signature(provider_of("ollama"), "") == ()
    assert signature(provider_of("demo"), "secret") == ()


def test_a_path_is_put_behind_a_base_url() -> None:
    row = provider_of("deepseek")
    assert chat_url(row, row.base_url, "m") == "https://api.deepseek.com/chat/completions"
    assert models_url(row, row.base_url) == "https://api.deepseek.com/models"
    assert chat_url(provider_of("demo"), "demo:", "echo") == "demo:/chat/completions"


def test_where_a_key_is_tried() -> None:
    assert key_url(provider_of("openai"), "https://h/v1") == "https://h/v1/models"
    # Its list of models is public.
    assert key_url(provider_of("openrouter"), "https://h/v1") == "https://h/v1/key"
    assert key_url(provider_of("huggingface"), "https://h/v1") is None
    assert models_url(provider_of("huggingface"), "https://h/v1") == "https://h/v1/models"
    # Its list names models of its other interface.
    assert models_url(provider_of("perplexity"), "https://h") is None
    assert key_url(provider_of("perplexity"), "https://h") == "https://h/v1/models"
    assert (models_url(provider_of("demo"), "demo:"), key_url(provider_of("demo"), "demo:")) == (None, None)


@pytest.mark.parametrize(
    ("base_url", "chat", "key"),
    [
        (AZURE, "/openai/v1/chat/completions", "/openai/v1/models"),
        (f"{AZURE}/openai", "/openai/v1/chat/completions", "/openai/v1/models"),
        (f"{AZURE}/openai/v1", "/openai/v1/chat/completions", "/openai/v1/models"),
        (
            f"{AZURE}/openai/v1?api-version=preview",
            "/openai/v1/chat/completions?api-version=preview",
            "/openai/v1/models?api-version=preview",
        ),
        (
            f"{AZURE}/openai/deployments",
            "/openai/deployments/a%2Fb/chat/completions?api-version=2024-10-21",
            "/openai/models?api-version=2024-10-21",
        ),
        (
            f"{AZURE}/openai/deployments/mine?api-version=2025-01-01-preview",
            "/openai/deployments/mine/chat/completions?api-version=2025-01-01-preview",
            "/openai/models?api-version=2025-01-01-preview",
        ),
        (
            "https://res.services.ai.azure.com/models",
            "/models/chat/completions?api-version=2024-05-01-preview",
            "/openai/v1/models",
        ),
    ],
)
def test_azures_surfaces(base_url: str, chat: str, key: str) -> None:
    row = provider_of("azure")
    host = f"https://{urlsplit(base_url).netloc}"
    assert chat_url(row, base_url, "a/b") == host + chat
    assert key_url(row, base_url) == host + key
    # It lists what could be deployed, not what is.
    assert models_url(row, base_url) is None


def test_recorded_requests_went_where_the_rows_say() -> None:
    found: Counter[str] = Counter()
    for exchange in packed():
        row, url = row_of(exchange), exchange.request.url
        if row.needs_address or url is None:
            continue
        if chat_url(row, row.base_url, "m") == url:
            found[row.name] += 1
        else:
            # What Hugging Face had before its router was one has a path for each model.
            old = row.name == "huggingface" and "/hf-inference/" in url
            assert old or url.removesuffix("/chat/completions") in OTHER_ADDRESSES, url
    unrecorded = {"nvidia", "vllm", "lmstudio", "demo", "azure", "custom", "ollama", "llamacpp"}
    assert found.keys() == {row.name for row in PROVIDERS} - unrecorded


def test_recorded_requests_to_azure_went_to_one_of_its_surfaces() -> None:
    row, found = provider_of("azure"), Counter[str]()
    for exchange in packed():
        if row_of(exchange) is not row or not exchange.request.url:
            continue
        asked = urlsplit(exchange.request.url.replace("//openai/", "/openai/"))
        base = asked._replace(path=asked.path.removesuffix("/chat/completions"))
        goes = urlsplit(chat_url(row, base.geturl(), "m"))
        assert (goes.netloc, goes.path) == (asked.netloc, asked.path)
        # Of some records the API version was lost.
        assert goes.query == asked.query or not asked.query
        found[asked.path.split("/")[1]] += 1
    assert found == {"openai": 23, "models": 12}


@pytest.mark.parametrize(
    ("base_url", "model", "served"),
    [
        (f"{AZURE}/openai/deployments/big", "big", True),
        (f"{AZURE}/openai/deployments/big?api-version=2024-10-21", "small", False),
        (f"{AZURE}/openai/deployments", "small", True),
        (AZURE, "small", True),
    ],
)
def test_one_deployment_is_one_model(base_url: str, model: str, served: bool) -> None:
    assert serves(provider_of("azure"), base_url, model) is served
    assert serves(provider_of("openai"), base_url, model)
