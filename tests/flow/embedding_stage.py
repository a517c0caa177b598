"""The stage of the playbooks of embeddings: every vendor of the records, by way of one stub of them all."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.dialects.corpus import Exchange
from tests.dialects.vendors import prefix_of as prefix_of_chat
from tests.flow.stage import OPERATOR, UPSTREAM_SECRET, Got, Stage, staged
from tests.upstreams.answers import Answer, json_answer
from tests.upstreams.http1 import Received
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.providers.registry import provider
from zai_gateway.settings import Limits

MODEL = "openai/text-embedding-3-small"
OTHERS = {"cohere": "it has an API of its own for embeddings, which no row speaks"}
"""Vendors of the records that cannot be played, with the reason."""


class EmbeddingStub(OpenAIStub):
    """Gives the next scripted answer to whatever is posted; where none is left, a vector for each text."""

    async def _answer(self, request: Received) -> Answer:
        if request.method != "POST":
            return await super()._answer(request)
        async with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if self._scripted:
            return self._scripted.popleft()
        return vectors(len(request.json()["input"]) if isinstance(request.json()["input"], list) else 1)


def vectors(count: int = 1, usage: Mapping[str, Any] | None = None) -> Answer:
    """OpenAI's answer for so many texts, with `usage` where it is not empty."""
    told = {"prompt_tokens": 5, "total_tokens": 5} if usage is None else usage
    data = [{"object": "embedding", "index": index, "embedding": [0.25, -1]} for index in range(count)]
    whole: dict[str, Any] = {"object": "list", "data": data, "model": "m"}
    return json_answer({**whole, "usage": told} if told else whole)


class EmbeddingStage:
    """A gateway whose vendors all are the stub."""

    def __init__(self, stage: Stage, stub: EmbeddingStub) -> None:
        self.stage = stage
        self.stub = stub

    async def embed(self, key: IssuedKey, body: object) -> Got:
        """A request for embeddings and its whole answer."""
        async with self.stage.session.post(
            f"{self.stage.base_url}/embeddings",
            data=body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode(),
            headers={"Authorization": f"Bearer {key.secret}", "Content-Type": "application/json"},
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Got(response.status, headers, await response.read())

    def serve(self, *prefixes: str) -> None:
        """Gives the workspace a provider key for each vendor, by way of the stub."""
        keys = self.stage.house.accounts.provider_keys
        for prefix in prefixes:
            known, base_url = provider(prefix) is not None, self.stub.base_url
            if prefix == "vertex":
                base_url += "/projects/p/locations/l"
            wanted = NewProviderKey(
                provider=prefix if known else "custom",
                name=None if known else prefix,
                secret=service_account() if prefix == "vertex" else UPSTREAM_SECRET,
                base_url=base_url,
            )
            keys.add(OPERATOR, self.stage.workspace, wanted)


@asynccontextmanager
async def embedding_staged(data: Path) -> AsyncGenerator[EmbeddingStage]:
    """A gateway with a provider key for OpenAI."""
    async with staged(data, Limits(retries=0)) as stage, EmbeddingStub() as stub:
        keys = stage.house.accounts.provider_keys
        first = next(key for key in keys.list(OPERATOR, stage.workspace) if key.provider == "openai")
        keys.remove(OPERATOR, stage.workspace, first.id)
        ready = EmbeddingStage(stage, stub)
        ready.serve("openai")
        yield ready


def prefix_of(exchange: Exchange) -> str:
    """The prefix of its vendor; Google's records are of its own protocol."""
    return "gemini" if exchange.provider == "gemini" else prefix_of_chat(exchange)


def question(exchange: Exchange) -> dict[str, Any]:
    """The recorded request in OpenAI's shape, for the same model at the same vendor."""
    recorded: dict[str, Any] = json.loads(exchange.request.bytes or b'{"input":"x"}')
    prefix = prefix_of(exchange)
    if prefix not in ("gemini", "vertex"):
        named = recorded.get("model") or json.loads(exchange.response.bytes)["model"]
        return {**recorded, "model": f"{prefix}/{named}"}
    model = (exchange.request.url or "").rpartition("/")[2].partition(":")[0]
    asked: dict[str, Any] = {"model": f"{prefix}/{model}"}
    if "instances" in recorded:
        return {**asked, "input": [each["content"] for each in recorded["instances"]]}
    requests: list[dict[str, Any]] = recorded.get("requests", [recorded])
    for name, called in (
        ("outputDimensionality", "dimensions"),
        ("output_dimensionality", "dimensions"),
        ("taskType", "task_type"),
    ):
        if name in requests[0]:
            asked[called] = requests[0][name]
    return {**asked, "input": [each["content"]["parts"][0]["text"] for each in requests]}


def service_account() -> str:
    """The key file of a service account of Google Cloud, as it would be given."""
    pem = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "gateway@p.iam.gserviceaccount.com",
            "private_key_id": "k1",
            "private_key": pem.decode(),
        }
    )
