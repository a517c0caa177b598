"""The six parameters of the reference work on every OpenAI model, whatever that model refuses."""

import json
import tomllib
from collections.abc import Generator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.test_reference import REQUEST, without_comments
from tests.e2e.upstream_process import StubProcess
from tests.flow.stage import Got
from tests.upstreams.answers import completion, json_answer, sse_answer, stream
from tests.upstreams.http1 import Received
from tests.upstreams.processes import openai_stub
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Kind, Model

TABLE = Path(__file__).parents[2] / "prices" / "facts" / "openai_parameters.toml"
ROWS: list[dict[str, Any]] = tomllib.loads(TABLE.read_text())["parameters"]
ASKED: dict[str, Any] = json.loads(without_comments(REQUEST))
MODELS = [model for model in Catalogue.load().models("openai") if model.kind is Kind.CHAT]
# The reference's stop sequence, "\n###", stands in it; a part of it stands before.
WORDS = ("Hel", "lo!\n", "##\n#", "##", " and more")
WHOLE = "".join(WORDS)
BEFORE_STOP = "Hello!\n##"


def refused(model: Model, *, effort: str | None = None) -> frozenset[str]:
    """What the committed table says that the model refuses when asked for this reasoning effort."""
    reasons = model.reasoning and (effort or model.default_effort) != "none"
    return frozenset(
        parameter
        for row in ROWS
        if any(fnmatchcase(model.id, pattern) for pattern in row["models"])
        and (row["when"] == "always" or reasons)
        for parameter in row["refuses"]
    )


@pytest.fixture(scope="module")
def strict_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """An upstream whose every model refuses exactly what the table says, in any form."""
    refuses = tmp_path_factory.mktemp("strict") / "refuses.json"
    refuses.write_text(json.dumps({model.id: sorted(refused(model)) for model in MODELS}))
    with openai_stub("--refuses", str(refuses)) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def strict_operator(tmp_path_factory: pytest.TempPathFactory, strict_url: str) -> Operator:
    operator = Operator(tmp_path_factory.mktemp("strict") / "data")
    operator.add_openai(strict_url)
    return operator


@pytest.fixture(scope="module")
def strict_gateway(strict_operator: Operator) -> Generator[GatewayProcess]:
    with strict_operator.serving() as running:
        yield running


def answered(
    gateway: GatewayProcess, key: str, upstream: StubProcess, request: dict[str, Any]
) -> tuple[Got, Received]:
    """What the client got for a request, and what the upstream was sent for it."""
    streamed = sse_answer(*stream(words=WORDS))
    upstream.script(streamed if request["stream"] else json_answer(completion(content=WHOLE)))
    got = gateway.ask("/chat/completions", key, request)
    assert got.status == 200, got.body
    (sent,) = upstream.requests
    return got, sent


def text_and_end(got: Got, streamed: bool) -> tuple[str, str]:
    """The whole text of an answer, and its one finish reason."""
    if not streamed:
        choice = got.json()["choices"][0]
        return choice["message"]["content"], choice["finish_reason"]
    assert got.events()[-1] == b"[DONE]"
    choices = [choice for event in got.events()[:-1] for choice in json.loads(event)["choices"]]
    (end,) = {choice["finish_reason"] for choice in choices} - {None}
    return "".join(choice["delta"].get("content") or "" for choice in choices), end


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_the_reference_s_request_passes(
    strict_gateway: GatewayProcess, strict_operator: Operator, strict_url: str, model: Model, streamed: bool
) -> None:
    upstream, refuses = StubProcess(strict_url), refused(model)
    request = {**ASKED, "model": f"openai/{model.id}", "stream": streamed}
    got, sent = answered(strict_gateway, strict_operator.key(), upstream, request)

    dropped = [name for name in ("temperature", "top_p") if name in refuses]
    assert got.headers.get("x-zai-dropped", "") == ", ".join(dropped)
    limit = "max_completion_tokens" if "max_tokens" in refuses else "max_tokens"
    expected = {name: value for name, value in request.items() if name not in refuses} | {
        "model": model.id,
        limit: 512,
    }
    if streamed:
        expected["stream_options"] = {"include_usage": True}
    assert sent.json() == expected

    # A model that takes `stop` looks for it by itself: this upstream, which does not, shows who cut.
    here = "stop" in refuses
    assert text_and_end(got, streamed) == (BEFORE_STOP if here else WHOLE, "stop")


def test_every_kind_of_refusal_is_among_the_models() -> None:
    assert frozenset[str]().union(*map(refused, MODELS)) == {"temperature", "top_p", "stop", "max_tokens"}
    assert any(refused(model) == frozenset() for model in MODELS)


@pytest.mark.parametrize(
    ("id", "effort"),
    [("gpt-5.4", None), ("gpt-5.4", "none"), ("gpt-5.4", "high"), ("gpt-5.6", "none"), ("gpt-5", "minimal")],
)
def test_the_effort_decides_where_the_table_says_so(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess, id: str, effort: str | None
) -> None:
    (model,) = (model for model in MODELS if model.id == id)
    request = {**ASKED, "model": f"openai/{id}"} | ({"reasoning_effort": effort} if effort else {})
    got, sent = answered(gateway, operator.key(), upstream, request)
    dropped = [name for name in ("temperature", "top_p") if name in refused(model, effort=effort)]
    assert got.headers.get("x-zai-dropped", "") == ", ".join(dropped)
    assert not sent.json().keys() & set(dropped)
    assert sent.json().get("reasoning_effort") == effort


def test_it_is_the_same_on_a_key_with_a_cap(
    strict_gateway: GatewayProcess, strict_operator: Operator, strict_url: str
) -> None:
    key = strict_operator.key("--spend-cap", "5.00")
    request = {**ASKED, "model": "openai/gpt-5"}
    got, sent = answered(strict_gateway, key, StubProcess(strict_url), request)
    assert got.headers["x-zai-dropped"] == "temperature, top_p"
    assert not sent.json().keys() & {"temperature", "top_p", "stop", "max_tokens"}
    assert sent.json()["max_completion_tokens"] == 512
    assert text_and_end(got, streamed=False) == (BEFORE_STOP, "stop")
