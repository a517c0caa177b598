"""The routes of the control plane: registered with what they take and tell, from the handlers' own types."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Annotated, Any, Generic, TypeVar, get_type_hints

from fastapi import Depends, FastAPI
from fastapi.params import Depends as DependsMark
from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder
from starlette.requests import Request
from starlette.responses import Response

from zai_gateway.edge.control.forms import explained, refuse_repeated
from zai_gateway.edge.control.telling import page
from zai_gateway.errors import Code, Failure

T = TypeVar("T", bound=Struct)
Handler = TypeVar("Handler", bound=Callable[..., object])

PREFIX = "/api"


async def json_body(request: Request) -> bytes:
    """The body, which has to be called JSON: no form of another site can send that without asking first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Failure(
            Code.UNSUPPORTED_MEDIA_TYPE,
            "The body has to be JSON; say so with 'Content-Type: application/json'.",
            param="content-type",
        )
    return await request.body()


class Takes:
    """What takes a body, and what it is read as."""

    def __init__(self, kind: type[Struct]) -> None:
        self.kind = kind


class Form(Takes, Generic[T]):
    """Reads a body as `kind`, strictly: fields that it does not know, and wrong types, are refused."""

    def __init__(self, kind: type[T]) -> None:
        super().__init__(kind)
        self._decoder = Decoder(kind)

    async def __call__(self, body: Annotated[bytes, Depends(json_body)]) -> T:
        """Raises Failure: INVALID_JSON, or INVALID_REQUEST naming the field."""
        try:
            form = self._decoder.decode(body)
        except ValidationError as trouble:
            raise explained(trouble) from None
        except (DecodeError, RecursionError):
            raise Failure(
                Code.INVALID_JSON, "The body is not JSON (RFC 8259). Check its quotes, commas and braces."
            ) from None
        refuse_repeated(body)
        return form


class Route(Struct, frozen=True, kw_only=True):
    """One call of the control plane."""

    method: str
    path: str
    """From the root."""
    handler: Callable[..., object]
    status: int
    """Of an answer that is well."""
    takes: type[Struct] | None
    """What its body is read as; None where it needs none."""
    tells: type[Struct] | None
    """The document that comes back; None where nothing does."""
    tells_text: str | None
    """The media type of what comes back where that is no JSON."""
    tag: str
    is_open: bool
    """Whether it needs neither a session nor a key."""

    @property
    def shown_path(self) -> str:
        """The path as documents show it."""
        return self.path.replace(":path}", "}")

    @property
    def summary(self) -> str:
        """The first sentence of what its handler says of itself."""
        return (inspect.getdoc(self.handler) or "").split("\n\n")[0].replace("\n", " ").rstrip(".")


class Routes:
    """The calls on one kind of thing."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Route] = []

    def get(self, path: str, *, text: str | None = None) -> Callable[[Handler], Handler]:
        """Registers what reads; `text` is the media type of what is no JSON."""
        return self._registers("GET", path, 200, text=text)

    def post(
        self, path: str, *, status: int = 201, tells: type[Struct] | None = None, is_open: bool = False
    ) -> Callable[[Handler], Handler]:
        """Registers what makes something, or does what can be done again with another outcome."""
        return self._registers("POST", path, status, tells=tells, is_open=is_open)

    def put(self, path: str, *, status: int = 200) -> Callable[[Handler], Handler]:
        """Registers what sets something whole."""
        return self._registers("PUT", path, status)

    def patch(self, path: str) -> Callable[[Handler], Handler]:
        """Registers what changes the fields that it is given."""
        return self._registers("PATCH", path, 200)

    def delete(
        self, path: str, *, status: int = 200, tells: type[Struct] | None = None
    ) -> Callable[[Handler], Handler]:
        """Registers what ends or removes something."""
        return self._registers("DELETE", path, status, tells=tells)

    def open_get(self, path: str) -> Callable[[Handler], Handler]:
        """Registers what reads without a session."""
        return self._registers("GET", path, 200, is_open=True)

    def _registers(
        self,
        method: str,
        path: str,
        status: int,
        *,
        tells: type[Struct] | None = None,
        text: str | None = None,
        is_open: bool = False,
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            hints = get_type_hints(handler, include_extras=True)
            given = hints["return"]
            document = given if isinstance(given, type) and issubclass(given, Struct) else tells
            self.all.append(
                Route(
                    method=method,
                    path=PREFIX + path,
                    handler=handler,
                    status=status,
                    takes=_taken(hints.values()),
                    tells=document,
                    tells_text=text,
                    tag=self.tag,
                    is_open=is_open,
                )
            )
            return handler

        return register


def add_to(app: FastAPI, route: Route) -> None:
    """Puts the route into the application."""
    app.add_api_route(
        route.path,
        _answering(route),
        methods=[route.method],
        status_code=route.status,
        response_model=None,
        summary=route.summary,
        description=inspect.getdoc(route.handler),
        operation_id=getattr(route.handler, "__name__", None),
        tags=[route.tag],
    )


def _taken(hints: Iterable[Any]) -> type[Struct] | None:
    marks = (mark for hint in hints for mark in getattr(hint, "__metadata__", ()))
    forms = (mark.dependency for mark in marks if isinstance(mark, DependsMark))
    return next((form.kind for form in forms if isinstance(form, Takes)), None)


def _answering(route: Route) -> Callable[..., Response]:
    handler = route.handler

    @wraps(handler)
    def answer(*args: Any, **named: Any) -> Response:
        made = handler(*args, **named)
        if isinstance(made, Response):
            return made
        return (
            Response(status_code=route.status) if not isinstance(made, Struct) else page(made, route.status)
        )

    return answer


def every(*groups: Routes) -> Iterator[Route]:
    """The routes of all the groups, in their order."""
    for group in groups:
        yield from group.all
