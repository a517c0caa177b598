"""What a request carries beside text: images, other media and references, found however they are spelled."""

from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.splice import elements
from zai_gateway.wire.values import kind


class Cargo:
    """A count of media over the messages and tools of one request.

    It errs to one side: what might be media counts as media, since what is missed could cost more than was
    held. Names are compared without regard to case, because some upstreams read them so.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.inline_images = 0
        self.inline_image_bytes = 0
        self.foreign_media = 0
        self.unbounded: list[str] = []

    def load_messages(self, texts: list[bytes]) -> None:
        """Counts what every message carries. Raises Failure where one is no object with a role."""
        self.messages = len(texts)
        for index, text in enumerate(texts):
            self._load_message(Fields(text, f"messages[{index}]"))

    def load_tools(self, texts: list[bytes]) -> None:
        """Lists the tools that the provider itself runs. Raises Failure where one is no object."""
        for index, text in enumerate(texts):
            tool = Fields(text, f"tools[{index}]")
            sort = tool.text("type")
            if sort is None and tool.raw("function") is None:
                self.unbounded.append(f"tools[{index}]")
            elif sort not in (None, "function", "custom"):
                self.unbounded.append(tool.at("type"))
            else:
                self.unbounded += [tool.at(name) for name in _recased(tool, "type")]

    def _load_message(self, message: Fields) -> None:
        if message.text("role") is None:
            raise missing(message.at("role"), "a string, such as user")
        for name in message.members:
            folded = name.casefold()
            if folded == "audio" and message.raw(name) is not None:
                # It names an earlier answer's sound, which the provider adds to the prompt.
                self.unbounded.append(message.at(name))
            elif folded in _MEDIA and message.raw(name) is not None:
                self.foreign_media += 1
        self.foreign_media += len(_recased(message, "content"))
        content = message.raw("content")
        if content is None or content.startswith(b'"'):
            return
        if not content.startswith(b"["):
            raise invalid(message.at("content"), "a string, a list of parts or null", kind(content))
        for index, text in enumerate(elements(content)):
            if text.startswith(b"{"):
                self._load_part(Fields(text, f"{message.at('content')}[{index}]"))
            else:
                self.foreign_media += 1

    def _load_part(self, part: Fields) -> None:
        media = [name for name in part.members if name.casefold() in _MEDIA and part.raw(name) is not None]
        foreign = 0
        for name in media:
            if name == "image_url" and _is_inline(part):
                self.inline_images += 1
                self.inline_image_bytes += part.size(name)
            else:
                foreign += 1
                self._load_reference(part, name)
        sort = part.text("type")
        explained = sort in _TEXT_PARTS or (sort == "image_url" and "image_url" in media)
        self.foreign_media += foreign if explained else max(foreign, 1)

    def _load_reference(self, part: Fields, name: str) -> None:
        value = part.raw(name)
        if name.casefold().endswith("_id"):
            self.unbounded.append(part.at(name))
        if value is None or not value.startswith(b"{"):
            return
        inner = Fields(value, part.at(name))
        for key in inner.members:
            if key.casefold() == "file_id" and inner.raw(key) is not None:
                self.unbounded.append(inner.at(key))


def _recased(fields: Fields, name: str) -> list[str]:
    """Members that an upstream which reads names without regard to case could take for `name`."""
    return [other for other in fields.members if other != name and other.casefold() == name]


def _is_inline(part: Fields) -> bool:
    image = part.raw("image_url") or b""
    if image.startswith(b"{"):
        inner = Fields(image, part.at("image_url"))
        # A second address or a file beside the bytes might be what the provider looks at.
        if not {"url", "detail"}.issuperset(inner.members):
            return False
        url = inner.text("url")
    else:
        url = part.text("image_url")
    return url is not None and url.startswith("data:image/")


_TEXT_PARTS = ("text", "refusal")

_MEDIA = frozenset(
    name + ending
    for name in ("image", "input_image", "audio", "input_audio", "video", "input_video", "file", "input_file")
    for ending in ("", "s", "_url", "_id", "_data")
) | {"document", "documents", "source", "attachments", "inline_data", "inlinedata", "file_uri", "media"}
