"""Images and documents of the hub's parts as Anthropic's blocks."""

import base64
import binascii

from zai_gateway.dialects.anthropic_messages.reading import Block, is_given, unsupported
from zai_gateway.dialects.anthropic_messages.shapes import FilePart, ImageUrl
from zai_gateway.wire.fields import invalid, missing

_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_PDF = "application/pdf"
_PDF_BEGINS = "JVBERi"
"""How a PDF begins in base64: some clients send the bytes without saying what they are."""
_LONGEST_HEAD = 200
"""Characters in front of the comma of a data URL."""


def image(said: ImageUrl | str | None, path: str) -> Block:
    """An image, by its bytes or its address. Raises Failure where `path` holds neither."""
    place = f"{path}.image_url" if isinstance(said, str) else f"{path}.image_url.url"
    url = said if isinstance(said, str) else said.url if said is not None else None
    if url is None:
        raise missing(place, "a URL")
    if not _begins(url, "data:"):
        return {"type": "image", "source": {"type": "url", "url": _address(url, place)}}
    media_type, data = _data(url, place)
    media_type = "image/jpeg" if media_type == "image/jpg" else media_type
    if media_type == _PDF:
        return {"type": "document", "source": _bytes_of(media_type, data)}
    if media_type not in _IMAGES:
        raise unsupported(place, f"`{place}` must be one of {', '.join(_IMAGES)} for Anthropic's models.")
    return {"type": "image", "source": _bytes_of(media_type, data)}


def document(file: FilePart | None, path: str) -> Block:
    """A document: a PDF by its bytes or its address, a text, or a file that was uploaded to Anthropic.

    Raises Failure where `path` holds none of them.
    """
    place = f"{path}.file"
    if file is None:
        raise missing(place, "an object with `file_data` or `file_id`")
    block: Block = {"type": "document", "source": _source(file, place)}
    title = file.title or file.filename
    if title:
        block["title"] = title
    if file.context:
        block["context"] = file.context
    if is_given(file.citations):
        block["citations"] = file.citations
    return block


def _source(file: FilePart, place: str) -> Block:
    if file.file_data is None:
        if not file.file_id:
            raise missing(f"{place}.file_data", "a data URL or an https URL")
        return {"type": "file", "file_id": file.file_id}
    place = f"{place}.file_data"
    if file.file_data.startswith(_PDF_BEGINS):
        return _bytes_of(_PDF, file.file_data)
    if not _begins(file.file_data, "data:"):
        return {"type": "url", "url": _address(file.file_data, place)}
    media_type, data = _data(file.file_data, place)
    if media_type == _PDF:
        return _bytes_of(media_type, data)
    if media_type.startswith("text/") or media_type == "application/json":
        return {"type": "text", "media_type": "text/plain", "data": _text(data, place)}
    raise unsupported(place, f"`{place}` must be a PDF or a text for Anthropic's models.")


def _bytes_of(media_type: str, data: str) -> Block:
    return {"type": "base64", "media_type": media_type, "data": data}


def _begins(url: str, scheme: str) -> bool:
    return url[: len(scheme)].lower() == scheme


def _address(url: str, place: str) -> str:
    if not (_begins(url, "https://") or _begins(url, "http://")):
        raise invalid(place, "an https URL or a data URL", "something else")
    return url


def _data(url: str, place: str) -> tuple[str, str]:
    """The media type and the base64 of a data URL (RFC 2397)."""
    head, comma, data = url[5:].partition(",")
    media_type, *parameters = head[:_LONGEST_HEAD].lower().split(";")
    if not comma or not data or "base64" not in map(str.strip, parameters):
        raise invalid(place, "a data URL in base64, such as data:image/png;base64,…", "something else")
    return media_type.strip(), data


def _text(data: str, place: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid(place, "a text in UTF-8, in base64", "something else") from None
