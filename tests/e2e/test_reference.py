"""The examples of the API reference hold literally: one test per example, field by field."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.shell import pasted
from tests.e2e.upstream_process import StubProcess
from tests.upstreams.answers import completion, error_answer, json_answer

REQUEST = """{
"model": "openai/gpt-5.4-mini", // provider/model id
"messages": [
{ "role": "system", "content": "..." },
{ "role": "user", "content": "..." },
{ "role": "assistant", "content": "..." }
],
"stream": false, // true → SSE
"temperature": 0.7, // optional
"max_tokens": 512, // optional
"stop": ["\\n###"], // optional
"top_p": 0.9 // optional
}"""
RESPONSE = """{
"id": "cmpl_…",
"object": "chat.completion",
"model": "openai/gpt-5.4-mini",
"choices": [
{ "index": 0,
"message": { "role": "assistant", "content": "Hello!" },
"finish_reason": "stop" }
],
"usage": {
"prompt_tokens": 12,
"completion_tokens": 4,
"total_tokens": 16
}
}"""
STREAM = """data: {"choices":[{"delta":{"content":"Hel"}}]}
data: {"choices":[{"delta":{"content":"lo!"}}]}
data: {"choices":[],"usage":{"total_tokens":16},"model":"openai/gpt-5.4-mini"}
data: [DONE]"""
MODELS = """curl https://api.zyoralabs.com/v1/models \\
-H "Authorization: Bearer $ZAI_KEY"
# {
# "object": "list",
# "data": [
# { "id": "openai/gpt-5.4-mini", "owned_by": "openai" },
# { "id": "openai/gpt-5.4", "owned_by": "openai" },
# { "id": "anthropic/claude-4.5-sonnet", "owned_by": "anthropic" },
# ...
# ]
# }"""
ME = """{
"auth": "api_key",
"org": { "id": "...", "name": "My Workspace", "slug": "my-ws" },
"api_key": {
"id": "...",
"name": "production-key",
"prefix": "zk_live_0PkU",
"spend_micro_usd": 18234,
"spend_cap_micro_usd": 5000000,
"fallback_model": "openai/gpt-5.4-mini"
}
}"""
ERRORS = """HTTP/1.1 401 Unauthorized
{ "detail": "Invalid API key" }
HTTP/1.1 402 Payment Required
{ "detail": "Spend cap reached: 5.00 USD" }
HTTP/1.1 429 Too Many Requests
{ "detail": "Rate limit exceeded" }"""

OFFERED = ("openai",)
"""Of the providers that the reference's list of models shows: those that Z-AI has so far."""


def differences(shown: Any, got: Any, at: str = "") -> list[str]:
    """Where `got` is not what the reference shows; more fields may stand beside, and `...` is any text."""
    if isinstance(shown, dict):
        fields = cast("dict[str, Any]", shown)
        if not isinstance(got, dict) or not fields.keys() <= got.keys():
            return [f"{at}: {got!r} has not all of {list(fields)}"]
        return [each for name in fields for each in differences(fields[name], got[name], f"{at}.{name}")]
    if isinstance(shown, list):
        rows = cast("list[Any]", shown)
        if not isinstance(got, list) or len(cast("list[Any]", got)) != len(rows):
            return [f"{at}: {got!r} are not {len(rows)}"]
        return [each for i, row in enumerate(rows) for each in differences(row, got[i], f"{at}[{i}]")]
    if isinstance(shown, str) and shown.endswith(("...", "…")):
        start = shown.rstrip(".…")
        holds = isinstance(got, str) and got.startswith(start) and len(got) > len(start)
    else:
        holds = type(got) is type(shown) and got == shown
    return [] if holds else [f"{at}: {got!r} for {shown!r}"]


def without_comments(example: str) -> bytes:
    return re.sub(r" // .*", "", example).encode()


@pytest.fixture
def key(operator: Operator) -> str:
    return operator.key("--spend-cap", "5.00")


def test_the_request_body(gateway: GatewayProcess, key: str, upstream: StubProcess) -> None:
    got = gateway.ask("/chat/completions", key, without_comments(REQUEST))
    assert got.status == 200
    asked, (sent,) = json.loads(without_comments(REQUEST)), upstream.requests
    assert sent.json()["messages"] == asked["messages"]
    assert sent.json()["model"] == "gpt-5.4-mini"
    assert (sent.json()["temperature"], sent.json()["top_p"]) == (0.7, 0.9)


def test_the_response(gateway: GatewayProcess, key: str) -> None:
    got = gateway.ask("/chat/completions", key, without_comments(REQUEST))
    assert got.headers["content-type"] == "application/json"
    assert differences(json.loads(RESPONSE), got.json()) == []
    assert isinstance(got.json()["created"], int)


