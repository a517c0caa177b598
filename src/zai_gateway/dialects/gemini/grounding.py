"""What an answer rests on: `groundingMetadata` and `citationMetadata` as OpenAI's annotations."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.gemini.shape import is_told
from zai_gateway.wire.values import Json

MOST_ANNOTATIONS = 1_000


class _Source(Struct, rename="camel"):
    uri: str | None = None
    title: str | None = None
    domain: str | None = None


class _Chunk(Struct, rename="camel"):
    web: _Source | None = None
    maps: _Source | None = None
    retrieved_context: _Source | None = None


class _Segment(Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None


class _Support(Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class _Grounding(Struct, rename="camel"):
    grounding_chunks: list[_Chunk] | None = None
    grounding_supports: list[_Support] | None = None
    web_search_queries: list[str] | None = None


class _Citation(Struct, rename="camel"):
    uri: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Citations(Struct, rename="camel"):
    citation_sources: list[_Citation] | None = None
    citations: list[_Citation] | None = None


def searches(grounding: Raw) -> int:
    """How many searches of the web were made."""
    told = _grounding(grounding)
    return 0 if told is None else len(told.web_search_queries or ())


def annotations(grounding: Raw, citations: Raw, text: str) -> list[Json]:
    """`url_citation`s into `text`, the answer's whole text; what has no address stands in none of them.

    Gemini's places are bytes of UTF-8, OpenAI's are characters. A source that no passage names is a citation
    of nothing, from 0 to 0.
    """
    ruler = _Ruler(text)
    told = _grounding(grounding)
    found = chain(() if told is None else _of_grounding(told, ruler), _of_citations(citations, ruler))
    return list(islice(found, MOST_ANNOTATIONS))


class _Ruler:
    """Measures a text in characters by places in bytes."""

    def __init__(self, text: str) -> None:
        self._bytes = None if text.isascii() else text.encode()
        self._length = len(text)

    def character(self, byte: int | None) -> int:
        """The character that begins at a byte, or in which it lies."""
        at = max(byte or 0, 0)
        if self._bytes is None:
            return min(at, self._length)
        return len(self._bytes[:at].decode(errors="ignore"))


def _grounding(text: Raw) -> _Grounding | None:
    if not is_told(text):
        return None
    try:
        return _GROUNDING.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _of_grounding(told: _Grounding, ruler: _Ruler) -> Iterator[Json]:
    sources = [chunk.web or chunk.maps or chunk.retrieved_context for chunk in told.grounding_chunks or ()]
    named: set[int] = set()
    for support in told.grounding_supports or ():
        segment = support.segment or _Segment()
        start, end = ruler.character(segment.start_index), ruler.character(segment.end_index)
        for index in support.grounding_chunk_indices or ():
            named.add(index)
            source = sources[index] if 0 <= index < len(sources) else None
            if source is not None and source.uri:
                yield _citation(source.uri, source.title or source.domain, start, end)
    for index, source in enumerate(sources):
        if index not in named and source is not None and source.uri:
            yield _citation(source.uri, source.title or source.domain, 0, 0)


def _of_citations(text: Raw, ruler: _Ruler) -> Iterator[Json]:
    if not is_told(text):
        return
    try:
        told = _CITATIONS.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    cited: Sequence[_Citation] = [*(told.citation_sources or ()), *(told.citations or ())]
    for each in cited:
        if each.uri:
            start, end = ruler.character(each.start_index), ruler.character(each.end_index)
            yield _citation(each.uri, each.title, start, end)


def _citation(url: str, title: str | None, start: int, end: int) -> Json:
    return {
        "type": "url_citation",
        # Some clients refuse a citation that lacks one of the four.
        "url_citation": {"url": url, "title": title or url, "start_index": start, "end_index": end},
    }


_GROUNDING = msgspec.json.Decoder(_Grounding)
_CITATIONS = msgspec.json.Decoder(_Citations)
