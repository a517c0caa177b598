"""The door: knows every path of the API, and tells every failure in its client's protocol."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from traceback import extract_tb
from typing import Any

from zai_gateway.accounts.caller import Caller
from zai_gateway.clock import Clock
from zai_gateway.edge import paths
from zai_gateway.edge.betas import betas
from zai_gateway.edge.body import check_is_json, read_json_body
from zai_gateway.edge.credentials import api_key
from zai_gateway.edge.error_table import page_for
from zai_gateway.edge.hosts import Hosts
from zai_gateway.edge.me import me_json
from zai_gateway.edge.model_lists import ModelLists
from zai_gateway.edge.models import Shown, model_json
from zai_gateway.edge.named_reply import NamedReply
from zai_gateway.edge.office import Entrance
from zai_gateway.edge.page import Page, json_page
from zai_gateway.edge.paths import PATHS, PROBES, Place, check_method, front_of, place
from zai_gateway.edge.plain_page import is_for_a_person, plain_page
from zai_gateway.edge.proxies import Proxies
from zai_gateway.edge.quote import quote_json
from zai_gateway.edge.reference_page import docs_page, openapi_page
from zai_gateway.edge.refusals import shutting_down
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import ClientLeft, Request
from zai_gateway.edge.rooms import Rooms
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.relay.voices import failing
from zai_gateway.wire.fronts import Front

_log = logging.getLogger(__name__)

_HEALTHY = json_page(b'{"status":"ok"}')
_READY = json_page(b'{"status":"ready"}')


class Door:
    """Serves `/v1`, and leads to the office. `body_limit` is in bytes."""

    def __init__(
        self,
        rooms: Rooms,
        clock: Clock,
        body_limit: int,
        hosts: Hosts | None = None,
        proxies: Proxies | None = None,
        office: Entrance | None = None,
    ) -> None:
        self.leaving = False
        """Whether load balancers are to send their requests elsewhere."""
        self._rooms = rooms
        self._clock = clock
        self._body_limit = body_limit
        self._hosts = hosts or Hosts()
        self._proxies = proxies or Proxies()
        self._office = office
        self._model_lists = ModelLists()
        docs, openapi = docs_page(), openapi_page()
        self._open: Mapping[str, Callable[[], Page]] = {
            paths.HEALTH: lambda: _HEALTHY,
            paths.READY: self._ready,
            paths.OPENAPI: lambda: openapi,
            paths.DOCS: lambda: docs,
        }
        """What needs no key."""
        self._pages: Mapping[str, Callable[[Request, Place, Caller], Awaitable[Page]]] = {
            paths.MODELS: self._models,
            paths.MODEL: self._model,
            paths.ME: self._me,
            paths.WHOAMI: self._me,
            paths.QUOTE: self._quote,
        }
        self._relayed: Mapping[str, Callable[[Request, Caller, bytes, ClientReply], Awaitable[None]]] = {
            paths.MESSAGES: self._messages,
            paths.COUNT_TOKENS: self._count_tokens,
            paths.EMBEDDINGS: self._embed,
        }
        """What the relay answers beside chat completions, which go the shortest way."""

    def begin(self, request: Request, reply: ClientReply) -> Coroutine[Any, Any, None] | None:
        """Answers at once where nobody has to be waited for; else gives the work that will answer."""
        head = request.head
        at = head.place
        try:
            if not self._proxies.none:
                self._proxies.tell(request)
            if at is None:
                path = request.path
                if path not in PROBES:
                    self._hosts.check(request)
                if self._office is not None and self._office.serves(path):
                    return self._in_office(self._office, request, reply)
                at = place(path)
                check_method(request.method, at)
                head.place, head.token = at, api_key(request)
            page = self._open.get(at.path)
            if page is not None:
                reply.page(page())
                return None
            caller = self._rooms.callers.known(head.token)
        except Exception as trouble:
            self._refuse(trouble, request, reply, at)
            return None
        return self._answer(request, reply, at, caller)

    async def _answer(self, request: Request, reply: ClientReply, at: Place, caller: Caller | None) -> None:
        try:
            if caller is None:
                caller = await self._rooms.callers.caller(request.head.token)
            if at.path == paths.CHAT:
                if not request.head.is_json:
                    check_is_json(request)
                body = request.body_here(self._body_limit)
                if body is None:
                    body = await request.body(self._body_limit)
                await self._rooms.answerer.answer(caller, body, reply)
            elif at.path in self._relayed:
                body = await read_json_body(request, self._body_limit)
                await self._relayed[at.path](request, caller, body, reply)
            else:
                reply.page(await self._pages[at.path](request, at, caller))
            if not reply.finished and not reply.gone:
                raise UnfinishedAnswer
        except ClientLeft:
            return
        except (Exception, asyncio.CancelledError) as trouble:
            if reply.started:
                # Never a clean end (wire.md 5).
                failure = _explained(trouble, request, reply.request_id)
                reply.end_with(failing(at.front, failure, reply.request_id))
            else:
                self._refuse(trouble, request, reply, at)

    async def _in_office(self, office: Entrance, request: Request, reply: ClientReply) -> None:
        try:
            await office.answer(request, reply)
        except ClientLeft:
            return
        except (Exception, asyncio.CancelledError) as trouble:
            self._refuse(trouble, request, reply, None)

    def _refuse(self, trouble: BaseException, request: Request, reply: ClientReply, at: Place | None) -> None:
        failure = _explained(trouble, request, reply.request_id)
        front = front_of(request.path) if at is None else at.front
        page = page_for(front, failure, reply.request_id)
        if at is None and is_for_a_person(request):
            page = plain_page(page, failure, reply.request_id)
        if failure.code is Code.METHOD_NOT_ALLOWED and at is not None:
            page = Page(page.status, (*page.headers, ("allow", ", ".join(PATHS[at.path]))), page.body)
        if failure.code is Code.REQUEST_TOO_LARGE:
            reply.request.keep_alive = False
        reply.page(page)

    def _messages(self, request: Request, caller: Caller, body: bytes, reply: ClientReply) -> Awaitable[None]:
        beta, named = betas(request), NamedReply(reply)
        return self._rooms.answerer.answer(caller, body, named, front=Front.ANTHROPIC, beta=beta)

    def _count_tokens(
        self, _request: Request, caller: Caller, body: bytes, reply: ClientReply
    ) -> Awaitable[None]:
        return self._rooms.answerer.count_tokens(caller, body, NamedReply(reply))

    def _embed(self, _request: Request, caller: Caller, body: bytes, reply: ClientReply) -> Awaitable[None]:
        return self._rooms.answerer.embed(caller, body, reply)

    async def _quote(self, request: Request, _at: Place, caller: Caller) -> Page:
        body = await read_json_body(request, self._body_limit)
        return json_page(quote_json(await self._rooms.answerer.quote(caller, body)))

    async def _models(self, _request: Request, _at: Place, caller: Caller) -> Page:
        return json_page(self._model_lists.of(caller, self._shown()).json)

    async def _model(self, _request: Request, at: Place, caller: Caller) -> Page:
        shown = self._shown()
        return json_page(model_json(at.model, self._model_lists.of(caller, shown).rows, caller, shown))

    def _shown(self) -> Shown:
        return Shown(
            catalogue=self._rooms.shelf.catalogue,
            listings=self._rooms.listings(),
            now=self._clock.now_ms() // 1_000,
        )

    async def _me(self, _request: Request, _at: Place, caller: Caller) -> Page:
        return json_page(await me_json(caller, self._rooms.standings))

    def _ready(self) -> Page:
        if self.leaving:
            raise shutting_down()
        if not self._rooms.callers.ready:
            raise StoreUnavailable
        return _READY


class UnfinishedAnswer(Exception):
    """The relay returned while the client still waits: a defect."""


def told(trouble: BaseException, request_id: str) -> Failure:
    """The failure that the client is told of `trouble`.

    What nobody expected is logged by its kind and its places in the code only: its text could hold a prompt.
    """
    if isinstance(trouble, Failure):
        return trouble
    if isinstance(trouble, StoreUnavailable):
        return trouble.failure()
    if isinstance(trouble, asyncio.CancelledError):
        return shutting_down()
    places = " < ".join(
        f"{step.filename}:{step.lineno} {step.name}" for step in reversed(extract_tb(trouble.__traceback__))
    )
    _log.error("%s: unexpected %s at %s", request_id, type(trouble).__qualname__, places)
    return Failure(
        Code.INTERNAL_ERROR, f"The gateway met a defect of its own. Its log says more under {request_id}."
    )


def _explained(trouble: BaseException, request: Request, request_id: str) -> Failure:
    """As `told`, and the log says to whom: a client that guesses keys, say, or whose network breaks off."""
    failure = told(trouble, request_id)
    if _log.isEnabledFor(logging.DEBUG):
        client = request.client or "a local socket"
        _log.debug("%s: %s, told to %s", request_id, failure.code.value, client)
    return failure
