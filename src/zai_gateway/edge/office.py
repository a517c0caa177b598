"""The office: which paths lead to the console and to the control-plane API, and who answers there."""

from collections.abc import Awaitable, Callable, Sequence

from zai_gateway.edge.bridge import Inquiry, inquiry_of
from zai_gateway.edge.page import Page
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import Request

Ask = Callable[[Inquiry], Awaitable[Page]]
BODY_LIMIT = 1024 * 1024
"""Bytes: a form with an allowlist, or a service account's key, is far below."""
_ENTRANCES = frozenset(
    {b"/", b"/api", b"/sign-in", b"/sign-out", b"/account", b"/favicon.ico", b"/robots.txt"}
)
_WINGS = (b"/api/", b"/w/", b"/assets/", b"/setup/", b"/invitation/", b"/reset/", b"/account/")


class Entrance:
    """To what administers, behind the same door as `/v1`."""

    def __init__(self, ask: Ask, body_limit: int = BODY_LIMIT) -> None:
        """`body_limit` is in bytes."""
        self._ask = ask
        self._body_limit = body_limit

    def serves(self, path: bytes) -> bool:
        """Whether `path`, as it came, leads here."""
        return path in _ENTRANCES or path.startswith(_WINGS)

    async def answer(self, request: Request, reply: ClientReply) -> None:
        """Answers. Raises Failure (REQUEST_TOO_LARGE), ClientLeft, and what is raised behind it."""
        body = await request.body(self._body_limit)
        reply.page(await self._ask(inquiry_of(request, reply.request_id, body)))


ENTRANCES: Sequence[str] = tuple(sorted(path.decode() for path in (*_ENTRANCES, *_WINGS)))
"""All of them, for documents."""
