"""Assets: the console's scripts and styles, under names that change with what is in them."""

from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_PLACE = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_DIGITS = 12


class Assets:
    """All of them, in memory."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._files: dict[str, tuple[bytes, str]] = {}
        for path in sorted(_PLACE.iterdir()):
            kind = _TYPES.get(path.suffix)
            if kind is not None:
                content = path.read_bytes()
                named = f"{path.stem}-{sha256(content).hexdigest()[:_DIGITS]}{path.suffix}"
                self._names[path.name] = f"/assets/{named}"
                self._files[named] = (content, kind)

    def path(self, name: str) -> str:
        """Where a browser gets the file `name`. Raises KeyError: only templates ask, for what is there."""
        return self._names[name]

    async def answer(self, request: Request) -> Response:
        """The file, which a browser may keep: another content has another name."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        content, kind = found
        return Response(content, headers={"content-type": kind, "cache-control": _FOR_A_YEAR})
