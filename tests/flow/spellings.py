"""JSON objects as bytes that nobody would write: any spelling, any whitespace, names that stand twice."""

import json
from collections.abc import Mapping

from hypothesis import strategies as st
from msgspec import Struct

_BLANKS = st.sampled_from((b"", b"", b"", b" ", b"\n", b"\t  "))
"""Without carriage returns, which an event stream cannot keep (HTML standard, section 9.2.6)."""
_NUMBERS = st.from_regex(rb"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
_PLAIN = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\').map(str.encode)
_ESCAPED = st.sampled_from(
    (rb"\"", rb"\\", rb"\/", rb"\n", rb"\u0041", rb"\u00e9", rb"\u00E9", rb"\ud83d\ude00", rb"\u0000")
)
_HALVES = st.sampled_from((rb"\ud83d", rb"\uDE00", rb"\ud83d\n"))
"""Half a surrogate pair: JSON allows it (RFC 8259, section 8.2)."""


def _quoted(*pieces: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.one_of(*pieces), max_size=6).map(lambda found: b'"' + b"".join(found) + b'"')


TEXTS = _quoted(_PLAIN, _ESCAPED, _HALVES)
_NAMES = _quoted(_PLAIN, _ESCAPED)


def _lists(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    items = st.tuples(_BLANKS, values, _BLANKS).map(b"".join)
    return st.lists(items, max_size=3).map(lambda found: b"[" + b",".join(found) + b"]")


def _objects(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    items = st.tuples(_BLANKS, TEXTS, _BLANKS, st.just(b":"), _BLANKS, values, _BLANKS).map(b"".join)
    return st.lists(items, max_size=3).map(lambda found: b"{" + b",".join(found) + b"}")


VALUES = st.recursive(
    st.sampled_from((b"true", b"false", b"null", b"[ ]", b'""')) | _NUMBERS | TEXTS,
    lambda inner: _lists(inner) | _objects(inner),
    max_leaves=6,
)


class Spelling(Struct, frozen=True):
    """An object as its bytes, member by member."""

    members: tuple[tuple[bytes, str, bytes], ...]
    """Of each: all bytes up to its value, its name, its value."""
    tail: bytes
    """All bytes after the last value."""

    def written(self, changes: Mapping[str, bytes] | None = None, added: bytes = b"") -> bytes:
        """The object with some values changed, and `added` after the last of them."""
        new = changes or {}
        pairs = (before + new.get(name, value) for before, name, value in self.members)
        return b"".join((*pairs, added, self.tail))


@st.composite
def spelled(draw: st.DrawFn, known: Mapping[str, st.SearchStrategy[bytes]]) -> Spelling:
    """An object of the known members and of strangers, in any order and any spelling."""
    strangers = [b'"x-' + name[1:] for name in draw(st.lists(_NAMES, max_size=3, unique_by=json.loads))]
    names = [(draw(_spellings(name)), name) for name in known]
    names += [(spelling, str(json.loads(spelling))) for spelling in strangers]
    members: list[tuple[bytes, str, bytes]] = []
    for spelling, name in draw(st.permutations(names)):
        opening = b"," if members else draw(_BLANKS) + b"{"
        before = b"".join((opening, draw(_BLANKS), spelling, draw(_BLANKS), b":", draw(_BLANKS)))
        members.append((before, name, draw(known.get(name, VALUES))))
    return Spelling(tuple(members), (b"" if members else b"{") + draw(_BLANKS) + b"}" + draw(_BLANKS))


def _spellings(text: str) -> st.SearchStrategy[bytes]:
    """A text of plain letters as a JSON string, now and then with one of them escaped."""
    plain = f'"{text}"'.encode()
    escaped = (f'"{text[:at]}\\u{ord(text[at]):04x}{text[at + 1 :]}"'.encode() for at in range(len(text)))
    return st.just(plain) | st.sampled_from((plain, *escaped))
