"""What a request carries beside text: images, other media and references, found however they are spelled."""

from collections.abc import Mapping

from msgspec import Raw

from zai_gateway.wire.blocks import media_within
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import kind

MOST_PARTS = 20_000
"""Messages, and parts of their contents, that one request may have together."""


class Cargo:
    """A count of media over the messages and tools of one request.

    It errs to one side: what might be media counts as media, since what is missed could cost more than was
    held. Names are compared without regard to case, because some upstreams read them so.
    """

    __slots__ = (
        *("_room", "files", "foreign_media", "inline_image_bytes", "inline_images", "messages", "parts"),
        *("sounds", "tools", "unbounded"),
    )

    def __init__(self) -> None:
        self.messages = 0
        self.parts = 0
        self.tools = 0
        self.inline_images = 0
        self.inline_image_bytes = 0
        self.foreign_media = 0
        self.unbounded: list[str] = []
        """The first fields whose cost nothing bounds: one is enough for a refusal."""
        self.sounds: list[str] = []
        """The first fields that may be heard: sound, video, and what does not say what it is."""
        self.files: list[str] = []
        """The first fields that are files to be read, such as a PDF."""
        self._room = MOST_PARTS

    def load_messages(self, messages: list[Fields]) -> None:
        """Counts what every message carries. Raises Failure where one has no role."""
        self.messages = len(messages)
        self._room = MOST_PARTS - len(messages)
        for message in messages:
            if not _is_text(message.values):
                self._load_message(message)

    def load_tools(self, tools: list[Fields]) -> None:
        """Counts tools, and notes those that the provider itself runs. Raises Failure for what is none."""
        self.tools = len(tools)
        for tool in tools:
            sort = tool.text("type")
            if sort is None and not tool.has("function"):
                self._note(tool.path)
            elif sort not in (None, "function", "custom"):
                self._note(tool.at("type"))
            else:
                for name in _recased(tool, "type"):
                    self._note(tool.at(name))

    def _note(self, path: str) -> None:
        _add(self.unbounded, path)

    def _sort(self, path: str, name: str) -> None:
        """Notes a medium by what its field is called."""
        if any(word in name for word in _HEARD) or name in _UNSAID:
            _add(self.sounds, path)
        elif name.startswith(_READ):
            _add(self.files, path)

    def _load_message(self, message: Fields) -> None:
        if message.text("role") is None:
            raise missing(message.at("role"), "a string, such as user")
        if not _NO_CARGO.issuperset(message.values):
            self._load_beside_content(message)
        begins = message.begins("content")
        if begins in (b"", b'"'):
            return
        if begins != b"[":
            raise invalid(message.at("content"), "a string, a list of parts or null", kind(begins))
        called = f"parts ({MOST_PARTS} for all messages and their parts together)"
        parts = message.objects_among("content", self._room, called)
        self._room -= len(parts)
        self.parts += len(parts)
        for part in parts:
            if part is None:
                self.foreign_media += 1
            else:
                self._load_part(part)

    def _load_beside_content(self, message: Fields) -> None:
        for name in message.values:
            folded = _folded(name)
            if folded == "provider_blocks" and message.has(name):
                self._load_blocks(message, name)
            elif folded == "audio" and message.has(name):
                # It names an earlier answer's sound, which the provider adds to the prompt.
                self._note(message.at(name))
            elif folded in _MEDIA and message.has(name):
                self.foreign_media += 1
                self._sort(message.at(name), folded)
        self.foreign_media += len(_recased(message, "content"))

    def _load_blocks(self, message: Fields, name: str) -> None:
        """Counts what blocks bring that a provider made for itself, at whatever depth it stands in them."""
        blocks = message.objects(name, self._room) or []
        self._room -= len(blocks)
        self.parts += len(blocks)
        path = message.at(name)
        for sort in media_within(message.raw(name) or b"", path):
            if sort.endswith(("_id", "uri")):
                self._note(path)
            self.foreign_media += 1
            self._sort(path, sort)

    def _load_part(self, part: Fields) -> None:
        if len(part.values) == 2 and "text" in part.values and part.text("type") == "text":
            return
        media = [name for name in part.values if _folded(name) in _MEDIA and part.has(name)]
        foreign = 0
        for name in media:
            if name == "image_url" and _is_inline(part):
                self.inline_images += 1
                self.inline_image_bytes += part.size(name)
            else:
                foreign += 1
                self._load_reference(part, name)
                self._sort(part.at(name), "media" if _is_other_data(part, name) else _folded(name))
        sort = part.text("type")
        if not media and sort is not None:
            self._sort(part.at("type"), _folded(sort))
        explained = sort in _TEXT_PARTS or (sort == "image_url" and "image_url" in media)
        self.foreign_media += foreign if explained else max(foreign, 1)

    def _load_reference(self, part: Fields, name: str) -> None:
        value = part.raw(name)
        if _folded(name).endswith("_id"):
            self._note(part.at(name))
        if value is None or not value.startswith(b"{"):
            return
        inner = Fields.of(value, part.at(name))
        for key in inner.values:
            if _folded(key) == "file_id" and inner.has(key):
                self._note(inner.at(key))


