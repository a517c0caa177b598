"""What an answer cites, as Anthropic's citations of a text."""

from collections.abc import Mapping

from zai_gateway.dialects.anthropic_front.marks import MARK
from zai_gateway.wire.values import Json

_OWN = frozenset(
    (
        *("char_location", "page_location", "content_block_location"),
        *("web_search_result_location", "search_result_location"),
    )
)


def citation_of(annotation: Json) -> dict[str, Json] | None:
    """The citation that an annotation of the hub is; None for one that Anthropic has no form for."""
    if not isinstance(annotation, dict):
        return None
    sort = annotation.get("type")
    said = annotation.get(sort) if isinstance(sort, str) else None
    if not isinstance(sort, str) or not isinstance(said, dict):
        return None
    if sort in _OWN:
        return {**said, "type": sort}
    return _of_page(said) if sort == "url_citation" else None


def _of_page(said: Mapping[str, Json]) -> dict[str, Json] | None:
    url, title, text = said.get("url"), said.get("title"), said.get("content")
    if not isinstance(url, str):
        return None
    return {
        "type": "web_search_result_location",
        "url": url,
        "title": title if isinstance(title, str) else None,
        "cited_text": text if isinstance(text, str) else "",
        # Only Anthropic can make one that its own models take back.
        "encrypted_index": MARK,
    }
