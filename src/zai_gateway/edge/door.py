"""The door: an ASGI application that knows every path of the API, and tells every failure in one shape."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from traceback import extract_tb

from zai_gateway.accounts.caller import Caller
from zai_gateway.clock import Clock
from zai_gateway.edge import paths
from zai_gateway.edge.asgi import Page, Receive, Scope, Send, headers_named, send_page
from zai_gateway.edge.body import ClientLeft, expects_go_ahead, read_json_body, refuse_unread
from zai_gateway.edge.error_table import error_page
from zai_gateway.edge.hosts import Hosts
from zai_gateway.edge.me import me_json
from zai_gateway.edge.models import Shown, model_json, model_list_json
from zai_gateway.edge.paths import PATHS, Place, check_method, place
from zai_gateway.edge.proxies import Proxies
from zai_gateway.edge.quote import quote_json
from zai_gateway.edge.reference_page import docs_page, openapi_page
from zai_gateway.edge.reply import AsgiReply
from zai_gateway.edge.rooms import Rooms
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.ids import new_id
from zai_gateway.wire.failure import error_event
from zai_gateway.wire.sse import frame

_log = logging.getLogger(__name__)

_Handler = Callable[[Scope, Place], Awaitable[Page]]


_PROBES = (paths.HEALTH.encode(), paths.READY.encode())
"""What load balancers ask, by whatever name they know this process; it tells nobody anything."""


class Door:
    """Serves `/v1` over ASGI 3. `body_limit` is in bytes."""

    def __init__(
        self,
        rooms: Rooms,
        clock: Clock,
        body_limit: int,
        hosts: Hosts | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self._rooms = rooms
        self._clock = clock
        self._body_limit = body_limit
        self._hosts = hosts or Hosts()
        self._proxies = proxies or Proxies()
        self._docs = docs_page()
        self._openapi = openapi_page()
        self._pages: Mapping[str, _Handler] = {
            paths.MODELS: self._models,
            paths.MODEL: self._model,
            paths.ME: self._me,
            paths.WHOAMI: self._me,
            paths.HEALTH: self._health,
            paths.READY: self._ready,
            paths.OPENAPI: self._openapi_document,
            paths.DOCS: self._docs_document,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Every answer has an `x-request-id` that was made here."""
        request_id = new_id("req", self._clock.now_ms())
        at: Place | None = None
        try:
            self._proxies.tell(scope)
            if scope["raw_path"] not in _PROBES:
                self._hosts.check(scope)
            at = place(scope["raw_path"].decode("ascii"))
            check_method(scope["method"], at)
            if at.path == paths.CHAT:
                await self._chat(scope, receive, send, request_id)
            elif at.path == paths.QUOTE:
                await send_page(send, await self._quote(scope, receive), request_id)
            else:
                await send_page(send, await self._pages[at.path](scope, at), request_id)
        except ClientLeft:
            return
        except (Exception, asyncio.CancelledError) as trouble:
            failure = _explained(trouble, request_id, scope)
            page = _with_allow(error_page(failure), failure, at)
            if failure.code is Code.REQUEST_TOO_LARGE or expects_go_ahead(scope):
                await refuse_unread(receive, send, page, request_id)
            else:
                await send_page(send, page, request_id)

    async def _chat(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        caller = await self._caller(scope)
        body = await read_json_body(scope, receive, self._body_limit)
        async with AsgiReply(request_id, receive, send) as reply:
            try:
                await self._rooms.answerer.answer(caller, body, reply)
                if not reply.finished and not reply.gone:
                    raise UnfinishedAnswer
            except (Exception, asyncio.CancelledError) as trouble:
                await _tell(reply, _explained(trouble, request_id, scope))

    async def _quote(self, scope: Scope, receive: Receive) -> Page:
        caller = await self._caller(scope)
        body = await read_json_body(scope, receive, self._body_limit)
        return _json(quote_json(await self._rooms.answerer.quote(caller, body)))

    async def _caller(self, scope: Scope) -> Caller:
        return await self._rooms.callers.caller(_bearer_token(scope))

    async def _models(self, scope: Scope, _at: Place) -> Page:
        return _json(model_list_json(await self._caller(scope), self._shown()))

    async def _model(self, scope: Scope, at: Place) -> Page:
        return _json(model_json(at.model, await self._caller(scope), self._shown()))

    def _shown(self) -> Shown:
        return Shown(
            catalogue=self._rooms.shelf.catalogue,
            listings=self._rooms.listings(),
            now=self._clock.now_ms() // 1_000,
        )

    async def _me(self, scope: Scope, _at: Place) -> Page:
        return _json(await me_json(await self._caller(scope), self._rooms.standings))

    async def _health(self, _scope: Scope, _at: Place) -> Page:
        return _json(b'{"status":"ok"}')

    async def _ready(self, _scope: Scope, _at: Place) -> Page:
        if not self._rooms.callers.ready:
            raise StoreUnavailable
        return _json(b'{"status":"ready"}')

    async def _openapi_document(self, _scope: Scope, _at: Place) -> Page:
        return self._openapi

    async def _docs_document(self, _scope: Scope, _at: Place) -> Page:
        return self._docs


class UnfinishedAnswer(Exception):
    """The relay returned while the client still waits: a defect."""


def told(trouble: BaseException, request_id: str) -> Failure:
    """The failure that the client is told of `trouble`.

    What nobody expected is logged by its kind and its places in the code only: its text could hold a prompt.
    """
    if isinstance(trouble, Failure):
        return trouble
    if isinstance(trouble, StoreUnavailable):
        return Failure(
            Code.STORE_UNAVAILABLE,
            "The gateway's store does not answer. Try again in a moment.",
            retry_after=1.0,
        )
    if isinstance(trouble, asyncio.CancelledError):
        return Failure(
            Code.SHUTTING_DOWN, "The gateway is shutting down. Try again in a moment.", retry_after=1.0
        )
    places = " < ".join(
        f"{step.filename}:{step.lineno} {step.name}" for step in reversed(extract_tb(trouble.__traceback__))
    )
    _log.error("%s: unexpected %s at %s", request_id, type(trouble).__qualname__, places)
    return Failure(
        Code.INTERNAL_ERROR, f"The gateway met a defect of its own. Its log says more under {request_id}."
    )


def _explained(trouble: BaseException, request_id: str, scope: Scope) -> Failure:
    """As `told`, and the log says to whom: a client that guesses keys, say, or whose network breaks off."""
    failure = told(trouble, request_id)
    client: tuple[str, int] | None = scope.get("client")
    _log.debug(
        "%s: %s, told to %s", request_id, failure.code.value, client[0] if client else "a local socket"
    )
    return failure


async def _tell(reply: AsgiReply, failure: Failure) -> None:
    """Tells the client inside the stream where one has begun: never a clean end (wire.md 5)."""
    if reply.started:
        await reply.write(frame(error_event(failure)))
    else:
        page = error_page(failure)
        await reply.start(page.status, page.headers)
        await reply.write(page.body)
    await reply.finish()


def _bearer_token(scope: Scope) -> str | None:
    """The API key of a single `Authorization: Bearer ...` (RFC 6750, section 2.1), or None."""
    given = headers_named(scope, b"authorization")
    if len(given) != 1:
        return None
    scheme, _, token = given[0].partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _with_allow(page: Page, failure: Failure, at: Place | None) -> Page:
    if failure.code is not Code.METHOD_NOT_ALLOWED or at is None:
        return page
    return Page(page.status, (*page.headers, ("allow", ", ".join(PATHS[at.path]))), page.body)


def _json(body: bytes) -> Page:
    return Page(200, (("content-type", "application/json"),), body)
