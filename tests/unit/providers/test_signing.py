"""Where requests go, and what signs them: against the addresses of recorded requests, too."""

from collections import Counter
from urllib.parse import urlsplit

import pytest

from tests.dialects.corpus import packed
from tests.dialects.vendors import row_of
from zai_gateway.providers.addressing import (
    chat_url,
    count_url,
    embeddings_url,
    key_url,
    members,
    models_url,
    names_model,
    serves,
)
from zai_gateway.providers.google import GEMINI, VERTEX
from zai_gateway.providers.model_makers import ANTHROPIC
from zai_gateway.providers.registry import PROVIDERS, provider_of
from zai_gateway.providers.signing import signature

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
    unrecorded |= {"anthropic", "gemini", "vertex"}  # tests/dialects
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


REGION = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5"


def test_anthropics_and_googles_headers() -> None:
    version = ("anthropic-version", "2023-06-01")
    assert signature(ANTHROPIC, "sk-ant") == (("x-api-key", "sk-ant"), version)
    assert signature(ANTHROPIC, "") == (version,)
    assert signature(GEMINI, "AIza") == (("x-goog-api-key", "AIza"),)
    assert signature(VERTEX, "token") == (("authorization", "Bearer token"),)


def test_where_conversations_with_claude_and_gemini_go() -> None:
    base = GEMINI.base_url
    assert chat_url(ANTHROPIC, ANTHROPIC.base_url, "m") == "https://api.anthropic.com/v1/messages"
    assert chat_url(ANTHROPIC, "https://h", "m", streamed=True) == "https://h/messages"
    assert chat_url(GEMINI, base, "gemini-2.5-pro") == f"{base}/models/gemini-2.5-pro:generateContent"
    streamed = chat_url(GEMINI, base, "gemini-2.5-pro", streamed=True)
    assert streamed == f"{base}/models/gemini-2.5-pro:streamGenerateContent?alt=sse"


def test_no_model_leads_to_another_address() -> None:
    for id, segment in (("../x", "..%2Fx"), ("a?b=c", "a%3Fb%3Dc"), ("a#b", "a%23b"), ("a:b", "a%3Ab")):
        assert chat_url(GEMINI, "https://h", id) == f"https://h/models/{segment}:generateContent"
        assert f"/models/{segment}:" in chat_url(VERTEX, REGION, id)


def test_where_tokens_are_counted_and_embeddings_made() -> None:
    assert count_url(ANTHROPIC, "https://h/v1", "m") == "https://h/v1/messages/count_tokens"
    assert count_url(GEMINI, "https://h", "m") == "https://h/models/m:countTokens"
    assert count_url(VERTEX, REGION, "gemini-3") == f"{REGION}/publishers/google/models/gemini-3:countTokens"
    claude = count_url(VERTEX, REGION, "claude-opus-5")
    assert claude == f"{REGION}/publishers/anthropic/models/count-tokens:rawPredict"
    assert count_url(provider_of("openai"), "https://h", "m") is None
    assert embeddings_url(provider_of("openai"), "https://h/v1", "m", texts=9) == "https://h/v1/embeddings"
    azure = embeddings_url(provider_of("azure"), f"{AZURE}/openai/deployments", "e")
    assert azure == f"{AZURE}/openai/deployments/e/embeddings?api-version=2024-10-21"
    assert embeddings_url(GEMINI, "https://h", "e", texts=2) == "https://h/models/e:batchEmbedContents"
    older, newer = "gemini-embedding-001", "gemini-embedding-2"
    assert embeddings_url(VERTEX, REGION, older) == f"{REGION}/publishers/google/models/{older}:predict"
    assert embeddings_url(VERTEX, REGION, newer) == f"{REGION}/publishers/google/models/{newer}:embedContent"
    assert embeddings_url(VERTEX, REGION, newer, texts=2) is None
    assert embeddings_url(ANTHROPIC, "https://h", "m") is None


def test_where_a_body_says_more_or_less_than_its_dialect() -> None:
    assert members(VERTEX, "claude-opus-5") == (("anthropic_version", b'"vertex-2023-10-16"'),)
    assert members(VERTEX, "gemini-3") == members(ANTHROPIC, "claude-opus-5") == ()
    assert names_model(ANTHROPIC, "claude-opus-5")
    assert names_model(provider_of("openai"), "m")
    assert not names_model(VERTEX, "claude-opus-5")
    assert not names_model(GEMINI, "gemini-3")


def test_where_keys_of_anthropic_and_google_are_tried() -> None:
    assert models_url(ANTHROPIC, ANTHROPIC.base_url) == "https://api.anthropic.com/v1/models?limit=1000"
    assert key_url(ANTHROPIC, ANTHROPIC.base_url) == "https://api.anthropic.com/v1/models"
    assert models_url(GEMINI, GEMINI.base_url) == f"{GEMINI.base_url}/models?pageSize=1000"
    assert models_url(VERTEX, REGION) is None
    assert key_url(VERTEX, REGION) == REGION


def test_recorded_requests_to_anthropic_went_where_its_row_says() -> None:
    found: Counter[str] = Counter()
    for exchange in packed("messages"):
        url = exchange.request.url
        if url is None or exchange.provider != "anthropic":
            continue
        asked = urlsplit(url)
        goes = {chat_url(ANTHROPIC, ANTHROPIC.base_url, "m"), count_url(ANTHROPIC, ANTHROPIC.base_url, "m")}
        found["ours" if asked._replace(query="").geturl() in goes else f"{asked.netloc}{asked.path}"] += 1
    assert found["ours"] > 200
    assert found.total() - found["ours"] < 20, found


def test_recorded_requests_to_google_went_where_its_rows_say() -> None:
    found: Counter[str] = Counter()
    for exchange in (*packed("google"), *packed("messages")):
        url = exchange.request.url
        if url is None or exchange.provider not in ("gemini", "vertex"):
            continue
        row = GEMINI if exchange.provider == "gemini" else VERTEX
        asked = urlsplit(url)
        base, _, rest = url.partition("/publishers/" if row is VERTEX else "/models/")
        model, _, verb = rest.rpartition("/")[2].partition(":")
        if "/projects/" not in base and row is VERTEX:
            found["without a project"] += 1
            continue
        streamed = verb.startswith("stream")
        goes = chat_url(row, base, model, streamed=streamed)
        if verb == "countTokens":
            goes = count_url(row, base, model) or ""
        same = urlsplit(goes).path == asked.path and ("alt=sse" in asked.query or not streamed)
        found[f"{row.name}: {'ours' if same else asked.path.rpartition(':')[2] + '?' + asked.query}"] += 1
    assert found["gemini: ours"] > 150, found
    assert found["vertex: ours"] > 70, found
    print(found)
