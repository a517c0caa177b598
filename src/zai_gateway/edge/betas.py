"""What an Anthropic client wants that is not for everybody yet: the names in its `anthropic-beta` headers."""

from zai_gateway.edge.request import Request
from zai_gateway.errors import Code, Failure

_HEADER = b"anthropic-beta"
_MOST_NAMES = 20
_LONGEST_NAME = 100


def betas(request: Request) -> tuple[str, ...]:
    """The names in their order, of one header or several. Raises Failure (INVALID_REQUEST)."""
    if _HEADER not in request.fields:
        return ()
    parts = (part.strip() for value in request.values(_HEADER) for part in value.split(","))
    names = tuple(filter(None, parts))
    if len(names) > _MOST_NAMES or not all(map(_is_name, names)):
        raise Failure(
            Code.INVALID_REQUEST,
            f"anthropic-beta: at most {_MOST_NAMES} names with commas between, each of at most "
            f"{_LONGEST_NAME} printable ASCII characters.",
            param="anthropic-beta",
        )
    return names


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable()
