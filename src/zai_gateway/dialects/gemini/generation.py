"""How to generate: sampling, limits, stops and modalities as `generationConfig`."""

from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.dialects.gemini.asked import (
    Dropped,
    integer,
    mapping,
    number,
    unsupported,
    value,
    verbatim,
)
from zai_gateway.dialects.gemini.thinking import thinking_config
from zai_gateway.dialects.gemini.traits import Traits
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.fields import Fields, invalid
from zai_gateway.wire.values import Json

MOST_STOPS = 5
"""Gemini refuses more stop sequences; the rest are looked for in the answer."""
_SAMPLING = {
    "temperature": "temperature",
    "top_p": "topP",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_WHOLE = {"top_k": "topK", "seed": "seed"}
_MOST_TOP_LOGPROBS = 20
_MODALITIES = {"text": "TEXT", "image": "IMAGE"}
_VERBATIM = ("mediaResolution", "imageConfig", "speechConfig")
"""What may be set through `generation_config`: nothing that changes how much is generated."""


class Wanted:
    """What was asked of the generation, without what the plan leaves out."""

    def __init__(self, request: ChatRequest, plan: EncodePlan, body: Fields) -> None:
        self.request = request
        self.plan = plan
        self.body = body

    def has(self, name: str) -> bool:
        """Whether a member stands there and may be sent."""
        return name not in self.plan.drop and self.body.has(name)


def generation_config(wanted: Wanted, traits: Traits, dropped: Dropped) -> dict[str, Json]:
    """`generationConfig`. Raises Failure for what is malformed, or cannot be honoured."""
    body, request = wanted.body, wanted.request
    config: dict[str, Json] = {}
    for name, theirs in _SAMPLING.items():
        if wanted.has(name):
            config[theirs] = number(body, name)
    for name, theirs in _WHOLE.items():
        if wanted.has(name):
            config[theirs] = integer(body, name)
    limit = request.output_limit if wanted.plan.output_limit is None else wanted.plan.output_limit
    if limit is not None:
        config["maxOutputTokens"] = limit
    if wanted.has("n"):
        config["candidateCount"] = request.choices
    if request.stop and wanted.has("stop"):
        config["stopSequences"] = list[Json](request.stop[:MOST_STOPS])
    config |= _logprobs(wanted)
    config |= _modalities(body)
    config |= _own_settings(body)
    thinking = thinking_config(body, wanted.plan, traits, dropped)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    return config


def _logprobs(wanted: Wanted) -> dict[str, Json]:
    if not wanted.has("logprobs") or not wanted.body.flag("logprobs"):
        return {}
    top = integer(wanted.body, "top_logprobs")
    if top is None:
        return {"responseLogprobs": True}
    if not 0 <= top <= _MOST_TOP_LOGPROBS:
        raise invalid("top_logprobs", f"an integer from 0 to {_MOST_TOP_LOGPROBS}", "one out of range")
    return {"responseLogprobs": True, "logprobs": top}


def _modalities(body: Fields) -> dict[str, Json]:
    named = verbatim(body, "modalities", "a list")
    if not isinstance(named, list) or not named:
        return {}
    theirs: list[Json] = []
    for index, each in enumerate(named):
        if each == "audio":
            raise unsupported(
                f"modalities[{index}]", "Gemini's sound has no place in a chat completion: ask for text."
            )
        if not isinstance(each, str) or each not in _MODALITIES:
            raise invalid(f"modalities[{index}]", "text or image", "something else")
        theirs.append(_MODALITIES[each])
    return {"responseModalities": theirs}


def _own_settings(body: Fields) -> dict[str, Json]:
    own = mapping(body, "generation_config")
    if own is None:
        return {}
    for name in own.values:
        if name not in _VERBATIM:
            raise unsupported(
                own.at(name),
                f"`{own.at(name)}` cannot be set: of `generation_config` only {', '.join(_VERBATIM)} are "
                "taken; everything else has a name of OpenAI's.",
            )
    return {name: value(own, name) for name in own.values if own.has(name)}
