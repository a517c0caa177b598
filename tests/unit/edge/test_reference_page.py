"""The OpenAPI document tells the truth about the door, and the page made of it is safe and whole."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any, cast

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError, validate

from tests.unit.edge.behind import Behind, caller
from tests.unit.edge.served import AUTHORIZATION, Got, Served, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.paths import PATHS
from zai_gateway.edge.reference_page import openapi_document
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.relay.reply import Reply
from zai_gateway.wire.failure import STATUSES, TYPES

DOCUMENT = openapi_document()
TOLD_BY_THE_DOOR = (
    Code.UNKNOWN_PATH,
    Code.METHOD_NOT_ALLOWED,
    Code.REQUEST_TIMEOUT,
    Code.MISDIRECTED_REQUEST,
    Code.HEADERS_TOO_LARGE,
)
"""Whatever the path."""
RELAYED = ("/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/embeddings")


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    with served(behind) as running:
        yield running


def resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        target: Any = DOCUMENT
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    return part


def problems(schema: Mapping[str, Any], value: Any) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    try:
        validate(value, whole, cls=Draft202012Validator)
    except ValidationError as error:
        return [error.message]
    return []


def documented(path: str, method: str, got: Got) -> list[str]:
    """What is wrong with an answer by the document's words for it."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    if str(got.status) not in responses:
        return [f"{got.status} is not documented"]
    response = resolved(responses[str(got.status)])
    media = response["content"]["application/json"]
    wrong = [
        f"no header {name}"
        for name in response.get("headers", {})
        if not name.startswith(("x-zai-", "x-ratelimit-")) and got.header(name) is None
    ]
    return wrong + problems(media["schema"], got.json())


def test_the_served_paths_and_methods_are_the_documented_ones() -> None:
    served_ones = {
        (path, method) for path, methods in PATHS.items() for method in methods if method != "HEAD"
    }
    assert served_ones == {
        (path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods
    }


def test_the_documented_errors_are_the_real_ones() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ErrorCode"]["enum"] == [code.value for code in Code]
    assert set(schemas["Error"]["properties"]["error"]["properties"]["type"]["enum"]) == set(TYPES.values())


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/{id}", "/v1/me", "/v1/whoami", "/healthz", "/readyz"]
)
def test_real_answers_are_as_documented(path: str, door: Served) -> None:
    got = door.get(path.replace("{id}", "openai/gpt-5.4"))
    assert got.status == 200
    assert documented(path, "get", got) == []


def test_a_key_without_cap_and_fallback_is_as_documented() -> None:
    with served(Behind(known=caller(cap=None, fallback=None))) as door:
        assert documented("/v1/me", "get", door.get("/v1/me")) == []


@pytest.mark.parametrize("path", RELAYED)
def test_refusals_of_requests_are_as_documented(path: str, door: Served) -> None:
    compressed = f"{AUTHORIZATION}Content-Encoding: br\r\n"
    assert documented(path, "post", door.post(path=path, headers="")) == []
    assert documented(path, "post", door.post(b"x" * 300_000, path=path)) == []
    assert documented(path, "post", door.post(path=path, headers=compressed)) == []


