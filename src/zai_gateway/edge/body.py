"""A request's body: what the headers may say of it where it has to be JSON."""

from zai_gateway.edge.request import Request
from zai_gateway.errors import Code, Failure

_ENCODING = b"content-encoding"


def check_is_json(request: Request) -> None:
    """Raises Failure (UNSUPPORTED_MEDIA_TYPE) for a body that is said to be anything but plain JSON."""
    _check_encodings(request)
    _check_media_type(request)
    request.head.is_json = True


async def read_json_body(request: Request, limit: int) -> bytes:
    """The request's body, at most `limit` bytes.

    Raises Failure: UNSUPPORTED_MEDIA_TYPE for anything but plain JSON, REQUEST_TOO_LARGE. Raises ClientLeft.
    """
    check_is_json(request)
    return await request.body(limit)


def _check_media_type(request: Request) -> None:
    for value in request.values(b"content-type"):
        media_type = value.partition(";")[0].strip().lower()
        if media_type not in ("application/json", ""):
            raise Failure(
                Code.UNSUPPORTED_MEDIA_TYPE,
                f"content-type: {media_type[:100]!r} is not read here. Send the body as application/json.",
                param="content-type",
            )


def _check_encodings(request: Request) -> None:
    for value in request.values(_ENCODING):
        if value.strip().lower() not in ("identity", ""):
            raise Failure(
                Code.UNSUPPORTED_MEDIA_TYPE,
                "content-encoding: compressed bodies are not read here. Send the JSON as it is.",
                param="content-encoding",
            )
