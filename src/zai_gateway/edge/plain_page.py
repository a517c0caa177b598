"""A refusal as a page to read: what the door says to a person's browser where nothing behind it is asked."""

from base64 import b64encode
from hashlib import sha256
from html import escape

from zai_gateway.edge.page import Page
from zai_gateway.edge.request import Request
from zai_gateway.errors import Failure

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:14vh auto;padding:0 1.25rem}"
    "h1{font-size:1.35rem}small{opacity:.75}"
)
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOR_PROGRAMS = (b"/v1/", b"/api/")


def is_for_a_person(request: Request) -> bool:
    """Whether a browser asks, for something that is read."""
    if request.path.startswith(_FOR_PROGRAMS):
        return False
    return any("text/html" in value for value in request.values(b"accept"))


def plain_page(page: Page, failure: Failure, request_id: str) -> Page:
    """The same as `page`, which is for programs."""
    kept = tuple((name, value) for name, value in page.headers if name != "content-type")
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{page.status} · Z-AI</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>That did not work ({page.status})</h1>"
        f"<p>{escape(failure.message)}</p><p><small>Request {escape(request_id)}</small></p>"
        "</main></body></html>"
    )
    headers = (("content-type", "text/html; charset=utf-8"), ("content-security-policy", _POLICY), *kept)
    return Page(page.status, headers, html.encode())
