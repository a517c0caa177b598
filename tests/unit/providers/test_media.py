"""Media and searches on a key with a cap: refused where no price covers them, unless it has an allowance."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.providers.capped import CATALOGUE, capped, prepared
from tests.unit.wire.bodies import body
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest, parse

SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
VIDEO = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def asked(name: str, part: Any) -> ChatRequest:
    return parse(body(model=name, messages=[{"role": "user", "content": [part]}]))


@pytest.mark.parametrize(
    ("name", "part", "field"),
    [
        ("mistral/voxtral-small-latest", SOUND, "input_audio"),  # billed by the second
        ("openrouter/google/gemini-2.5-flash", SOUND, "input_audio"),  # three times the price of text
        ("openrouter/google/gemini-2.5-flash", VIDEO, "video_url"),  # may have sound
        ("openrouter/openai/gpt-5.1-codex-mini", FILE, "file"),  # which OpenRouter reads, by the page
    ],
)
def test_what_no_price_covers_is_refused_without_an_allowance(name: str, part: Any, field: str) -> None:
    caller = capped(name.partition("/")[0], {})
    request = asked(name, part)
    with pytest.raises(Failure) as refused:
        prepared(request, caller)
    assert (refused.value.code, refused.value.param) == (
        Code.UNBOUNDED_FEATURE,
        f"messages[0].content[0].{field}",
    )
    generous = replace(caller, key=replace(caller.key, unbounded_allowance=7))
    route, bound = prepared(request, generous)
    assert route.allowance == 7
    assert route.price is not None
    assert bound.input_pico % (route.model.context_window or 0) == 7_000


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("openai/gpt-4o", SOUND),  # which it does not hear, and refuses
        ("moonshot/kimi-k2.6", VIDEO),
        ("openai/gpt-4o", FILE),
        ("openrouter/google/gemini-2.5-flash", FILE),  # which the model takes as it is
        ("openrouter/google/gemini-2.5-flash", IMAGE),
    ],
)
def test_what_costs_as_text_does_is_bounded_by_the_context_window(name: str, part: Any) -> None:
    route, bound = prepared(asked(name, part), capped(name.partition("/")[0], {}))
    assert route.allowance == 0
    prefix, _, id = name.partition("/")
    assert bound.input_pico >= (CATALOGUE.model(prefix, id).context_window or 0) * 100_000


@pytest.mark.parametrize(
    ("name", "options", "allowed"),
    [
        ("perplexity/sonar-pro", {}, True),
        ("perplexity/sonar-pro", {"search_context_size": "high"}, True),
        ("perplexity/sonar-pro", {"search_context_size": "low", "user_location": {"country": "DE"}}, True),
        ("perplexity/sonar-pro", {"search_type": "pro"}, False),
        ("perplexity/sonar-pro", {"search_context_size": "low", "Search_Type": "pro"}, False),
        ("perplexity/sonar-pro", ["search_context_size"], False),
        ("perplexity/sonar-deep-research", {"search_context_size": "low"}, False),
        ("openai/gpt-4o", {"search_context_size": "low"}, False),
        ("mybox/sonar-pro", {"search_context_size": "low"}, False),
    ],
)
def test_only_a_search_whose_fee_is_known_is_allowed(name: str, options: Any, allowed: bool) -> None:
    request = parse(body(model=name, web_search_options=options))
    caller = capped(name.partition("/")[0], {})
    if not allowed:
        with pytest.raises(Failure) as refused:
            prepared(request, caller)
        assert refused.value.code is Code.UNBOUNDED_FEATURE
        assert refused.value.param in ("web_search_options", "model")
        return
    _, bound = prepared(request, caller)
    assert bound.worst(0) >= 14_000_000  # its dearest fee, in nano-USD
