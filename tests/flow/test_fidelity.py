"""Playbooks of fidelity: any bytes that go in come out, both ways, but for the named splices."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flow.spellings import TEXTS, VALUES, Spelling, spelled
from tests.flow.stage import Got, Stage, staged
from tests.upstreams.answers import Answer, sse_answer
from zai_gateway.accounts.terms import IssuedKey

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL, SENT = b'"openai/gpt-4o"', b'"gpt-4o"'
MANY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# As the upstream calls it; no line of an answer may hold it afterwards.
THEIRS = b'"gpt-4o-2024-08-06"'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with staged(tmp_path_factory.mktemp("fidelity") / "data") as ready:
        yield ready


@pytest.fixture(scope="module")
def key(stage: Stage) -> IssuedKey:
    return stage.key()


def exactly(text: bytes) -> st.SearchStrategy[bytes]:
    return st.just(text)


MESSAGES = spelled({"role": exactly(b'"user"'), "content": TEXTS}).map(
    lambda one: b"[" + one.written() + b" ]"
)
ASKED = {"model": st.sampled_from((MODEL, b'"openai\\/gpt\\u002d4o"')), "messages": MESSAGES}


async def sent(stage: Stage, key: IssuedKey, body: bytes) -> bytes:
    """What the upstream gets of a request."""
    stage.stub.requests.clear()
    assert (await stage.chat(key, body)).status == 200
    (request,) = stage.stub.requests
    return request.body


@MANY
@given(asked=spelled(ASKED))
async def test_a_request_goes_out_as_it_came(stage: Stage, key: IssuedKey, asked: Spelling) -> None:
    assert await sent(stage, key, asked.written()) == asked.written({"model": SENT})


@MANY
@given(asked=spelled({**ASKED, "stream": exactly(b"true")}))
async def test_a_stream_is_asked_for_its_usage(stage: Stage, key: IssuedKey, asked: Spelling) -> None:
    options = b',"stream_options":{"include_usage":true}'
    assert await sent(stage, key, asked.written()) == asked.written({"model": SENT}, options)


@MANY
@given(
    asked=spelled({**ASKED, "stream": exactly(b"true")}),
    options=spelled({"include_usage": exactly(b"false")}),
)
async def test_what_else_stands_in_its_options_stays(
    stage: Stage, key: IssuedKey, asked: Spelling, options: Spelling
) -> None:
    body = asked.written(added=b',"stream_options":' + options.written())
    wanted = options.written({"include_usage": b"true"})
    assert await sent(stage, key, body) == asked.written({"model": SENT}, b',"stream_options":' + wanted)


@MANY
@given(asked=spelled({**ASKED, "max_completion_tokens": exactly(b"9"), "n": exactly(b"2")}))
async def test_a_limit_is_renamed_and_nothing_else(stage: Stage, key: IssuedKey, asked: Spelling) -> None:
    got = pairs(await sent(stage, key, asked.written()))
    given_pairs = [
        pair for pair in pairs(asked.written({"model": SENT})) if pair[0] != "max_completion_tokens"
    ]
    assert got == [*given_pairs, ("max_tokens", "9")]


def nested(known: Mapping[str, st.SearchStrategy[bytes]]) -> st.SearchStrategy[bytes]:
    return spelled(known).map(Spelling.written)


def listed(one: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return one.map(lambda text: b"[" + text + b"]")


COUNTS = nested(
    {"prompt_tokens": exactly(b"12"), "completion_tokens": exactly(b"4"), "total_tokens": exactly(b"16")}
)
SAID = nested({"role": exactly(b'"assistant"'), "content": TEXTS, "refusal": exactly(b"null")})
ENDED: Mapping[str, st.SearchStrategy[bytes]] = {"index": exactly(b"0"), "finish_reason": exactly(b'"stop"')}
NAMED: Mapping[str, st.SearchStrategy[bytes]] = {
    "id": TEXTS,
    "created": exactly(b"1735689600"),
    "model": st.just(THEIRS) | TEXTS,
}
ANSWER = spelled(
    {
        **NAMED,
        "object": exactly(b'"chat.completion"'),
        "choices": listed(nested({**ENDED, "message": SAID, "logprobs": exactly(b"null")})),
        "usage": COUNTS,
        "service_tier": exactly(b'"default"'),
        "system_fingerprint": VALUES,
    }
)


@MANY
@given(answer=ANSWER)
async def test_an_answer_comes_as_it_was_said(stage: Stage, key: IssuedKey, answer: Spelling) -> None:
    stage.stub.script(Answer(headers=(("content-type", "application/json"),), body=answer.written()))
    got = await stage.chat(key, b'{"model":%b,"messages":[{"role":"user"}]}' % MODEL)
    assert got.status == 200
    id: str = got.json()["id"]
    assert id.startswith("cmpl_")
    assert got.body == answer.written({"id": json.dumps(id).encode(), "model": MODEL})
    assert got.headers["content-length"] == str(len(got.body))


CHUNK = {**NAMED, "object": exactly(b'"chat.completion.chunk"'), "usage": exactly(b"null")}


def delta(
    known: Mapping[str, st.SearchStrategy[bytes]], reason: bytes = b"null"
) -> st.SearchStrategy[Spelling]:
    """A chunk of one choice."""
    choice = {"index": exactly(b"0"), "delta": nested(known), "finish_reason": exactly(reason)}
    return spelled({**CHUNK, "choices": listed(nested(choice))})


STREAM = st.tuples(
    delta({"role": exactly(b'"assistant"'), "content": exactly(b'""')}),
    delta({"content": TEXTS}),
    delta({"content": TEXTS}),
    delta({}, reason=b'"stop"'),
    spelled({**CHUNK, "choices": exactly(b"[]"), "usage": COUNTS}),
)


@MANY
@given(chunks=STREAM)
async def test_a_stream_comes_as_it_was_said(
    stage: Stage, key: IssuedKey, chunks: tuple[Spelling, ...]
) -> None:
    stage.stub.script(sse_answer(*(event(chunk.written()) for chunk in chunks), b"data: [DONE]\n\n"))
    got = await stage.chat(key, b'{"model":%b,"stream":true,"messages":[{"role":"user"}]}' % MODEL)
    *events, done = events_of(got)
    assert done == b"[DONE]"
    id: str = json.loads(events[0])["id"]
    names = {"id": json.dumps(id).encode(), "model": MODEL}
    assert events == [chunk.written(names).strip() for chunk in chunks]


def event(text: bytes) -> bytes:
    """An event whose data may have several lines."""
    return b"".join(b"data: %b\n" % line for line in text.split(b"\n")) + b"\n"


def events_of(got: Got) -> list[bytes]:
    """The data of each event, its lines joined again."""
    frames = got.body.removesuffix(b"\n\n").split(b"\n\n")
    return [b"\n".join(line.removeprefix(b"data: ") for line in frame.split(b"\n")) for frame in frames]


ODD = rb'{"over": 1e999, "long": 123456789012345678901234567890.000, "half": "\ud800", "a": 1, "a": 2}'
"""What a library that reads numbers and names would lose."""


async def test_numbers_keep_their_digits_both_ways(stage: Stage, key: IssuedKey) -> None:
    asked = b'{"model": %b, "messages": [{"role": "user", "odd": %b}], "odd": %b}'
    answer = b'{"id": %b, "model": %b, "created": 1, "object": "chat.completion", "odd": %b, "choices": ['
    answer += b'{"index": 0, "message": {"role": "assistant", "content": "", "odd": %b}, "odd": %b}]}'
    stage.stub.requests.clear()
    stage.stub.script(
        Answer(headers=(("content-type", "application/json"),), body=answer % (b'"a"', THEIRS, ODD, ODD, ODD))
    )
    got = await stage.chat(key, asked % (MODEL, ODD, ODD))
    assert stage.stub.requests[0].body == asked % (SENT, ODD, ODD)
    id: str = got.json()["id"]
    assert got.body == answer % (json.dumps(id).encode(), MODEL, ODD, ODD, ODD)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_of_a_model_that_nobody_knows_keeps_its_name(
    stage: Stage, key: IssuedKey, name: str
) -> None:
    asked = b'{"model": %b, "messages": [{"role": "user"}], "' + name.encode() + b'": 9, "stop": ["a"]}'
    assert await sent(stage, key, asked % b'"openai/unheard-of"') == asked % b'"unheard-of"'


def pairs(text: bytes) -> list[tuple[str, Any]]:
    """The members in their order, names that stand twice too, and numbers as they are spelled."""
    return json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)
