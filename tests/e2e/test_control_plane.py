"""The control plane of a real gateway: from the set-up link to a key that works, and what is refused."""

import json
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway_process import PATIENCE, GatewayProcess, Operator, until

PASSWORD = "a long enough pass phrase"
MEGABYTE = 1024 * 1024


class Browser:
    """Somebody's browser, or a script with a key: keeps its cookie and its CSRF token."""

    def __init__(self, gateway: GatewayProcess, key: str | None = None) -> None:
        self._address = urlsplit(gateway.base_url).netloc
        self.headers: dict[str, str] = {} if key is None else {"Authorization": f"Bearer {key}"}

    def ask(
        self, route: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status and the body of the answer, read."""
        method, _, path = route.partition(" ")
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **self.headers, **(headers or {})}
        with closing(HTTPConnection(self._address, timeout=PATIENCE)) as connection:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            cookie = answer.getheader("set-cookie")
            read = answer.read()
        said: Any = json.loads(read) if read else {}
        if cookie is not None:
            self.headers |= {
                "Cookie": cookie.partition(";")[0],
                "x-csrf-token": said.get("csrf_token", ""),
                "Sec-Fetch-Site": "same-origin",
            }
        return answer.status, said


def set_up(operator: Operator, gateway: GatewayProcess) -> tuple[Browser, str]:
    """The first owner's browser, and the path of the workspace."""
    link = operator.admin("setup-link")["url"]
    browser = Browser(gateway)
    body = {"token": link.rpartition("/")[2], "email": "ana@example.com", "name": "Ana", "password": PASSWORD}
    status, said = browser.ask("POST /api/setup", body, {"Sec-Fetch-Site": "same-origin"})
    assert status == 201, said
    again, _ = Browser(gateway).ask("POST /api/setup", body)
    assert again == 404
    return browser, f"/api/workspaces/{said['memberships'][0]['workspace']['id']}"


@pytest.mark.parametrize("workers", [1, 2])
def test_from_the_set_up_link_to_a_key_that_works_and_is_revoked(data: Path, workers: int) -> None:
    operator = Operator(data)
    with operator.serving("--workers", str(workers)) as gateway:
        browser, place = set_up(operator, gateway)
        # Several, so that each worker is met.
        for _ in range(3 * workers):
            assert browser.ask("GET /api/session")[1]["person"]["email"] == "ana@example.com"
        status, key = browser.ask(f"POST {place}/keys", {"name": "mine", "allow": ["demo/*"]})
        assert status == 201
        models = [each["id"] for each in browser.ask(f"GET {place}/models")[1]["models"]]
        demo = next(each for each in models if each.startswith("demo/"))
        asked = {"model": demo, "messages": [{"role": "user", "content": "hello"}]}
        assert gateway.ask("/chat/completions", key["key"], asked).status == 200
        entries = f"GET {place}/usage/recent?key={key['id']}"
        until([demo], lambda: [each["answering_model"] for each in browser.ask(entries)[1]["entries"]])
        assert browser.ask(f"DELETE {place}/keys/{key['id']}")[0] == 200
        until(401, lambda: gateway.ask("/me", key["key"]).status)
        assert browser.ask(f"POST {place}/keys/{key['id']}/restore")[0] == 200
        until(200, lambda: gateway.ask("/me", key["key"]).status)
        assert browser.ask("DELETE /api/sessions")[1] == {"ended": 1}
        assert browser.ask("GET /api/session")[0] == 401


def test_another_name_another_site_and_too_much_are_refused(data: Path) -> None:
    operator = Operator(data)
    with operator.serving() as gateway:
        browser, place = set_up(operator, gateway)
        make, body = f"POST {place}/keys", {"name": "mine"}
        for headers, expected in (
            ({"Host": "rebound.example.com"}, (421, "misdirected_request")),
            ({"Sec-Fetch-Site": "cross-site"}, (403, "forbidden")),
            ({"Sec-Fetch-Site": "same-site"}, (403, "forbidden")),
            ({"x-csrf-token": "0"}, (403, "forbidden")),
            ({"Content-Type": "text/plain"}, (415, "unsupported_media_type")),
            ({"Cookie": ""}, (401, "sign_in_required")),
        ):
            status, said = browser.ask(make, body, headers)
            assert (status, said["error"]["code"]) == expected
        status, said = browser.ask(make, b'{"name": "' + b"a" * MEGABYTE + b'"}')
        assert (status, said["error"]["code"]) == (413, "request_too_large")
        assert browser.ask(f"GET {place}/keys")[1]["count"] == 1  # that of the first start


def test_a_management_key_does_what_its_scopes_say_until_it_is_revoked(data: Path, stub_url: str) -> None:
    operator = Operator(data, ZAI_ALLOW_PRIVATE_ADDRESSES="yes")
    with operator.serving() as gateway:
        made = operator.admin(
            *("management-key", "create", "script", "--expires", "1d"),
            *("--scope", "provider_keys:write", "--scope", "workspaces:read", "--scope", "models:read"),
        )
        script = Browser(gateway, made["key"])
        (workspace,) = script.ask("GET /api/workspaces")[1]["workspaces"]
        place = f"/api/workspaces/{workspace['id']}"
        added = {"provider": "openai", "secret": "sk-upstream-4b1d", "base_url": stub_url}
        status, key = script.ask(f"POST {place}/provider-keys", added)
        assert status == 201, key
        status, tested = script.ask(f"POST {place}/provider-keys/{key['id']}/test")
        assert (status, tested["health"]["ok"]) == (200, True), tested
        assert any(
            each["id"].startswith("openai/") for each in script.ask(f"GET {place}/models")[1]["models"]
        )
        assert script.ask(f"GET {place}/keys")[0] == 403
        operator.admin("management-key", "revoke", "script")
        assert script.ask("GET /api/workspaces")[0] == 401
        assert "sk-upstream" not in gateway.log.read_text() + json.dumps([key, tested])