@pytest.mark.parametrize("path", RELAYED)
def test_the_documented_answers_pass_the_door(path: str, door: Served, behind: Behind) -> None:
    shown = DOCUMENT["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["example"]

    async def answer(_caller: Caller, _body: bytes, reply: Reply) -> None:
        await reply.start(200, [("content-type", "application/json")])
        await reply.write(msgspec.json.encode(shown))
        await reply.finish()

    behind.answerer.does = answer
    got = door.post(path=path)
    assert got.json() == shown
    assert documented(path, "post", got) == []


def test_real_errors_are_as_documented(door: Served, behind: Behind) -> None:
    assert documented("/v1/models/{id}", "get", door.get("/v1/models/nope")) == []
    behind.callers.ready = False
    assert documented("/readyz", "get", door.get("/readyz")) == []
    behind.standings.trouble = StoreUnavailable()
    assert documented("/v1/me", "get", door.get("/v1/me")) == []


@pytest.mark.parametrize("code", Code)
def test_every_failure_of_the_relay_is_as_documented(code: Code, door: Served, behind: Behind) -> None:
    if code in TOLD_BY_THE_DOOR:
        status = str(STATUSES[code])
        assert status in DOCUMENT["info"]["description"]
        assert status not in DOCUMENT["paths"]["/v1/me"]["get"]["responses"]
        return

    async def fail(*_: object) -> None:
        failure = Failure(code, "It broke.", retry_after=2.0)
        failure.upstream = {"status": 429, "type": None, "code": "x"}
        raise failure

    behind.answerer.does = fail
    for path in RELAYED:
        assert documented(path, "post", door.post(path=path)) == []


def test_every_example_is_valid_and_every_schema_too() -> None:
    Draft202012Validator.check_schema({"$defs": DOCUMENT["components"]["schemas"]})
    checked = 0
    for media in _media(DOCUMENT):
        example = media.get("example")
        if example is None:
            continue
        if isinstance(example, str):
            for event in example.strip().split("\n\n"):
                data = event[event.index("data: ") + 6 :]
                assert data == "[DONE]" or problems(media["schema"], msgspec.json.decode(data)) == []
        else:
            assert problems(media["schema"], example) == []
        checked += 1
    assert checked > 10


def _media(part: Any) -> Iterator[Mapping[str, Any]]:
    values: list[Any] = []
    if isinstance(part, Mapping):
        members = cast("Mapping[str, Any]", part)
        if "schema" in members and "name" not in members:
            yield members
        values = list(members.values())
    elif isinstance(part, list):
        values = cast("list[Any]", part)
    for value in values:
        yield from _media(value)


def test_every_reference_leads_somewhere() -> None:
    found = re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(DOCUMENT).decode())
    for reference in found:
        assert resolved({"$ref": f"#/{reference}"})
    kinds = ("headers", "parameters", "responses", "schemas")
    parts = {f"components/{kind}/{name}" for kind in kinds for name in DOCUMENT["components"][kind]}
    assert parts == set(found)


def test_the_document_is_served_as_it_is(door: Served) -> None:
    got = door.get("/openapi.json", headers="")
    assert got.header("content-type") == "application/json"
    assert got.json() == DOCUMENT


class Outline(HTMLParser):
    """What a page holds: its tags in order, its ids and links, and the text that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.style = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.text += data


def test_the_page_needs_no_script_and_loads_nothing(door: Served) -> None:
    got = door.get("/docs", headers="")
    assert got.header("content-type") == "text/html; charset=utf-8"
    assert got.header("x-content-type-options") == "nosniff"
    assert got.header("x-frame-options") == "DENY"
    assert got.header("referrer-policy") == "no-referrer"
    assert got.header("cross-origin-opener-policy") == "same-origin"
    assert got.header("cross-origin-resource-policy") == "same-origin"
    outline = Outline()
    outline.feed(got.body.decode())
    assert outline.open == []
    assert not outline.tags & {"script", "link", "img", "iframe", "form"}
    names = {name for name, _ in outline.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "style"})
    digest = b64encode(sha256(outline.style.encode()).digest()).decode()
    policy = got.header("content-security-policy") or ""
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert "url(" not in outline.style
    assert "@import" not in outline.style
    assert "prefers-color-scheme: dark" in outline.style


def test_the_page_shows_every_operation_and_its_links_lead_to_them(door: Served) -> None:
    outline = Outline()
    outline.feed(door.get("/docs", headers="").body.decode())
    ids = [value for name, value in outline.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for path, methods in DOCUMENT["paths"].items():
        assert path in outline.text
        for operation in methods.values():
            assert operation["operationId"] in ids
            assert operation["summary"] in outline.text
    links = [value for name, value in outline.attributes if name == "href"]
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= set(ids)
    assert [link for link in links if not link.startswith("#")] == ["/openapi.json"]


def test_the_page_tells_headers_from_what_stands_in_the_path(door: Served) -> None:
    page = door.get("/docs", headers="").body.decode()
    message = page[
        page.index('<section id="createMessage">') : page.index('<section id="countMessageTokens">')
    ]
    assert "In the path" not in message
    assert message.index("<h4>Headers</h4>") < message.index("<code>anthropic-beta</code>")
    model = page[page.index('<section id="retrieveModel">') :]
    assert model.index("<h4>In the path</h4>") < model.index("<code>id</code>")
