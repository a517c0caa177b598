"""A turn of Gemini's that comes back in the next request is sent back whole: parts, order and signatures."""

import json
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything
from tests.dialects.gemini_streams import candidates_in, messages, run, told_in, whole
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.dialects.gemini import encode
from zai_gateway.wire.chat import parse

_WITHOUT_END = ("9cc50ff069cd", "7f811b1569ee", "1d6e6ebb64d3")
"""See test_gemini_streams.py."""
ANSWERED = [
    exchange
    for exchange in everything("google")
    if exchange.response.status == 200
    and exchange.api in ("generateContent", "streamGenerateContent")
    and exchange.id not in _WITHOUT_END
]


def message_of(exchange: Exchange) -> dict[str, Any]:
    if exchange.api == "generateContent":
        return whole(exchange.response.bytes)[0]["choices"][0]["message"]
    return messages(run([exchange.response.bytes]))[0][0]


def sent_back(*turns: dict[str, Any], model: str = "gemini-2.5-flash") -> list[dict[str, Any]]:
    """The contents of a request that begins with a question and goes on with these turns."""
    body = {"model": model, "messages": [{"role": "user", "content": "q"}, *turns]}
    encoded = encode(parse(json.dumps(body).encode()), EncodePlan(model=model))
    return json.loads(encoded.body)["contents"][1:]


def pieced_together(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of a turn as Gemini made it, with what it cut into pieces in one: text that has no signature
    before what follows it, and thoughts; an empty text without a signature says nothing.

    Calls of which the arguments came in pieces are in one too.
    """
    made: list[dict[str, Any]] = []
    for given in parts:
        part = dict(given)
        if "text" not in part and set(part) == {"thoughtSignature"}:
            part["text"] = ""
        last = made[-1] if made else {}
        unsigned = "text" in last and "thoughtSignature" not in last
        if "text" in part and unsigned and part.get("thought") == last.get("thought"):
            made[-1] = last | part | {"text": last["text"] + part["text"]}
            continue
        if "functionCall" in part:
            call = part["functionCall"]
            if "name" not in call:
                args = made[-1]["functionCall"]["args"]
                for piece in call.get("partialArgs", []):
                    name = piece["jsonPath"].removeprefix("$.")
                    args[name] = args.get(name, "") + piece["stringValue"]
                continue
            served = {"name": call["name"], "args": dict(call.get("args", {}))}
            part["functionCall"] = served | ({"id": call["id"]} if "id" in call else {})
        if part.get("text") == "" and "thoughtSignature" not in part and not part.get("thought"):
            continue
        made.append(part)
    return made


def test_most_of_the_recorded_turns_are_there() -> None:
    assert len(ANSWERED) >= 318


@pytest.mark.parametrize("exchange", ANSWERED, ids=lambda exchange: exchange.name)
def test_a_recorded_turn_goes_back_whole(exchange: Exchange) -> None:
    (pieces,) = candidates_in(told_in(exchange)).values()
    made = pieced_together([part for piece in pieces for part in piece.get("content", {}).get("parts", [])])
    message = json.loads(json.dumps(message_of(exchange)))
    contents = sent_back(message)
    assert contents == ([{"role": "model", "parts": made}] if made else [])


def test_two_turns_with_signatures_lose_nothing() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "one"}
    other: dict[str, Any] = {"functionCall": {"name": "g", "args": {}}}
    thought = {"text": "hm", "thought": True}
    told: Any = {"candidates": [{"content": {"parts": [thought, call, other]}, "finishReason": "STOP"}]}
    message = whole(json.dumps(told).encode())[0]["choices"][0]["message"]
    first, second = (each["id"] for each in message["tool_calls"])
    results = [
        {"role": "tool", "tool_call_id": second, "content": "later"},
        {"role": "tool", "tool_call_id": first, "content": '{"x": [1, 2.5]}'},
    ]
    contents = sent_back(message, *results, model="gemini-3-flash")
    assert contents == [
        {"role": "model", "parts": [thought, call, other]},
        {
            "role": "user",
            # In the order of the calls: nothing else tells which result is whose.
            "parts": [
                {"functionResponse": {"name": "f", "response": {"x": [1, 2.5]}}},
                {"functionResponse": {"name": "g", "response": {"output": "later"}}},
            ],
        },
    ]


def test_a_call_of_another_vendors_model_has_no_signature_to_send() -> None:
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": id, "type": "function", "function": function} for id in ("call_1", "call_2")]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    (content,) = sent_back(message, model="gemini-3-pro-preview")
    first, second = content["parts"]
    assert first["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    assert first["functionCall"] == {"name": "f", "args": {}, "id": "call_1"}
    (content,) = sent_back(message, model="gemini-2.5-pro")
    assert not any("thoughtSignature" in part for part in content["parts"])


def test_another_vendors_reasoning_and_blocks_stay_behind() -> None:
    details = [
        {
            "type": "reasoning.text",
            "text": "t",
            "signature": "s",
            "format": "anthropic-claude-v1",
            "index": 0,
        },
        {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 1},
    ]
    message = {
        "role": "assistant",
        "content": "said",
        "reasoning_content": "t",
        "reasoning_details": details,
        "provider_blocks": [{"type": "server_tool_use", "index": 0, "id": "srvtoolu_1"}],
    }
    assert sent_back(message) == [{"role": "model", "parts": [{"text": "said"}]}]


def test_openrouters_form_of_a_signature_reaches_its_call() -> None:
    message = {
        "role": "assistant",
        "content": "",
        "reasoning_details": [
            {"type": "reasoning.encrypted", "data": "sig", "id": "tool_1", "format": "google-gemini-v1"}
        ],
        "tool_calls": [{"id": "tool_1", "type": "function", "function": {"name": "f", "arguments": ""}}],
    }
    (content,) = sent_back(message, model="gemini-3-flash")
    called: dict[str, Any] = {"name": "f", "args": {}, "id": "tool_1"}
    assert content["parts"] == [{"functionCall": called, "thoughtSignature": "sig"}]


def test_pieces_of_a_thought_that_were_not_put_together_are_one_thought() -> None:
    pieces = [{"type": "reasoning.text", "text": text, "index": 0} for text in ("a", "b")]
    pieces.append({"type": "reasoning.text", "text": "", "signature": "s", "index": 0})
    message = {"role": "assistant", "content": "c", "reasoning_details": pieces}
    (content,) = sent_back(message)
    assert content["parts"] == [{"text": "ab", "thought": True, "thoughtSignature": "s"}, {"text": "c"}]


def test_an_order_that_no_longer_fits_gives_way_to_the_usual_one() -> None:
    block = {
        "type": "executableCode",
        "format": "google-gemini-v1",
        "index": 0,
        "executableCode": {"code": "1"},
    }
    order = [{"text": 3}, {"block": 0}, {"text": 2}]
    message: dict[str, Any] = {"role": "assistant", "content": "onetw", "provider_blocks": [block]}
    message["extra_content"] = {"google": {"parts": order}}
    code = {"executableCode": {"code": "1"}}
    (content,) = sent_back(message)
    assert content["parts"] == [{"text": "one"}, code, {"text": "tw"}]
    message["content"] = "changed by hand"
    (content,) = sent_back(message)
    assert content["parts"] == [code, {"text": "changed by hand"}]


def test_an_image_of_the_models_goes_back_with_its_signature() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "s"}
    told = {"candidates": [{"content": {"parts": [{"text": "look"}, part]}, "finishReason": "STOP"}]}
    message = whole(json.dumps(told).encode())[0]["choices"][0]["message"]
    assert sent_back(message) == [{"role": "model", "parts": [{"text": "look"}, part]}]
