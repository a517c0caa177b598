"""Rotating an API key: a new secret, shown once, while the one before it goes on as long as is chosen."""

from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.expiry import span_ms
from zai_gateway.console.forms import Problems
from zai_gateway.console.pages.keys.finding import found_key, path_of
from zai_gateway.console.pages.keys.issuing import secret_page
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError

OVERLAPS = (
    ("24h", "One day: time to put the new key everywhere"),
    ("1h", "One hour"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("0h", "Not at all: it ends now"),
)


def rotate(visit: Visit) -> Response:
    """What rotating means, and the new secret."""
    key = found_key(visit, Deed.KEY_ROTATE).key
    if key.revoked_ms is not None:
        return visit.go(path_of(visit, key.id), "This key is revoked; it gets no other secret.")
    problems, overlap, seen = Problems(), OVERLAPS[0][0], key.prefix
    if visit.request.method == "POST":
        overlap, seen = visit.form.text("overlap"), visit.form.text("seen")
        length = span_ms(overlap)
        if length is None:
            problems["overlap"] = "Choose how long the secret before it goes on."
        else:
            try:
                issued = visit.services.accounts.api_keys.rotate(
                    visit.actor, visit.workspace, key.id, length, seen=seen
                )
            except OperatorError as trouble:
                problems[""] = str(trouble)
            else:
                return secret_page(visit, issued, rotated=True)
    return visit.render(
        "keys/rotate.html",
        422 if problems else 200,
        key=key,
        problems=problems,
        overlaps=OVERLAPS,
        overlap=overlap,
        seen=seen,
    )
