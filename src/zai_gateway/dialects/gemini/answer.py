"""A whole answer of Gemini's in OpenAI's shape."""

from msgspec.structs import replace

from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini.candidate import CandidateState
from zai_gateway.dialects.gemini.finish import block_named
from zai_gateway.dialects.gemini.logprobs import logprobs_of
from zai_gateway.dialects.gemini.message import Message
from zai_gateway.dialects.gemini.problem import problem_told
from zai_gateway.dialects.gemini.shape import Body, Candidate, Event, is_told
from zai_gateway.dialects.gemini.usage import Count, read_usage, shown_tier
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.problem import broken
from zai_gateway.wire.events import Answer, Reported, UpstreamProblem
from zai_gateway.wire.values import Json, decode, encode


def decode_answer(body: bytes, naming: Naming, plan: StreamPlan) -> Answer | UpstreamProblem:
    """The answer for the client, or what is wrong with it although its status was 200."""
    try:
        event = Event(body)
        if is_told(event.body.error):
            return problem_told(decode(body))
        return _answer(event, naming, plan)
    except ValueError as trouble:
        return broken(f"The provider's answer cannot be read: {trouble}.")


def _answer(event: Event, naming: Naming, plan: StreamPlan) -> Answer | UpstreamProblem:
    told = event.body
    choices: list[Json] = []
    size = found = 0
    problem: UpstreamProblem | None = None
    for place, candidate in enumerate(told.candidates or ()):
        index = place if candidate.index is None else candidate.index
        message = Message()
        state = CandidateState(message, naming.id, index, plan)
        state.take(candidate, event, place)
        state.turn.close()
        found += state.searches
        problem = problem or state.problem
        if problem is None:
            choices.append(_choice(index, state, message, candidate))
            size += message.size
    count = read_usage(told.usage_metadata, billed_searches(found, told.model_version))
    if problem is not None:
        return replace(problem, reported=_reported(count))
    blocked = blocked_reason(told)
    if not choices and blocked is not None:
        choices += [{**_blocked_choice(event, blocked), "index": index} for index in range(plan.choices)]
    if not choices:
        return broken("The provider's answer holds no candidate, and does not say why.")
    answer: dict[str, Json] = {
        "id": naming.id,
        "object": "chat.completion",
        "created": naming.created,
        "model": naming.model,
        "choices": choices,
    }
    return Answer(_written(answer, count), _reported(count), size)


def blocked_reason(told: Body) -> str | None:
    """Why a prompt got no answer; None where it got one."""
    feedback = told.prompt_feedback
    return None if feedback is None else block_named(feedback.block_reason)


def blocked_ending(event: Event, reason: str) -> dict[str, Json]:
    """`finish_reason` of a choice whose prompt was blocked, and what was told of that."""
    whole = event.value
    feedback = whole.get("promptFeedback") if isinstance(whole, dict) else None
    return {
        "finish_reason": "content_filter",
        "native_finish_reason": reason,
        "extra_content": {"google": {"prompt_feedback": feedback}},
    }


def billed_searches(searches: int, model: str | None) -> int:
    """How many searches have a fee: before Gemini 3 one for all that an answer rests on.

    https://ai.google.dev/gemini-api/docs/pricing, "Grounding with Google Search".
    """
    return min(searches, 1) if model is not None and model.startswith(("gemini-1", "gemini-2")) else searches


def _choice(index: int, state: CandidateState, message: Message, candidate: Candidate) -> dict[str, Json]:
    beside: dict[str, Json] = {}
    cited = state.annotations(message.whole_text)
    if cited:
        beside["annotations"] = cited
    extra = state.message_extra()
    if extra:
        beside["extra_content"] = {"google": extra}
    likely = logprobs_of(candidate.logprobs_result)
    return {
        "index": index,
        "message": message.told(beside),
        **({} if likely is None else {"logprobs": likely}),
        **state.ending(),
    }


def _blocked_choice(event: Event, reason: str) -> dict[str, Json]:
    return {"message": {"role": "assistant", "content": None}, **blocked_ending(event, reason)}


def _written(answer: dict[str, Json], count: Count | None) -> bytes:
    written = encode(answer)
    if count is None:
        return written
    tier = shown_tier(count.service_tier)
    beside = b"" if tier is None else b',"service_tier":' + encode(tier)
    return written[:-1] + b',"usage":' + count.json + beside + b"}"


def _reported(count: Count | None) -> Reported | None:
    return None if count is None else Reported(count.usage, count.service_tier, count.json)
