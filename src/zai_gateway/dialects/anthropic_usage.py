"""What Anthropic says that an answer used, in buckets that do not overlap, for both its dialects."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct, structs

from zai_gateway.wire.usage import MOST_TOKENS, Usage
from zai_gateway.wire.values import Json, decode

_Count = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]


class _CacheCreation(Struct, frozen=True):
    ephemeral_5m_input_tokens: _Count | None = None
    ephemeral_1h_input_tokens: _Count | None = None

    @property
    def shorter(self) -> int:
        return self.ephemeral_5m_input_tokens or 0

    @property
    def longer(self) -> int:
        return self.ephemeral_1h_input_tokens or 0


class _OutputDetails(Struct, frozen=True):
    thinking_tokens: _Count | None = None


class _ServerTools(Struct, frozen=True):
    web_search_requests: _Count | None = None


class _Round(Struct, frozen=True):
    """One of the models' rounds that made the answer."""

    type: str | None = None
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation: _CacheCreation | None = None


class Told(Struct, frozen=True):
    """`usage`, which a stream tells twice: the later says what the earlier did not know yet."""

    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation: _CacheCreation | None = None
    output_tokens_details: _OutputDetails | None = None
    server_tool_use: _ServerTools | None = None
    iterations: list[_Round] | None = None
    service_tier: str | None = None
    speed: str | None = None

    def followed_by(self, later: "Told") -> "Told":
        """Both together: of what both say, the later."""
        said = {name: value for name in Told.__struct_fields__ if (value := getattr(later, name)) is not None}
        return structs.replace(self, **said)

    @property
    def usage(self) -> Usage | None:
        """The buckets; None where one of the two counts is missing.

        Anthropic's `input_tokens` leaves out what was read from the cache or written to it (wire.md 22). Its
        sums leave out the rounds of other kinds than `message`: an adviser's, or those that shortened the
        conversation. They are billed, and count here.
        """
        if self.input_tokens is None or self.output_tokens is None:
            return None
        apart = [each for each in self.iterations or () if each.type != "message"]
        written = self._written(apart)
        written_long = self._written_long(apart, written)
        output = _sum(self.output_tokens, [each.output_tokens for each in apart])
        details = self.output_tokens_details or _OutputDetails()
        return Usage(
            input=_sum(self.input_tokens, [each.input_tokens for each in apart]),
            cache_read=_sum(self.cache_read_input_tokens, [each.cache_read_input_tokens for each in apart]),
            cache_write=written - written_long,
            cache_write_long=written_long,
            output=output,
            reasoning=min(details.thinking_tokens or 0, output),
            searches=(self.server_tool_use or _ServerTools()).web_search_requests or 0,
        )

    @property
    def tier(self) -> str | None:
        """The tier that was served, as it is billed: a fast answer has a price of its own."""
        return "fast" if self.speed == "fast" else self.service_tier

    def _written(self, apart: list[_Round]) -> int:
        split = self.cache_creation or _CacheCreation()
        told = max(self.cache_creation_input_tokens or 0, split.shorter + split.longer)
        return _sum(told, [each.cache_creation_input_tokens for each in apart])

    def _written_long(self, apart: list[_Round], written: int) -> int:
        """How much was written for an hour. Where the sum grew after the split was told, as it was split."""
        told = [self.cache_creation, *(each.cache_creation for each in apart)]
        splits = [each for each in told if each is not None]
        longer, shorter = sum(each.longer for each in splits), sum(each.shorter for each in splits)
        return written if longer and not shorter else min(longer, written)


def told_usage(text: Raw) -> Told:
    """What a `usage` object in JSON tells; nothing where it cannot be read."""
    try:
        return msgspec.json.decode(text, type=Told | None) or _NOTHING
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        try:
            return usage_of(decode(bytes(text)))
        except ValueError:
            return _NOTHING


def usage_of(value: Json) -> Told:
    """What a `usage` object tells; of a member that is malformed, nothing."""
    if not isinstance(value, dict):
        return _NOTHING
    try:
        return msgspec.convert(value, Told)
    except msgspec.ValidationError:
        return _member_by_member(value)


def _member_by_member(value: dict[str, Json]) -> Told:
    said: dict[str, Any] = {}
    for field in structs.fields(Told):
        try:
            said[field.name] = msgspec.convert(value.get(field.name), field.type)
        except msgspec.ValidationError:
            continue
    return Told(**said)


def _sum(first: int | None, further: list[int | None]) -> int:
    return min((first or 0) + sum(each or 0 for each in further), MOST_TOKENS)


_NOTHING = Told()
