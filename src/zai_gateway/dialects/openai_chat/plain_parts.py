"""The parts of a message's content as OpenAI's vendors take them."""

import re
from binascii import Error as BadBase64
from binascii import a2b_base64
from collections.abc import Mapping

from msgspec import Raw

from zai_gateway.dialects.openai_chat.omissions import Omissions, unsayable
from zai_gateway.wire.fields import Fields, invalid, missing

Part = Mapping[str, object]


def plain_part(part: Fields, omissions: Omissions) -> list[Part]:
    """What one part comes to. Raises Failure with its path where it cannot be said."""
    sort = part.text("type")
    if part.has("cache_control") and not omissions.spares("cache_control"):
        omissions.name("cache_control")
    if sort == "file" and not omissions.spares("file"):
        return _file(part, omissions)
    if sort == "tool_reference":
        # It brings a tool to the model's eyes, and there every tool is already.
        return [text_part(part.text("tool_name") or "")]
    if sort is not None and sort not in _OPENAIS and not omissions.spares(sort):
        raise unsayable(part.at("type"), "it has no word for a block of this type. Say it as text.")
    return [{name: value for name, value in part.values.items() if _stays(name, omissions)}]


def text_part(text: str) -> Part:
    """A part that is this text."""
    return {"type": "text", "text": text}


def is_text(part: Part) -> bool:
    """Whether a part is text."""
    return part.get("type") in ("text", _TEXT)


def _stays(name: str, omissions: Omissions) -> bool:
    return name not in _ANTHROPICS or omissions.spares(name)


def _file(part: Fields, omissions: Omissions) -> list[Part]:
    """A document: of text as text, any other with the name that OpenAI wants of a file."""
    raw = part.raw("file")
    if raw is None:
        raise missing(part.at("file"), "an object")
    file = Fields.of(raw, part.at("file"))
    marks = {name: value for name, value in part.values.items() if name != "file" and _stays(name, omissions)}
    if file.has("citations") and _asks_citations(file):
        omissions.name("citations")
    title, context = file.text("title"), file.text("context")
    size = file.size("file_data")
    if size == 0:
        return [*_told(context), _named(part, file, marks, {})]
    begins = bytes(memoryview(file.values["file_data"])[:_LONGEST_HEAD])
    data_url = _DATA_URL.match(begins)
    if data_url is None:
        raise unsayable(file.at("file_data"), "it takes documents by their bytes alone. Send it in base64.")
    media_type = (data_url[1] or b"").decode()
    if media_type == "text/plain" and data_url[2] and not file.has("filename"):
        said = [each for each in (title, context, _text(file, data_url.end())) if each]
        return [{**marks, **text_part("\n\n".join(said))}]
    named = {} if file.has("filename") else {"filename": _filename(title, media_type)}
    return [*_told(context), _named(part, file, marks, named)]


def _named(part: Fields, file: Fields, marks: Part, named: Mapping[str, str]) -> Part:
    """The part with its name; the very same where nothing changes."""
    own = {**named, **{name: value for name, value in file.values.items() if name not in _OF_DOCUMENTS}}
    return (
        part.values if own == file.values and len(marks) + 1 == len(part.values) else {**marks, "file": own}
    )


def _told(context: str | None) -> list[Part]:
    return [text_part(context)] if context else []


def _asks_citations(file: Fields) -> bool:
    return Fields.of(file.values["citations"], file.at("citations")).flag("enabled") is True


def _text(file: Fields, start: int) -> str:
    """The text of a document whose base64 begins so many bytes into the member's JSON."""
    data = file.text("file_data") or ""
    try:
        return a2b_base64(data[start - 1 :]).decode()
    except (BadBase64, ValueError):
        raise invalid(file.at("file_data"), "text in base64", "something else") from None


def _filename(title: str | None, media_type: str) -> str:
    kind = re.sub(r"[^a-z0-9].*", "", media_type.partition("/")[2]) or "bin"
    name = title if title is not None and _NAME.fullmatch(title) else "document"
    return name if name.casefold().endswith(f".{kind}") else f"{name}.{kind}"


_OPENAIS = frozenset(("text", "image_url", "input_audio", "file", "refusal", "video_url"))
_ANTHROPICS = frozenset(("cache_control", "citations", "extra_content"))
_OF_DOCUMENTS = frozenset(("title", "context", "citations"))
_TEXT = Raw(b'"text"')
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,100}")
_LONGEST_HEAD = 200
_DATA_URL = re.compile(rb'"data:([a-zA-Z0-9.+-]+/[a-zA-Z0-9.+-]+)?[^,]*?(;base64)?,')
