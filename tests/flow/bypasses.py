"""The table of bypass attempts: requests that are refused, refused under a cap, or sent."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tests.flow.stage import MODEL

HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def body(**fields: Any) -> bytes:
    return json.dumps(HELLO | fields).encode()


def raw(members: bytes, model: bytes = b'"openai/gpt-5.4-mini"') -> bytes:
    """A request whose members after the first two stand exactly as given."""
    return b'{"model": %b, "messages": [{"role": "user", "content": "Hello"}], %b}' % (model, members)


def said(part: bytes) -> bytes:
    """A request with one message, whose content is the list of this one part."""
    return b'{"model": "openai/gpt-5.4-mini", "messages": [{"role": "user", "content": [%b]}]}' % part


class Refused(Struct, frozen=True):
    """A request that is refused before anything is sent."""

    body: bytes
    status: int
    code: str
    param: str | None


def twice(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "duplicate_field", param)


def wrong(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "invalid_request", param)


def never(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "unsupported_parameter", param)


def boundless(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "unbounded_feature", param)


REFUSED: Mapping[str, Refused] = {
    "model twice": twice("model", raw(b'"model": "openai/gpt-5.4"')),
    "the same model twice": twice("model", raw(b'"model": "openai/gpt-5.4-mini"')),
    "model escaped": twice("model", raw(b'"mod\\u0065l": "openai/gpt-5.4"')),
    "model escaped whole": twice("model", raw(b'"\\u006d\\u006F\\u0064\\u0065\\u006c": "openai/gpt-5.4"')),
    "model twice and once more": twice("model", raw(b'"model": "a", "model": "openai/gpt-5.4-mini"')),
    "model in capitals": wrong("MODEL", raw(b'"MODEL": "openai/gpt-5.4"')),
    "model in another case": wrong("modeL", raw(b'"modeL": "openai/gpt-5.4"')),
    "messages twice": twice("messages", raw(b'"messages": [{"role": "user", "content": "a"}]')),
    "max_tokens twice": twice("max_tokens", raw(b'"max_tokens": 1, "max_tokens": 100000')),
    "max_tokens escaped": twice("max_tokens", raw(b'"max_tokens": 1, "max\\u005ftokens": 100000')),
    "max_completion_tokens twice": twice(
        "max_completion_tokens", raw(b'"max_completion_tokens": 1, "max_completion_tokens": 9')
    ),
    "max_tokens in capitals": wrong("MAX_TOKENS", raw(b'"MAX_TOKENS": 100000, "max_tokens": 1')),
    "max_tokens with the Kelvin sign": wrong("max_to\u212aens", raw('"max_to\u212aens": 9'.encode())),
    "n twice": twice("n", raw(b'"n": 1, "n": 100')),
    "n in capitals": wrong("N", raw(b'"n": 1, "N": 100')),
    "stream twice": twice("stream", raw(b'"stream": false, "stream": true')),
    "stream_options twice": twice("stream_options", raw(b'"stream_options": {}, "stream_options": {}')),
    "include_usage twice": twice(
        "stream_options.include_usage",
        raw(b'"stream": true, "stream_options": {"include_usage": true, "include_usage": false}'),
    ),
    "include_usage escaped": twice(
        "stream_options.include_usage",
        raw(b'"stream": true, "stream_options": {"include_usage": true, "include\\u005fusage": false}'),
    ),
    "service_tier twice": twice("service_tier", raw(b'"service_tier": "flex", "service_tier": "priority"')),
    "service_tier in another case": wrong("Service_Tier", raw(b'"Service_Tier": "priority"')),
    "role twice": twice("messages[0].role", said(b"").replace(b'"role"', b'"role": "user", "role"')),
    "content twice": twice(
        "messages[0].content", said(b"").replace(b'"content"', b'"content": "a", "c\\u006fntent"')
    ),
    "an image behind a second type": twice(
        "messages[0].content[0].type",
        said(b'{"type": "text", "text": "a", "type": "image_url", "image_url": {"url": "https://e.com/a"}}'),
    ),
    "an image behind a second url": twice(
        "messages[0].content[0].image_url.url",
        said(b'{"type": "image_url", "image_url": {"url": "data:image/png,", "url": "https://e.com/a"}}'),
    ),
    "a tool behind a second type": twice(
        "tools[0].type",
        raw(b'"tools": [{"type": "function", "function": {"name": "f"}, "type": "web_search"}]'),
    ),
    "an unread field twice": twice("metadata", raw(b'"metadata": {}, "metadata": {"a": "b"}')),
    "models twice": twice("models", raw(b'"models": [], "mod\\u0065ls": ["openai/gpt-5.4"]')),
    "models in capitals": wrong("MODELS", raw(b'"MODELS": ["openai/gpt-5.4"]')),
    "plugins": never("plugins", body(plugins=[{"id": "web"}])),
    "plugins in another case": never("Plugins", body(Plugins=[{"id": "web"}])),
    "provider": never("provider", body(provider={"order": ["azure"]})),
    "route": never("route", body(route="fallback")),
    "transforms": never("transforms", body(transforms=["middle-out"])),
    "inference_geo": never("inference_geo", body(inference_geo="us")),
    "n of zero": wrong("n", body(n=0)),
    "n below zero": wrong("n", body(n=-1)),
    "n that is huge": wrong("n", body(n=100_000)),
    "n that is a text": wrong("n", body(n="1")),
    "n with a fraction": wrong("n", body(n=1.5)),
    "max_tokens of zero": wrong("max_tokens", body(max_tokens=0)),
    "max_tokens below zero": wrong("max_tokens", body(max_tokens=-1)),
    "max_tokens with an exponent": wrong("max_tokens", raw(b'"max_tokens": 1e30')),
    "max_tokens with a small exponent": wrong("max_tokens", raw(b'"max_tokens": 1e2')),
    "max_tokens that is true": wrong("max_tokens", body(max_tokens=True)),
    "max_tokens that is a text": wrong("max_tokens", body(max_tokens="5")),
    "max_tokens over 63 bits": wrong("max_tokens", body(max_tokens=2**63)),
    "max_tokens over 64 bits": wrong("max_tokens", body(max_tokens=2**64 + 1)),
    "max_tokens of 400 digits": wrong("max_tokens", raw(b'"max_tokens": 1%b' % (b"0" * 400))),
    "max_tokens in a list": wrong("max_tokens", body(max_tokens=[5])),
    "max_completion_tokens of zero": wrong(
        "max_completion_tokens", body(max_tokens=5, max_completion_tokens=0)
    ),
    "stream that is 1": wrong("stream", body(stream=1)),
    "stream that is a text": wrong("stream", body(stream="true")),
    "stream_options that is true": wrong("stream_options", body(stream=True, stream_options=True)),
    "include_usage that is a text": wrong(
        "stream_options.include_usage", body(stream=True, stream_options={"include_usage": "false"})
    ),
    "service_tier in a list": wrong("service_tier", body(service_tier=["priority"])),
    "service_tier without a name": wrong("service_tier", body(service_tier="")),
    "temperature out of range": wrong("temperature", body(temperature=1e300)),
    "a model without end": wrong("model", body(model="openai/" + "x" * 100_000)),
    "a model with a terminal's escapes": wrong("model", body(model="openai/\x1b[2Jgpt")),
    "a model with a line break": wrong("model", body(model=f"{MODEL}\n")),
}

BOUNDLESS: Mapping[str, Refused] = {
    "a search": boundless("web_search_options", body(web_search_options={"search_context_size": "high"})),
    "a search in another case": boundless("Web_Search_Options", body(Web_Search_Options={"a": 1})),
    "a search, escaped": boundless("web_search_options", raw(b'"web_search\\u005foptions": {"a": 1}')),
    "a prediction": boundless("prediction", body(prediction={"type": "content", "content": "Hello"})),
    "speech": boundless("audio", body(audio={"voice": "alloy", "format": "wav"})),
    "another modality": boundless("modalities", body(modalities=["text", "audio"])),
    "a tool that the provider runs": boundless("tools[0].type", body(tools=[{"type": "web_search"}])),
    "one behind a function": boundless(
        "tools[1].type",
        body(tools=[{"type": "function", "function": {"name": "f"}}, {"type": "code_interpreter"}]),
    ),
    "an MCP server": boundless("tools[0].type", body(tools=[{"type": "mcp", "server_url": "https://e.com"}])),
    "a tool without a type": boundless("tools[0]", body(tools=[{"google_search": {}}])),
    "a tool's type in another case": boundless(
        "tools[0].Type",
        body(tools=[{"type": "function", "function": {"name": "f"}, "Type": "web_search"}]),
    ),
    "a stored file": boundless(
        "messages[0].content[0].file.file_id", said(b'{"type": "file", "file": {"file_id": "file-1"}}')
    ),
    "a stored file in another case": boundless(
        "messages[0].content[0].file.File_ID", said(b'{"type": "file", "file": {"File_ID": "file-1"}}')
    ),
    "a stored file beside text": boundless(
        "messages[0].content[0].file_id", said(b'{"type": "text", "text": "a", "file_id": "file-1"}')
    ),
    "an earlier answer's sound": boundless(
        "messages[0].audio", body(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}])
    ),
}
"""Refused on a key with a cap; without one, the owner lets it be."""


class Passed(Struct, frozen=True):
    """A request that is sent: what of it the upstream sees."""

    body: bytes
    sees: Mapping[str, Any]
    misses: tuple[str, ...] = ()


PASSED: Mapping[str, Passed] = {
    "the lesser of two limits": Passed(
        body(max_tokens=700, max_completion_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "the lesser, the other way": Passed(
        body(max_completion_tokens=700, max_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "one limit is null": Passed(
        body(max_completion_tokens=None, max_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "the limit has the wrong name": Passed(
        body(max_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "the limit has the other wrong name": Passed(
        body(model="openai/gpt-4o", max_completion_tokens=50), {"max_tokens": 50}, ("max_completion_tokens",)
    ),
    "many choices": Passed(body(n=128, max_tokens=50), {"n": 128, "max_completion_tokens": 50}),
    "a limit that no money buys": Passed(body(max_tokens=2**31 - 1), {"model": "gpt-5.4-mini"}),
    "many choices without a limit": Passed(body(n=64), {"n": 64}),
    "no limit": Passed(body(), {}),
    "model and something like it": Passed(
        raw(b'"model ": "openai/gpt-5.4", "\\u0000model": "a", "max_tokens": 9'), {"model": "gpt-5.4-mini"}
    ),
    "a model by its other name": Passed(body(model="openai/gpt-5-4-mini"), {"model": "gpt-5.4-mini"}),
    "an escaped model": Passed(
        raw(b'"max_tokens": 9', model=b'"\\u006fpenai\\/gpt-5.4-mini"'), {"model": "gpt-5.4-mini"}
    ),
    "an escaped limit": Passed(
        raw(b'"max\\u005ftokens": 50'), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "modalities of text alone": Passed(body(modalities=["text"], max_tokens=9), {"modalities": ["text"]}),
    "features that are off": Passed(
        body(web_search_options=None, prediction=None, audio=None, max_tokens=9), {"audio": None}
    ),
    "an image by its address": Passed(
        said(b'{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}'), {}
    ),
    "an image in the body": Passed(
        said(b'{"type": "image_url", "image_url": {"url": "data:image/png;base64,%b"}}' % (b"A" * 9_000)), {}
    ),
    "content in two cases": Passed(
        body(messages=[{"role": "user", "content": "a", "Content": [{"type": "input_audio"}]}]), {}
    ),
    "what nobody has heard of": Passed(
        body(best_friend={"model": "x"}, max_tokens=9), {"best_friend": {"model": "x"}}
    ),
    "a dearer tier": Passed(body(service_tier="priority", max_tokens=900), {"service_tier": "priority"}),
    "a dearer tier by its other name": Passed(
        body(service_tier="fast", max_tokens=900), {"service_tier": "fast"}
    ),
    "a cheaper tier": Passed(body(service_tier="flex", max_tokens=900), {"service_tier": "flex"}),
    "whichever tier": Passed(body(service_tier="auto", max_tokens=900), {"service_tier": "default"}),
    "the standard tier": Passed(body(service_tier="default", max_tokens=900), {"service_tier": "default"}),
    "a stream that hides its usage": Passed(
        body(stream=True, stream_options={"include_usage": False}, max_tokens=900),
        {"stream_options": {"include_usage": True}},
    ),
    "a stream whose usage is null": Passed(
        body(stream=True, stream_options={"include_usage": None}, max_tokens=900),
        {"stream_options": {"include_usage": True}},
    ),
    "a stream without options": Passed(
        body(stream=True, stream_options=None), {"stream_options": {"include_usage": True}}
    ),
}
