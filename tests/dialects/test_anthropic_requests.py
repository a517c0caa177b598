"""Requests of OpenAI's clients to Anthropic: limits, reasoning, sampling and who asks."""

import json
from typing import Any

from tests.dialects.anthropic_sending import ADAPTIVE, HI, PLAN, UNREASONING, WEATHER, encoded, refusal, sent
from zai_gateway.dialects import anthropic_messages
from zai_gateway.dialects.anthropic_messages import encode_count
from zai_gateway.dialects.dialect import Dialect, EncodePlan
from zai_gateway.wire.chat import parse


def test_it_is_a_dialect() -> None:
    spoken: Dialect = anthropic_messages
    assert spoken.encode is anthropic_messages.encode


def test_a_plain_request() -> None:
    assert sent(messages=[{"role": "system", "content": "Be brief."}, HI], max_tokens=100) == {
        "model": "claude-test",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}],
    }
    assert sent(stream=True)["stream"] is True


def test_a_limit_is_always_said() -> None:
    assert sent()["max_tokens"] == 64_000
    assert sent(EncodePlan(model="m"))["max_tokens"] == 4096
    assert sent(max_tokens=9, max_completion_tokens=7)["max_tokens"] == 7
    assert sent(EncodePlan(model="m", output_limit=5), max_tokens=9)["max_tokens"] == 5


def test_vertex_names_the_version_and_no_model() -> None:
    body = sent(EncodePlan(model="claude@1", extra=(("anthropic_version", b'"vertex-2023-10-16"'),)))
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in body


def test_effort_becomes_a_budget_where_the_model_takes_one() -> None:
    assert sent(reasoning_effort="high")["thinking"] == {"type": "enabled", "budget_tokens": 24_576}
    assert sent(reasoning_effort="high", max_tokens=5000)["thinking"]["budget_tokens"] == 4000
    assert sent(reasoning_effort="minimal")["thinking"]["budget_tokens"] == 1024
    assert "thinking" not in sent(reasoning_effort="none")
    small = encoded(reasoning_effort="low", max_tokens=1000)
    assert "thinking" not in json.loads(small.body)
    assert small.dropped == ("reasoning_effort",)


def test_effort_goes_by_its_name_where_the_model_takes_it() -> None:
    body = sent(ADAPTIVE, reasoning_effort="high")
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    lower = encoded(ADAPTIVE, reasoning_effort="xhigh")
    assert json.loads(lower.body)["output_config"] == {"effort": "high"}
    assert lower.dropped == ("reasoning_effort",)
    assert sent(ADAPTIVE, reasoning_effort="minimal")["output_config"] == {"effort": "low"}
    assert sent(ADAPTIVE, reasoning_effort="none")["thinking"] == {"type": "disabled"}
    assert "thinking" not in sent(ADAPTIVE)


def test_reasoning_in_openrouters_form() -> None:
    budget = sent(reasoning={"max_tokens": 2000, "exclude": True})
    assert budget["thinking"] == {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}
    assert sent(reasoning={"enabled": True})["thinking"]["budget_tokens"] == 8192
    assert sent(ADAPTIVE, reasoning={"enabled": True, "exclude": False})["thinking"] == {
        "type": "adaptive",
        "display": "summarized",
    }
    fitted = encoded(reasoning={"max_tokens": 9000}, max_tokens=3000)
    assert json.loads(fitted.body)["thinking"]["budget_tokens"] == 2999
    assert fitted.dropped == ("reasoning.max_tokens",)
    assert "thinking" not in sent(reasoning={"enabled": False, "effort": "high"})
    assert refusal(reasoning={"max_tokens": 100}).param == "reasoning.max_tokens"
    assert refusal(reasoning={"effort": "huge"}).param == "reasoning.effort"
    assert encoded(UNREASONING, reasoning_effort="high").dropped == ("reasoning_effort",)


