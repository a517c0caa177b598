"""A visitor who signs in, and looks at all that the console's links lead to, and at the reports of `/api`."""

import html
import re
from collections import Counter, deque
from urllib.parse import urlsplit

import aiohttp

_LINKS = re.compile(rb'(?:href|hx-get)="(/[^"#]*)')
_MOST_QUERIES = 3
"""Of one path: sorted and filtered lists lead to each other without end."""


async def everything(origin: str, setup_link: str, password: str) -> dict[str, bytes]:
    """What the first owner is shown, by path; the gateway is at `origin`, and nobody has signed up there."""
    async with aiohttp.ClientSession(origin, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        told = await _signed_up(session, setup_link, password)
        workspace = told["memberships"][0]["workspace"]["id"]
        return {**await _pages(session), **await _reports(session, workspace)}


async def _signed_up(
    session: aiohttp.ClientSession, setup_link: str, password: str
) -> dict[str, list[dict[str, dict[str, str]]]]:
    owner = {
        "token": setup_link.rpartition("/")[2],
        "email": "ana@example.com",
        "name": "Ana",
        "password": password,
    }
    own_site = {"Sec-Fetch-Site": "same-origin"}
    async with session.post("/api/setup", json=owner, headers=own_site) as answer:
        assert answer.status == 201
        return await answer.json()


async def _pages(session: aiohttp.ClientSession) -> dict[str, bytes]:
    seen: dict[str, bytes] = {}
    queries = Counter[str]()
    ahead = deque(["/"])
    while ahead:
        path = ahead.popleft()
        place = urlsplit(path).path
        if path in seen or queries[place] == _MOST_QUERIES:
            continue
        queries[place] += 1
        async with session.get(path) as answer:
            assert answer.status in (200, 204), (path, answer.status)
            seen[path] = await answer.read()
        ahead += [html.unescape(link.decode()) for link in _LINKS.findall(seen[path])]
    return seen


async def _reports(session: aiohttp.ClientSession, workspace: str) -> dict[str, bytes]:
    async with session.get("/api/openapi.json") as answer:
        calls = (await answer.json())["paths"]
    seen: dict[str, bytes] = {}
    for path in [path for path, methods in calls.items() if "get" in methods]:
        whole = path.replace("{workspace}", workspace)
        if "{" not in whole:
            async with session.get(whole) as answer:
                assert answer.status == 200, (whole, answer.status)
                seen[whole] = await answer.read()
    return seen
