"""Images and documents of a request as the hub's content parts; what has no such form there stays a block."""

import re
from base64 import b64encode

from msgspec import Raw

from zai_gateway.dialects.anthropic_front.reading import object_of, others, raw_text, text_of
from zai_gateway.wire.fields import Fields, missing
from zai_gateway.wire.values import encode

_Part = dict[str, object]


def image_part(block: Fields) -> _Part | None:
    """An image by its bytes or its address; None where only Anthropic knows it, as by a `file_id`."""
    source = _source(block)
    sort = text_of(source, "type")
    if sort == "base64":
        url = _data_url(source)
    elif sort == "url":
        url = _address(source)
    else:
        return None
    if url is None:
        return None
    beside = others(block, ("type", "source"), _HUBS)
    return {"type": "image_url", "image_url": {"url": url}, **beside}


def document_part(block: Fields) -> _Part | None:
    """A PDF, a text or a stored file; None for one that is made of content blocks, or of nothing known."""
    source = _source(block)
    file = _file(source, text_of(source, "type"))
    if file is None:
        return None
    for name in _OF_FILE:
        if name in block.values:
            file[name] = block.values[name]
    beside = others(block, ("type", "source", *_OF_FILE), _HUBS)
    return {"type": "file", "file": file, **beside}


def _source(block: Fields) -> Fields:
    source = object_of(block, "source")
    if source is None:
        raise missing(block.at("source"), "an object")
    return source


def _file(source: Fields, sort: str) -> _Part | None:
    if sort == "file":
        id = raw_text(source, "file_id")
        return {"file_id": id} if source.values.keys() <= {"type", "file_id"} else None
    if sort == "base64":
        data = _data_url(source)
    elif sort == "url":
        data = _address(source)
    elif sort == "text":
        data = _text_url(source)
    else:
        data = None
    return None if data is None else {"file_data": data}


def _data_url(source: Fields) -> Raw | None:
    media_type, data = text_of(source, "media_type"), raw_text(source, "data")
    # `text/plain` in base64 would come back as a source of another type.
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type.startswith("text/"):
        return None
    if not source.values.keys() <= {"type", "media_type", "data"}:
        return None
    return Raw(b'"data:%b;base64,%b' % (media_type.encode(), bytes(data)[1:]))


def _text_url(source: Fields) -> Raw | None:
    media_type, data = text_of(source, "media_type"), text_of(source, "data")
    if media_type != "text/plain" or not source.values.keys() <= {"type", "media_type", "data"}:
        return None
    return Raw(b'"data:text/plain;base64,%b"' % b64encode(data.encode()))


def _address(source: Fields) -> Raw | None:
    url = text_of(source, "url")
    if url[:5].casefold() == "data:" or not source.values.keys() <= {"type", "url"}:
        return None
    return Raw(encode(url))


_MEDIA_TYPE = re.compile(r"[a-z0-9]+/[a-zA-Z0-9.+-]+")
_OF_FILE = ("title", "context", "citations")
_HUBS = ("image_url", "file", "text")
