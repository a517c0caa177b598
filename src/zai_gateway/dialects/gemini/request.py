"""A request in OpenAI's shape as one for Gemini: https://ai.google.dev/api/generate-content."""

from zai_gateway.dialects.dialect import Encoded, EncodePlan
from zai_gateway.dialects.gemini.asked import Dropped, required_text, verbatim
from zai_gateway.dialects.gemini.contents import conversation_of
from zai_gateway.dialects.gemini.generation import MOST_STOPS, Wanted, generation_config
from zai_gateway.dialects.gemini.thinking import google_body
from zai_gateway.dialects.gemini.tools import read_tools, show_own_calls, tool_config, tools_of
from zai_gateway.dialects.gemini.traits import GeminiPlan, Traits, traits_of
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.fields import Fields
from zai_gateway.wire.values import Json, decode
from zai_gateway.wire.values import encode as json_encode

_TAKEN = frozenset(
    (
        *("model", "models", "messages", "stream", "stream_options", "temperature", "top_p", "top_k"),
        *("max_tokens", "max_completion_tokens", "n", "stop", "seed", "presence_penalty"),
        *("frequency_penalty", "logprobs", "top_logprobs", "response_format", "tools", "tool_choice"),
        *("functions", "function_call", "parallel_tool_calls", "reasoning", "reasoning_effort", "modalities"),
        *("web_search_options", "service_tier", "safety_settings", "cached_content", "tool_config"),
        *("generation_config", "extra_body"),
    )
)
"""The members that are read; any other is left out, and named."""
_STANDARD = ("default", "auto", "standard")
"""Names of the tier that is served where none is asked for."""
_CACHE_MARK = b'"cache_control"'


def encode(request: ChatRequest, plan: EncodePlan) -> Encoded:
    """The request for Gemini, at its own API or on Vertex AI.

    Raises Failure with the path of what is malformed (INVALID_REQUEST), or of what Gemini cannot honour and
    without which the answer would be another (UNSUPPORTED_PARAMETER).
    """
    body = Fields(request.values)
    traits = plan.traits if isinstance(plan, GeminiPlan) and plan.traits else traits_of(plan.model)
    dropped = Dropped()
    for name in request.values:
        if (name not in _TAKEN and body.has(name)) or _is_refused(request, plan, name):
            dropped.note(name)
    if _CACHE_MARK in request.body:
        dropped.note("cache_control")
    made = _made(request, plan, traits, dropped)
    stop = request.stop if "stop" in plan.drop else request.stop[MOST_STOPS:]
    try:
        return Encoded(body=json_encode(made), dropped=tuple(dropped.names), stop=stop)
    except RecursionError:
        raise Failure(Code.INVALID_REQUEST, "The body is nested too deeply for Gemini.") from None


def _made(request: ChatRequest, plan: EncodePlan, traits: Traits, dropped: Dropped) -> dict[str, Json]:
    body = Fields(request.values)
    conversation = conversation_of(body, traits, dropped)
    box = read_tools(body, dropped)
    # First the choice: it may narrow what is offered.
    choice = tool_config(body, box, traits, dropped)
    if traits.mixes_tools and not (isinstance(plan, GeminiPlan) and plan.vertex):
        show_own_calls(choice, box)
    google = google_body(body)
    cached = body.text("cached_content") or (google.text("cached_content") if google is not None else None)
    members: dict[str, Json] = {
        "contents": conversation.contents,
        "systemInstruction": {"parts": conversation.instructions} if conversation.instructions else None,
        "tools": tools_of(box),
        "toolConfig": choice,
        "generationConfig": generation_config(Wanted(request, plan, body), traits, dropped),
        "safetySettings": verbatim(body, "safety_settings", "a list"),
        "cachedContent": cached,
        "serviceTier": _tier(body, plan),
    }
    extra = {name: decode(value) for name, value in plan.extra}
    return {name: value for name, value in members.items() if value} | extra


def _tier(body: Fields, plan: EncodePlan) -> str | None:
    wanted = plan.service_tier
    if wanted is None and body.has("service_tier") and "service_tier" not in plan.drop:
        wanted = required_text(body, "service_tier")
    return None if wanted in _STANDARD else wanted


def _is_refused(request: ChatRequest, plan: EncodePlan, name: str) -> bool:
    """Whether the model refuses a parameter, and its absence can be noticed."""
    if name not in plan.drop or name == "stop" or not Fields(request.values).has(name):
        return False
    # A model that refuses these takes their default, so that saying it or not is the same.
    return not (name in ("temperature", "top_p") and decode(bytes(request.values[name])) == 1)
