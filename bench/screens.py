"""Screens: the pages of the console and the reports of `/api` that are measured, with ids filled in."""

import re
from collections.abc import Iterable, Mapping

from bench.figures import Figure, Spread, Unit
from bench.processes import Unusable
from bench.visitor import Visitor
from zai_gateway.console.routes import PAGES
from zai_gateway.edge.control.plane import ROUTES

_WORKSPACE = "/w/{slug}"
_API = "/api/workspaces/{workspace}"
_QUERIES: Mapping[str, tuple[str, ...]] = {
    f"{_WORKSPACE}/keys": ("", "?q=key+05", "?status=all&sort=spent&page=3"),
    f"{_WORKSPACE}/usage": ("?range=7d", "?range=30d", "?range=30d&by=key", "?range=7d&span=hour&by=key"),
    f"{_WORKSPACE}/models": ("", "?search=claude&page=2"),
    f"{_WORKSPACE}/models/one": ("?model={model}",),
    f"{_WORKSPACE}/models/suggestions": ("?model=gpt",),
    f"{_API}/usage/breakdown": ("?by=key", "?by=model", "?by=provider"),
    f"{_API}/usage/timeline": ("?by=key", "?by=model", "?since=6d&span=hour"),
    f"{_API}/usage.csv": ("?of=breakdown", "?of=timeline"),
}
"""What a path is asked with; without anything where it is not named here."""
PAGES_ROW = ("pages", "reports")
"""The rows of tables that they stand in."""
_WARM = 2
_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")


def pages(ids: Mapping[str, str]) -> dict[str, str]:
    """The path of each page of a workspace, by the name that tables give it."""
    read = (path for path, methods, *_ in PAGES if "GET" in methods and path.startswith(_WORKSPACE))
    return _filled(read, ids)


def reports(ids: Mapping[str, str]) -> dict[str, str]:
    """The path of each call of `/api` that reads something of a workspace, by its name."""
    return _filled((each.path for each in ROUTES if each.method == "GET" and _API in each.path), ids)


def found_ids(visitor: Visitor) -> dict[str, str]:
    """What stands for the places in paths, as the control plane tells it. Raises Unusable."""
    workspace = _first(visitor.document("/api/workspaces"), "workspaces")
    here = f"/api/workspaces/{workspace['id']}"
    provider_key = _first(visitor.document(f"{here}/provider-keys"), "provider_keys")["id"]
    member = _first(visitor.document(f"{here}/members"), "members")["id"]
    return {
        "slug": workspace["slug"],
        "workspace": workspace["id"],
        "key": _first(visitor.document(f"{here}/keys"), "keys")["id"],
        "member": member,
        "model": "openai/gpt-5.4-mini",
        "providers/id": provider_key,
        "members/id": member,
    }


def taken(
    visitor: Visitor, row: str, paths: Mapping[str, str], times: int
) -> tuple[list[Figure], dict[str, str]]:
    """How long each takes, asked so often, in turn; and why some could not be measured. Raises Unusable."""
    found: dict[str, list[float]] = {name: [] for name in paths}
    failed: dict[str, str] = {}
    for number in range(-_WARM, times):
        for name, path in paths.items():
            shown = visitor.get(path)
            if shown.status not in (200, 204):
                failed[name] = f"{path} was answered with {shown.status}"
            elif number >= 0:
                found[name].append(shown.milliseconds)
    figures = [
        Figure(row=row, what=name, unit=Unit.MILLISECONDS, subject=tuple(each))
        for name, each in found.items()
        if each
    ]
    return figures, failed


def heaviest(figures: Iterable[Figure]) -> Figure:
    """The page that takes longest, at the median. Raises Unusable without any."""
    found = [each for each in figures if each.row == PAGES_ROW[0]]
    if not found:
        raise Unusable("no page was measured: say which is to be beside the streams (--page)")
    return max(found, key=lambda each: Spread.of(each.subject).median)


def filled(path: str, ids: Mapping[str, str]) -> str | None:
    """The path with an id in each place, by its name or by what it follows; None where one has none."""
    for place in _PLACE.finditer(path):
        before = path[: place.start()].rstrip("/?=").rpartition("/")[2]
        found = ids.get(f"{before}/{place[1]}") or ids.get(place[1])
        if found is None:
            return None
        path = path.replace(place[0], found, 1)
        return filled(path, ids)
    return path


def _filled(paths: Iterable[str], ids: Mapping[str, str]) -> dict[str, str]:
    asked = [path + query for path in dict.fromkeys(paths) for query in _QUERIES.get(path, ("",))]
    return {path: there for path in asked if (there := filled(path, ids)) is not None}


def _first(document: Mapping[str, list[dict[str, str]]], name: str) -> dict[str, str]:
    if not document.get(name):
        raise Unusable(f"the books have no {name}")
    return document[name][0]
