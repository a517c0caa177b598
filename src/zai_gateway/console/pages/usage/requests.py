"""Single requests: a line for each attempt, the newest first; never any text of one."""

from starlette.responses import Response

from zai_gateway.console.pages.usage.asking import asked_of, choices, key_names
from zai_gateway.console.pages.usage.words import meanings, words_of
from zai_gateway.console.visit import Visit

_ON_A_PAGE = 50
_LONGEST_CURSOR = 600


def requests(visit: Visit) -> Response:
    """The page; for its filters the table alone."""
    asked, names = asked_of(visit), key_names(visit)
    shown = choices(visit, asked, names=names)
    before = visit.query("before")[:_LONGEST_CURSOR] or None
    template = "usage/lines.html" if visit.is_partial else "usage/requests.html"
    if asked.problems:
        return visit.render(template, 422, **shown)
    usage = visit.services.accounts.usage
    found = usage.recent(visit.actor, visit.workspace, asked.books, most=_ON_A_PAGE + 1, before=before)
    lines = found[:_ON_A_PAGE]
    response = visit.render(
        template,
        **shown,
        lines=lines,
        names=names,
        words_of=words_of,
        meanings=meanings(lines),
        newest=before is None,
        older=lines[-1].cursor if len(found) > len(lines) else None,
    )
    if visit.is_partial:
        response.headers["hx-replace-url"] = visit.path("/usage/requests") + asked.query()
    return response