def test_anthropics_own_words_win() -> None:
    own = {"type": "enabled", "budget_tokens": 5000}
    body = sent(thinking=own, reasoning_effort="low", output_config={"effort": "max"})
    assert (body["thinking"], body["output_config"]) == (own, {"effort": "max"})
    lowered = encoded(EncodePlan(model="m", output_limit=2000), thinking=own, max_tokens=9000)
    assert json.loads(lowered.body)["thinking"]["budget_tokens"] == 1600
    assert lowered.dropped == ("thinking.budget_tokens",)
    body = sent(container="c", mcp_servers=[{"name": "n"}], context_management={"edits": []}, top_k=5)
    assert (body["container"], body["mcp_servers"], body["top_k"]) == ("c", [{"name": "n"}], 5)
    assert body["context_management"] == {"edits": []}


def test_a_turn_that_lost_its_reasoning_goes_on_without() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        HI,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
    ]
    bare = encoded(messages=messages, tools=[WEATHER], reasoning_effort="low")
    assert "thinking" not in json.loads(bare.body)
    assert bare.dropped == ("reasoning_effort",)
    assert sent(ADAPTIVE, messages=messages, tools=[WEATHER], reasoning_effort="low")["thinking"]
    detail = {"type": "reasoning.text", "text": "", "signature": "s", "index": 0}
    messages[1] = {**messages[1], "reasoning_details": [detail]}
    assert sent(messages=messages, tools=[WEATHER], reasoning_effort="low")["thinking"]["type"] == "enabled"


def test_sampling_is_what_anthropic_takes() -> None:
    assert sent(temperature=0.5)["temperature"] == 0.5
    warm = encoded(temperature=1.5)
    assert (json.loads(warm.body)["temperature"], warm.dropped) == (1, ("temperature",))
    both = encoded(temperature=0.5, top_p=0.5)
    assert "top_p" not in json.loads(both.body)
    assert both.dropped == ("top_p",)
    neutral = encoded(temperature=1, top_p=0.5)
    assert (json.loads(neutral.body).get("temperature"), json.loads(neutral.body)["top_p"]) == (None, 0.5)
    assert neutral.dropped == ()
    older = sent(EncodePlan(model="m", both_samplers=True), temperature=0.5, top_p=0.5)
    assert (older["temperature"], older["top_p"]) == (0.5, 0.5)
    reasoning = encoded(temperature=0.5, top_p=0.5, top_k=3, reasoning_effort="low")
    assert not {"temperature", "top_p", "top_k"} & json.loads(reasoning.body).keys()
    assert reasoning.dropped == ("temperature", "top_p", "top_k")
    assert sent(top_p=0.99, reasoning_effort="low")["top_p"] == 0.99


def test_what_the_model_refuses_is_left_out() -> None:
    plan = EncodePlan(model="m", drop=("temperature", "top_p", "stop"))
    request = encoded(plan, temperature=0.2, top_p=1, stop=["a", "b"])
    assert not {"temperature", "top_p", "stop_sequences"} & json.loads(request.body).keys()
    assert (request.dropped, request.stop) == (("temperature",), ("a", "b"))


def test_stops() -> None:
    request = encoded(stop=["END", "\n"])
    assert (json.loads(request.body)["stop_sequences"], request.stop) == (["END"], ("\n",))
    assert request.dropped == ()


def test_who_asks_and_at_which_tier() -> None:
    assert sent(user="u")["metadata"] == {"user_id": "u"}
    request = encoded(safety_identifier="s", user="u", metadata={"team": "a"})
    assert json.loads(request.body)["metadata"] == {"user_id": "u"}
    assert request.dropped == ("metadata",)
    assert sent(service_tier="default")["service_tier"] == "standard_only"
    assert sent(service_tier="auto")["service_tier"] == "auto"
    flex = encoded(service_tier="flex")
    assert ("service_tier" in json.loads(flex.body), flex.dropped) == (False, ("service_tier",))
    assert sent(EncodePlan(model="m", service_tier="standard_only"), service_tier="auto")["service_tier"] == (
        "standard_only"
    )


def test_a_count_asks_for_the_prompt_alone() -> None:
    body = {
        "model": "m",
        "messages": [HI],
        "max_tokens": 5,
        "stream": True,
        "temperature": 0.5,
        "tools": [WEATHER],
    }
    counted = json.loads(encode_count(parse(json.dumps(body).encode()), PLAN).body)
    assert counted.keys() == {"model", "messages", "tools"}
