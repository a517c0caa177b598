"""The reference: the OpenAPI document that came with this release, as JSON and as a page to read."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from zai_gateway.edge.page import Page

_Json = Mapping[str, Any]


def openapi_document() -> _Json:
    """The committed document, which a person wrote: what it says of the API is a promise, not a guess."""
    return json.loads(_data("openapi.json"))


def openapi_page() -> Page:
    """`GET /openapi.json`."""
    return Page(200, (("content-type", "application/json"),), _data("openapi.json"))


def docs_page() -> Page:
    """`GET /docs`: static HTML; its policy lets it load nothing and run nothing."""
    style = _data("docs.css").decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),  # for browsers that do not know `frame-ancestors`
    )
    return Page(200, headers, _html(openapi_document(), style).encode())


def _data(name: str) -> bytes:
    return files("zai_gateway.edge").joinpath(name).read_bytes()


def _html(document: _Json, style: str) -> str:
    info = document["info"]
    title = escape(info["title"])
    tags = [(tag, list(_operations(document, tag["name"]))) for tag in document["tags"]]
    contents = "".join(
        f"<li>{escape(tag['name'])}<ul>"
        + "".join(
            f'<li><a href="#{operation["operationId"]}"><code>{escape(path)}</code></a></li>'
            for _, path, operation in rows
        )
        + "</ul></li>"
        for tag, rows in tags
    )
    sections = "".join(
        f"<h2>{escape(tag['name'])}</h2>{_paragraphs(tag['description'])}"
        + "".join(_operation(document, *row) for row in rows)
        for tag, rows in tags
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{style}</style></head><body>"
        f'<nav aria-label="Contents"><p><a href="#top">{title}</a></p><ul>{contents}</ul></nav>'
        f'<main><h1 id="top">{title}</h1><p class="lead">{escape(info["summary"])}</p>'
        f"{_paragraphs(info['description'])}"
        '<p>The same as a document for tools: <a href="/openapi.json"><code>/openapi.json</code></a>.</p>'
        f"{sections}</main></body></html>"
    )


def _operations(document: _Json, tag: str) -> Iterator[tuple[str, str, _Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _operation(document: _Json, method: str, path: str, operation: _Json) -> str:
    answers = "".join(_response(document, *row) for row in operation["responses"].items())
    keyless = "" if operation.get("security") != [] else '<span class="note">no key needed</span>'
    return (
        f'<section id="{operation["operationId"]}"><h3><span class="method">{method}</span> '
        f"<code>{escape(path)}</code>{keyless}</h3><p><strong>{escape(operation['summary'])}</strong></p>"
        f"{_paragraphs(operation.get('description', ''))}{_request(document, operation)}"
        f"<h4>Answers</h4>{answers}</section>"
    )


def _request(document: _Json, operation: _Json) -> str:
    parts: list[str] = []
    parameters = [_resolved(document, each) for each in operation.get("parameters", [])]
    for place, title in (("path", "In the path"), ("header", "Headers")):
        rows = "".join(
            _row(each["name"], each["schema"], each["description"], each["required"])
            for each in parameters
            if each["in"] == place
        )
        parts.append(f"<h4>{title}</h4>{_table(rows)}" if rows else "")
    if "requestBody" in operation:
        media = operation["requestBody"]["content"]["application/json"]
        parts.append(f"<h4>Body</h4>{_fields(document, media['schema'])}{_example(media)}")
    return "".join(parts)


def _response(document: _Json, status: str, response: _Json) -> str:
    response = _resolved(document, response)
    opening = " open" if status == "200" else ""
    headers = "".join(
        _row(name, _resolved(document, header)["schema"], _resolved(document, header)["description"], False)
        for name, header in response.get("headers", {}).items()
    )
    bodies = "".join(
        f'<p class="media">{escape(kind)}</p>{_fields(document, media["schema"])}{_example(media)}'
        for kind, media in response["content"].items()
    )
    return (
        f'<details{opening}><summary><span class="status">{status}</span> '
        f"{escape(response['description'])}</summary>"
        f"{f'<h5>Headers</h5>{_table(headers)}' if headers else ''}{bodies}</details>"
    )


def _fields(document: _Json, schema: _Json) -> str:
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    rows = "".join(
        _row(name, part, part.get("description", ""), name in required)
        for name, part in (
            (name, _resolved(document, part)) for name, part in schema.get("properties", {}).items()
        )
    )
    return _table(rows) if rows else ""


def _table(rows: str) -> str:
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>'


def _row(name: str, schema: _Json, description: str, required: bool) -> str:
    mark = '<span class="note">required</span>' if required else ""
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{escape(_kind(schema))}{mark}</td>'
        f"<td>{escape(description)}</td></tr>"
    )


def _kind(schema: _Json) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return "one of a list"
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    kind = schema.get("type", "object")
    return kind if isinstance(kind, str) else " or ".join(kind)


def _example(media: _Json) -> str:
    if "example" not in media:
        return ""
    example = media["example"]
    text = example if isinstance(example, str) else json.dumps(example, indent=2)
    return f'<pre tabindex="0"><code>{escape(text.strip())}</code></pre>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(each)}</p>" for each in text.split("\n\n") if each)


def _resolved(document: _Json, part: _Json) -> _Json:
    while "$ref" in part:
        target: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    return part
