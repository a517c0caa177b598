"""Plain requests: what is read at one go is what a careful reading says."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.wire.test_chat import JSON
from zai_gateway.errors import Failure
from zai_gateway.wire.chat import ChatRequest, parse, parse_with_care

RIGHT = [
    *(("stream", True), ("temperature", 0.5), ("top_p", 1), ("max_tokens", 5), ("max_completion_tokens", 7)),
    *(("n", 2), ("stop", ["a"]), ("reasoning_effort", "low"), ("service_tier", "flex"), ("models", ["a/b"])),
]
TEXT = st.text(max_size=5) | st.sampled_from(["\n", '"', "é", "a" * 2_000])
MESSAGE = st.fixed_dictionaries({"role": TEXT, "content": TEXT}) | st.fixed_dictionaries(
    {"role": st.just("user")}, optional={"content": JSON, "name": TEXT, "image_url": TEXT}
)


@given(
    st.fixed_dictionaries(
        {"model": st.just("openai/gpt-4o"), "messages": st.lists(MESSAGE, max_size=3)},
        optional={name: st.just(right) | JSON for name, right in RIGHT} | {"other": JSON, "tools": JSON},
    ),
    st.booleans(),
    st.sampled_from(["", ',"model":"x/y"', ',"n":2', ',"n":2.0', ',"\\u006e":2', ',"max_tokens":1e2']),
)
def test_what_is_read_at_one_go_is_read_as_with_care(fields: Any, dense: bool, more: str) -> None:
    written = json.dumps(fields, separators=(",", ":") if dense else None, ensure_ascii=dense)
    text = (written[:-1] + more + "}").encode(errors="surrogatepass")
    read: list[ChatRequest | tuple[str, str | None]] = []
    for reader in (parse, parse_with_care):
        try:
            read.append(replace(reader(text), plain=False))
        except Failure as failure:
            read.append((failure.message, failure.param))
    assert read[0] == read[1]


def test_a_request_of_text_alone_is_plain() -> None:
    text = (
        b'{"model":"a/b","messages":[{"role":"user","content":"Hi"}],"stream":true,"max_tokens":5,"stop":"x"}'
    )
    assert parse(text).plain
    assert parse(text) == replace(parse_with_care(text), plain=True)
    for other in (b'[{"type":"text","text":"Hi"}]}', b'"Hi","name":"n"}', b'"Hi" }', b"null}"):
        assert not parse(text.replace(b'"Hi"}', other)).plain