def _is_text(message: Mapping[str, Raw]) -> bool:
    """Whether it is a message in one piece of text, or in none, with nothing to count: most of them are."""
    role, content = message.get("role"), message.get("content")
    return (
        role is not None
        and memoryview(role)[0] == _QUOTE
        and (content is None or memoryview(content)[0] == _QUOTE)
        and _NO_CARGO.issuperset(message)
    )


def _folded(name: str) -> str:
    """`name` in a form that has no case. It need not be whole: no name that counts is as long."""
    return name[:64].casefold()


def _recased(fields: Fields, name: str) -> list[str]:
    """Members that an upstream which reads names without regard to case could take for `name`."""
    return [other for other in fields.values if other != name and _folded(other) == name]


def _is_inline(part: Fields) -> bool:
    image = part.raw("image_url") or b""
    if image.startswith(b"{"):
        inner = Fields.of(image, part.at("image_url"))
        # A second address or a file beside the bytes might be what the provider looks at.
        if not {"url", "detail"}.issuperset(inner.values):
            return False
        return _is_data(inner, "url")
    return _is_data(part, "image_url")


def _is_data(fields: Fields, name: str) -> bool:
    address = fields.raw(name)
    if address is not None and address.startswith(b'"data:image/'):
        return True
    url = fields.text(name)
    return url is not None and url.startswith("data:image/")


def _is_other_data(part: Fields, name: str) -> bool:
    """Whether what is called an image says that it is bytes of something else."""
    if name != "image_url":
        return False
    image = part.raw(name) or b""
    url = Fields.of(image, part.at(name)).text("url") if image.startswith(b"{") else part.text(name)
    said = (url or "")[:11].casefold()
    return said.startswith("data:") and said != "data:image/"


def _add(noted: list[str], path: str) -> None:
    if len(noted) < _MOST_NOTED:
        noted.append(path)


_MOST_NOTED = 8
_QUOTE = ord('"')

_TEXT_PARTS = ("text", "refusal", "thinking")
"""The last is how Mistral's reasoning comes back in the next turn."""

_NO_CARGO = frozenset(
    (
        *("role", "content", "name", "refusal", "tool_calls", "tool_call_id", "function_call"),
        *("reasoning", "reasoning_content", "reasoning_details", "cache_control"),
    )
)
"""Members of a message that bring no media, beside what the content says: most messages have no other."""

_HEARD = ("audio", "video", "sound", "speech", "voice")
_READ = ("file", "input_file", "document")
_UNSAID = frozenset(("source", "attachments", "inline_data", "inlinedata", "file_uri", "media"))
"""Names that do not say what is in them."""

_MEDIA = frozenset(
    name + ending
    for name in ("image", "input_image", "audio", "input_audio", "video", "input_video", "file", "input_file")
    for ending in ("", "s", "_url", "_id", "_data")
) | {"document", "documents", "source", "attachments", "inline_data", "inlinedata", "file_uri", "media"}