def test_the_stream(gateway: GatewayProcess, key: str) -> None:
    body = without_comments(REQUEST).replace(b'"stream": false', b'"stream": true')
    got = gateway.ask("/chat/completions", key, body)
    assert got.status == 200
    assert got.headers["content-type"].startswith("text/event-stream")
    *pieces, usage, done = [line.removeprefix("data: ") for line in STREAM.splitlines()]
    *chunks, last, end = got.events()
    assert end.decode() == done
    assert differences(json.loads(usage), json.loads(last)) == []
    said = [json.loads(chunk) for chunk in chunks]
    assert all(len(chunk["choices"]) == 1 for chunk in said)
    with_content = [chunk for chunk in said if chunk["choices"][0]["delta"].get("content")]
    assert differences([json.loads(piece) for piece in pieces], with_content) == []


def test_the_list_of_models(gateway: GatewayProcess, operator: Operator, tmp_path: Path) -> None:
    command, _, answer = MODELS.partition("\n# ")
    command = command.replace("https://api.zyoralabs.com/v1", gateway.base_url)
    listed = json.loads(pasted(command, tmp_path, ZAI_KEY=operator.key()))
    assert listed["object"] == json.loads(re.findall(r'"object": (".*?")', answer)[0])
    shown = [json.loads(row) for row in re.findall(r"\{ .* \}", answer)]
    assert len(shown) == 3
    rows = {row["id"]: row for row in listed["data"]}
    for row in shown:
        if row["owned_by"] in OFFERED:
            assert differences(row, rows.get(row["id"])) == []


def test_the_identity(gateway: GatewayProcess, operator: Operator, upstream: StubProcess) -> None:
    shown = json.loads(ME)
    issued = operator.admin(
        *("key", "create", "production-key", "--spend-cap", "5.00"),
        *("--fallback", "openai/gpt-5.4-mini"),
    )
    # 12 tokens in at 0.75 USD and 4,050 out at 4.50 USD per million come to 18,234,000 nano-USD exactly.
    usage = {"prompt_tokens": 12, "completion_tokens": 4_050, "total_tokens": 4_062}
    upstream.script(json_answer(completion(usage=usage)))
    assert gateway.ask("/chat/completions", issued["key"], without_comments(REQUEST)).status == 200
    got = gateway.ask("/me", issued["key"])
    assert got.status == 200
    # The example's own key starts otherwise than ours.
    assert len(shown["api_key"]["prefix"]) == len(got.json()["api_key"]["prefix"]) == 12
    shown["api_key"]["prefix"] = issued["key"][:12]
    assert differences(shown, got.json()) == []
    assert got.json()["api_key"]["id"] == issued["id"]
    assert gateway.ask("/whoami", issued["key"]).json() == got.json()


def test_the_errors(gateway: GatewayProcess, operator: Operator, upstream: StubProcess) -> None:
    refused, capped, limited = re.findall(r"HTTP/1\.1 (\d+) .*\n(.*)", ERRORS)
    body = without_comments(REQUEST)
    fresh = operator.new_key("--spend-cap", "5.00")
    # More than 5 USD at 4.50 USD per million tokens.
    usage = {"prompt_tokens": 0, "completion_tokens": 1_111_112, "total_tokens": 1_111_112}
    upstream.script(json_answer(completion(usage=usage)), error_answer(429, "Slow down."))
    assert gateway.ask("/chat/completions", fresh, body).status == 200
    answers = [
        (refused, gateway.ask("/chat/completions", fresh[:-1], body)),
        (capped, gateway.ask("/chat/completions", fresh, body)),
        (limited, gateway.ask("/chat/completions", operator.key(), body)),
    ]
    for (status, shown), got in answers:
        assert got.status == int(status)
        assert got.headers["content-type"] == "application/json"
        assert differences(json.loads(shown), got.json()) == []
        assert got.json()["error"]["message"]
    assert gateway.ask("/me", fresh).status == 200


@pytest.mark.parametrize(
    ("shown", "got", "holds"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": None}, {}, False),
        ({"a": 1}, [1], False),
        ([{"a": 1}], [{"a": 1}, {"a": 2}], False),
        ("...", "anything", True),
        ("...", "", False),
        ("cmpl_…", "cmpl_1", True),
        ("cmpl_…", "chatcmpl-1", False),
    ],
)
def test_the_comparison_tells_right_from_wrong(shown: object, got: object, holds: bool) -> None:
    assert (differences(shown, got) == []) is holds
