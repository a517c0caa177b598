"""Parts of a message's content as Gemini's parts: text, images, sound, video and documents."""

from zai_gateway.dialects.gemini.asked import (
    MOST_ELEMENTS,
    Dropped,
    mapping,
    required_text,
    unsupported,
)
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import Json, kind

_EXTENSIONS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "htm": "text/html",
    "css": "text/css",
    "csv": "text/csv",
    "xml": "text/xml",
    "json": "application/json",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/m4a",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mov": "video/quicktime",
    "webm": "video/webm",
}
_NAMELESS = ("", "document", "file", "untitled")
_SCHEMES = ("https://", "gs://")
"""What Google fetches by itself: public addresses, its Files API, YouTube, and Cloud Storage."""
_FILES = "https://generativelanguage.googleapis.com/v1beta/"


def content_parts(message: Fields, dropped: Dropped) -> list[dict[str, Json]]:
    """The content of a message, a string or a list of parts, as Gemini's parts; empty where it has none.

    Raises Failure for what is none of them, or cannot be sent.
    """
    return [part for parts in grouped_parts(message, dropped) for part in parts]


def grouped_parts(message: Fields, dropped: Dropped) -> list[list[dict[str, Json]]]:
    """The same, with what each part of the content comes to on its own."""
    begins = message.begins("content")
    if begins == b"":
        return []
    if begins == b'"':
        return [[{"text": message.text("content")}]]
    if begins != b"[":
        raise invalid(message.at("content"), "a string, a list of parts or null", kind(begins))
    parts = message.objects("content", MOST_ELEMENTS) or []
    return [parts_of(part, dropped) for part in parts]


def parts_of(part: Fields, dropped: Dropped) -> list[dict[str, Json]]:
    """What one part of a content comes to: a document has its title in front of it.

    Raises Failure for what is none, or cannot be sent.
    """
    sort = required_text(part, "type")
    made = _made(sort, part)
    if sort == "image_url" and part.begins("image_url") == b"{" and _inner(part, sort).has("detail"):
        dropped.note("image_url.detail")
    signature = signature_of(part)
    if signature is not None:
        made["thoughtSignature"] = signature
    said = _told(_inner(part, sort), dropped) if sort == "file" else None
    return [made] if said is None else [{"text": said}, made]


def _made(sort: str, part: Fields) -> dict[str, Json]:
    match sort:
        case "text" | "refusal":
            return {"text": required_text(part, sort)}
        case "image_url" if part.begins("image_url") == b'"':
            return _at_address(required_text(part, "image_url"), part.at("image_url"), None)
        case "image_url" | "video_url":
            inner = _inner(part, sort)
            return _at_address(required_text(inner, "url"), inner.at("url"), inner.text("mime_type"))
        case "input_audio":
            inner = _inner(part, sort)
            sound = f"audio/{required_text(inner, 'format')}"
            return _inline(sound, required_text(inner, "data"))
        case "file":
            return _file(_inner(part, sort))
        case _:
            raise unsupported(
                part.at("type"),
                f"`{part.at('type')}` must be text, image_url, input_audio, video_url or file: "
                "Gemini takes no parts of another type.",
            )


def signature_of(fields: Fields) -> str | None:
    """`extra_content.google.thought_signature`: what has to go back exactly where it came from."""
    google = google_extra(fields)
    return google.text("thought_signature") if google is not None else None


def google_extra(fields: Fields) -> Fields | None:
    """`extra_content.google`, where it is."""
    extra = mapping(fields, "extra_content")
    return mapping(extra, "google") if extra is not None else None


def _inner(part: Fields, name: str) -> Fields:
    inner = mapping(part, name)
    if inner is None:
        raise missing(part.at(name), "an object")
    return inner


def _told(file: Fields, dropped: Dropped) -> str | None:
    """What is said of a document beside its bytes: Gemini's own parts have no place for it."""
    citations = mapping(file, "citations")
    if citations is not None and citations.flag("enabled") is True:
        dropped.note("citations")
    title = file.text("title") or _told_name(file.text("filename"))
    said = [each for each in (title, file.text("context")) if each]
    return "\n\n".join(said) or None


def _told_name(name: str | None) -> str | None:
    """A file's name, unless it says no more than that there is a file, as clients write that have none."""
    stem = (name or "").rpartition(".")[0] or name
    return None if stem is None or stem.casefold() in _NAMELESS else name


def _file(file: Fields) -> dict[str, Json]:
    data, id = file.text("file_data"), file.text("file_id")
    if data is not None:
        mime = file.text("mime_type") or _mime_by_name(file.text("filename") or "")
        return _at_address(data, file.at("file_data"), mime)
    if id is None:
        raise missing(file.at("file_data"), "a data URL or an https URL")
    if id.startswith("files/"):
        id = _FILES + id
    elif not id.startswith(_SCHEMES):
        raise unsupported(
            file.at("file_id"),
            f"`{file.at('file_id')}` must be the name or the URI of a file at Google: "
            "Gemini knows no other vendor's files. Send `file_data` instead.",
        )
    return _at_address(id, file.at("file_id"), file.text("mime_type"))


def _at_address(address: str, path: str, mime: str | None) -> dict[str, Json]:
    if address[:5].casefold() == "data:":
        return _data(address, path)
    if not address.startswith(_SCHEMES):
        raise invalid(path, "a data URL in base64 or an https URL", "another string")
    where: dict[str, Json] = {"fileUri": address}
    mime = mime or _mime_by_name(address.split("?", 1)[0].split("#", 1)[0])
    if mime is not None:
        where["mimeType"] = mime
    return {"fileData": where}


def _data(address: str, path: str) -> dict[str, Json]:
    head, comma, data = address[5:].partition(",")
    mime, *parameters = head.split(";")
    if not comma or not mime or "base64" not in [each.strip().casefold() for each in parameters]:
        raise invalid(path, "a data URL with a type, in base64 (data:image/png;base64,...)", "another one")
    return _inline(mime, data)


def _inline(mime: str, data: str) -> dict[str, Json]:
    return {"inlineData": {"mimeType": mime, "data": data}}


def _mime_by_name(name: str) -> str | None:
    """The type that a file's name tells; None leaves it to Google to find out."""
    last = name.rpartition("/")[2]
    return _EXTENSIONS.get(last.rpartition(".")[2].casefold()) if "." in last else None
