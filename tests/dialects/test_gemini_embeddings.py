"""Embeddings of Gemini and Vertex AI in OpenAI's shape, both ways, over what was recorded."""

import base64
import json
import struct
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything, packed
from zai_gateway.dialects.gemini import decode_error, embedding_path
from zai_gateway.dialects.gemini.embedding import Asked, decode_embeddings, encode_embeddings, read_embeddings
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.events import Answer, UpstreamProblem

GOOGLE = [exchange for exchange in everything("embeddings") if exchange.provider in ("gemini", "vertex")]
MODEL = "google/gemini-embedding-001"


def asked(**members: Any) -> Asked:
    return read_embeddings(json.dumps({"model": "m", "input": "x", **members}).encode())


def texts_of(request: dict[str, Any]) -> list[str]:
    """What was embedded, in any of the three forms."""
    if "instances" in request:
        return [instance["content"] for instance in request["instances"]]
    requests = request.get("requests", [request])
    return [each["content"]["parts"][0]["text"] for each in requests]


def test_every_recorded_exchange_is_read() -> None:
    google = [exchange for exchange in packed("embeddings") if exchange.provider in ("gemini", "vertex")]
    assert len(google) == 5


@pytest.mark.parametrize("exchange", GOOGLE, ids=lambda exchange: exchange.name)
def test_a_recorded_request_comes_back_whole(exchange: Exchange) -> None:
    given = json.loads(exchange.request.bytes or b"")
    vertex = exchange.provider == "vertex"
    first = given["instances"][0] if vertex else given.get("requests", [given])[0]
    hub: dict[str, Any] = {"model": "m", "input": texts_of(given)}
    dimensions = first.get("outputDimensionality", first.get("output_dimensionality"))
    if dimensions is not None:
        hub["dimensions"] = dimensions
    if "taskType" in first:
        hub["task_type"] = first["taskType"]
    model = (exchange.request.url or "").rpartition("/")[2].partition(":")[0]
    read = read_embeddings(json.dumps(hub).encode())
    assert read.dropped == ()
    body = json.loads(encode_embeddings(read, model, vertex=vertex))
    if vertex:
        # Google would cut a long text without a word.
        assert body == given | {"parameters": {"autoTruncate": False}}
    else:
        # One recorded client asked for one text by the method for one text.
        wanted = given.get("requests", [given])
        spelled = json.loads(json.dumps(wanted).replace("output_dimensionality", "outputDimensionality"))
        assert body == {"requests": spelled}
    if ":embedContent" not in (exchange.request.url or ""):
        assert (exchange.request.url or "").endswith(embedding_path(model, vertex=vertex))


@pytest.mark.parametrize("exchange", GOOGLE, ids=lambda exchange: exchange.name)
def test_a_recorded_answer_is_openais_list(exchange: Exchange) -> None:
    given, told = json.loads(exchange.request.bytes or b""), json.loads(exchange.response.bytes)
    if exchange.response.status != 200:
        problem = decode_error(exchange.response.status, {}, exchange.response.bytes)
        assert problem.message == told["error"]["message"]
        return
    read = asked(input=texts_of(given))
    answer = decode_embeddings(exchange.response.bytes, read, MODEL)
    assert isinstance(answer, Answer)
    shown = json.loads(answer.json)
    vectors = [
        each["values"] if "values" in each else each["embeddings"]["values"]
        for each in told.get("embeddings", told.get("predictions"))
    ]
    assert [each["embedding"] for each in shown["data"]] == vectors
    assert [each["index"] for each in shown["data"]] == list(range(len(vectors)))
    assert (shown["object"], shown["model"]) == ("list", MODEL)
    tokens = told.get("usageMetadata", {}).get("promptTokenCount")
    if "predictions" in told:
        tokens = sum(each["embeddings"]["statistics"]["token_count"] for each in told["predictions"])
    if tokens is None:
        assert answer.reported is None
        assert shown["usage"]["prompt_tokens"] > 0
    else:
        assert answer.reported is not None
        assert (answer.reported.usage.input, answer.reported.usage.output) == (tokens, 0)
        assert shown["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_base64_is_the_floats_of_the_vector() -> None:
    read = asked(encoding_format="base64", input=["a", "b"])
    answer = decode_embeddings(b'{"embeddings":[{"values":[0.5,-2]},{"values":[1]}]}', read, MODEL)
    assert isinstance(answer, Answer)
    first, second = (each["embedding"] for each in json.loads(answer.json)["data"])
    assert struct.unpack("<2f", base64.b64decode(first)) == (0.5, -2.0)
    assert struct.unpack("<1f", base64.b64decode(second)) == (1.0,)


def test_what_is_left_out_is_named() -> None:
    assert asked(user="u", encoding_format=None).dropped == ("user",)


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"input": None}, Code.INVALID_REQUEST, "input"),
        ({"input": 7}, Code.INVALID_REQUEST, "input"),
        ({"input": []}, Code.INVALID_REQUEST, "input"),
        ({"input": ["a"] * 2049}, Code.INVALID_REQUEST, "input"),
        ({"input": ["a", None]}, Code.INVALID_REQUEST, "input[1]"),
        ({"input": [1, 2]}, Code.UNSUPPORTED_PARAMETER, "input"),
        ({"input": [[1, 2]]}, Code.UNSUPPORTED_PARAMETER, "input"),
        ({"dimensions": 0}, Code.INVALID_REQUEST, "dimensions"),
        ({"dimensions": "x"}, Code.INVALID_REQUEST, "dimensions"),
        ({"dimensions": True}, Code.INVALID_REQUEST, "dimensions"),
        ({"encoding_format": "binary"}, Code.INVALID_REQUEST, "encoding_format"),
    ],
)
def test_what_is_malformed_is_refused(members: dict[str, Any], code: Code, param: str) -> None:
    with pytest.raises(Failure) as caught:
        asked(**members)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"embeddings":[]}',
        b'{"embeddings":[{"values":[1]},{"values":[2]}]}',
        b'{"embeddings":[{"values":["x"]}]}',
        b'{"embeddings":[{"values":[1e300]}]}',
    ],
)
def test_what_is_no_answer_is_a_problem(body: bytes) -> None:
    assert isinstance(decode_embeddings(body, asked(encoding_format="base64"), MODEL), UpstreamProblem)
