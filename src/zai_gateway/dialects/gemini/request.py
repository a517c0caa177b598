"""A request in OpenAI's shape as one for Gemini: https://ai.google.dev/api/generate-content."""

from zai_gateway.dialects.dialect import Encoded, EncodePlan
from zai_gateway.dialects.gemini.asked import Dropped, required_text, verbatim
from zai_gateway.dialects.gemini.contents import conversation_of
from zai_gateway.dialects.gemini.generation import MOST_STOPS, Wanted, generation_config
from zai_gateway.dialects.gemini.structure import require_answer, structure_of
from zai_gateway.dialects.gemini.thinking import google_body
from zai_gateway.dialects.gemini.tools import calling_of, read_tools, show_own_calls, tool_config, tools_of
from zai_gateway.dialects.gemini.traits import GeminiPlan, Traits, traits_of
from zai_gateway.dialects.gemini.unsaid import note_unsaid
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.fields import Fields
from zai_gateway.wire.values import Json, decode
from zai_gateway.wire.values import encode as json_encode

_STANDARD = ("default", "auto", "standard")
"""Names of the tier that is served where none is asked for."""
_CACHE_MARK = b'"cache_control"'


def encode(request: ChatRequest, plan: EncodePlan) -> Encoded:
    """The request for Gemini, at its own API or on Vertex AI.

    Raises Failure with the path of what is malformed (INVALID_REQUEST), or of what Gemini cannot honour and
    without which the answer would be another (UNSUPPORTED_PARAMETER).
    """
    traits = plan.traits if isinstance(plan, GeminiPlan) and plan.traits else traits_of(plan.model)
    dropped = Dropped()
    note_unsaid(Fields(request.values), plan, dropped)
    if _CACHE_MARK in request.body:
        dropped.note("cache_control")
    made, answer_tool = _made(request, plan, traits, dropped)
    stop = request.stop if "stop" in plan.drop else request.stop[MOST_STOPS:]
    try:
        body = json_encode(made)
    except RecursionError:
        raise Failure(Code.INVALID_REQUEST, "The body is nested too deeply for Gemini.") from None
    return Encoded(body=body, dropped=tuple(dropped.names), stop=stop, answer_tool=answer_tool)


def _made(
    request: ChatRequest, plan: EncodePlan, traits: Traits, dropped: Dropped
) -> tuple[dict[str, Json], str | None]:
    """The request's members, and the tool that the model has to call to answer, if it has to."""
    body = Fields(request.values)
    on_vertex = isinstance(plan, GeminiPlan) and plan.vertex
    conversation = conversation_of(body, traits, dropped, on_vertex=on_vertex)
    box = read_tools(body, dropped)
    # First the choice: it may narrow what is offered.
    calling = calling_of(body, box, traits)
    structure = structure_of(body, box, plan)
    answer_tool = require_answer(structure, calling, box)
    choice = tool_config(body, calling, box, traits, dropped)
    if traits.mixes_tools and not on_vertex:
        show_own_calls(choice, box)
    google = google_body(body)
    cached = body.text("cached_content") or (google.text("cached_content") if google is not None else None)
    members: dict[str, Json] = {
        "contents": conversation.contents,
        "systemInstruction": {"parts": conversation.instructions} if conversation.instructions else None,
        "tools": tools_of(box),
        "toolConfig": choice,
        "generationConfig": generation_config(Wanted(request, plan, body), traits, dropped)
        | structure.config,
        "safetySettings": verbatim(body, "safety_settings", "a list"),
        "cachedContent": cached,
        "serviceTier": _tier(body, plan),
    }
    extra = {name: decode(value) for name, value in plan.extra}
    return {name: value for name, value in members.items() if value} | extra, answer_tool


def _tier(body: Fields, plan: EncodePlan) -> str | None:
    wanted = plan.service_tier
    if wanted is None and body.has("service_tier") and "service_tier" not in plan.drop:
        wanted = required_text(body, "service_tier")
    return None if wanted in _STANDARD else wanted
