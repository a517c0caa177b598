"""Half surrogate pairs: each is replaced in place, whatever stands around it."""

import json
import re

from hypothesis import example, given
from hypothesis import strategies as st

from zai_gateway.wire.surrogates import legible, with_whole_surrogates

PIECES = st.sampled_from(
    [
        r"\ud83d",
        r"\uDE00",
        r"\uD83D",
        r"\ude00",
        r"\u00e9",
        r"\\",
        r"\\u",
        "ud83d",
        r"\n",
        r"\"",
        "a",
        "é",
        "😀",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example(r"\\\ud83d\\ud83d")
@example(r"\ud83d\ud83d\ude00\ude00")
def test_halves_are_replaced_and_nothing_else(spelled: str) -> None:
    text = f'{{"a":["{spelled}"]}}'.encode()
    whole = with_whole_surrogates(text)
    read: str = json.loads(text)["a"][0]
    assert json.loads(whole) == {"a": [re.sub("[\ud800-\udfff]", "\ufffd", read)]}
    assert len(whole) == len(text)
    assert legible(text) == whole


def test_what_is_no_json_stays_what_it_is() -> None:
    for text in (b'"\\ud83d\0\0"', b"[" * 100_000 + b'"\\ud83d"'):
        assert legible(text) == text
