"""A whole answer in OpenAI's shape: named, repaired where it must be, and read for what it used."""

from zai_gateway.dialects.naming import Naming, created_by
from zai_gateway.dialects.openai_chat.content import measured
from zai_gateway.dialects.openai_chat.usage import completed_usage, read_usage, tier_of
from zai_gateway.dialects.openai_chat.usual import usual_answer
from zai_gateway.dialects.problem import broken, problem_inside
from zai_gateway.dialects.stated_cost import stated_cost
from zai_gateway.dialects.stops import StopWatch
from zai_gateway.wire.draft import Draft, listed
from zai_gateway.wire.events import Answer, Reported, UpstreamProblem
from zai_gateway.wire.splice import elements
from zai_gateway.wire.usage import USUAL_COUNTING, Counting
from zai_gateway.wire.values import Json, decode


def decode_answer(
    body: bytes, naming: Naming, stop: tuple[str, ...] = (), counting: Counting = USUAL_COUNTING
) -> Answer | UpstreamProblem:
    """The answer for the client, or what is wrong with it although its status was 200.

    `stop` are the stop sequences that the model refuses, so that the text is cut here; `counting` is how the
    provider counts. Beside `id`, `model`
    and the repairs of wire.md 8 to 12, every byte is the provider's.
    """
    usual = None if stop else usual_answer(body, naming, counting)
    if usual is not None:
        return usual
    try:
        value = decode(body)
        if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
            if isinstance(value, dict) and value.get("error"):
                return problem_inside(value)
            return broken("The provider's answer is not a chat completion: it has no choices.")
        return _answer(body, value, naming, stop, counting)
    except ValueError as trouble:
        return broken(f"The provider's answer cannot be read: {trouble}.")


def _answer(
    body: bytes, value: dict[str, Json], naming: Naming, stop: tuple[str, ...], counting: Counting
) -> Answer:
    draft = Draft(body)
    draft.say("id", naming.id)
    draft.say("model", naming.model)
    if value.get("object") != "chat.completion":
        draft.put("object", b'"chat.completion"')
    created = created_by(value.get("created"), naming)
    if value.get("created") != created:
        draft.say("created", created)
    reported = _reported(draft, value, counting)
    choices = value["choices"]
    assert isinstance(choices, list)
    produced = None if stop else _sound(choices)
    if produced is None:
        produced = _repair_choices(draft, choices, stop)
    return Answer(draft.written(), reported, produced)


def _sound(choices: list[Json]) -> int | None:
    """The bytes of content in choices that can pass as they are, as most can; None where one cannot."""
    produced = 0
    for choice in choices:
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict) or "content" not in message:
            return None
        if not isinstance(choice.get("index"), int) or not _calls_are_sound(message):
            return None
        produced += measured(message).bytes
    return produced


def _reported(draft: Draft, value: dict[str, Json], counting: Counting) -> Reported | None:
    told = value.get("usage")
    usage, text = read_usage(told, counting), draft.raw("usage")
    if usage is None or text is None:
        draft.drop("usage")
        return None
    complete = completed_usage(text, told, usage)
    if complete != text:
        draft.put("usage", complete)
    return Reported(usage, tier_of(value), complete, stated_cost(told, counting.statement))


def _calls_are_sound(message: dict[str, Json]) -> bool:
    calls = message.get("tool_calls", [])
    if not isinstance(calls, list) or message.get("function_call", "") is None:
        return False
    return not any(isinstance(call, dict) and "index" in call for call in calls)


def _repair_choices(draft: Draft, choices: list[Json], stop: tuple[str, ...]) -> int:
    """Repairs every choice; the bytes of content that the provider made, shown or not."""
    text = draft.raw("choices")
    assert text is not None
    produced = 0
    texts = elements(text)
    repaired: list[bytes] = []
    for index, choice_text in enumerate(texts):
        choice = choices[index]
        if not isinstance(choice, dict):
            raise ValueError(f"choices[{index}] is not an object")
        choice_draft = Draft(choice_text)
        if not isinstance(choice.get("index"), int):
            choice_draft.say("index", index)
        message = choice.get("message")
        if isinstance(message, dict):
            produced += measured(message).bytes
            _repair_message(choice_draft, message, stop)
        else:
            # Azure leaves it out where its filter stopped the answer; clients read `message.content` blindly.
            choice_draft.put("message", b'{"role":"assistant","content":null}')
        repaired.append(choice_draft.written())
    if repaired != texts:
        draft.put("choices", listed(repaired))
    return produced


def _repair_message(choice: Draft, message: dict[str, Json], stop: tuple[str, ...]) -> None:
    text = choice.raw("message")
    assert text is not None
    draft = Draft(text)
    if "content" not in message:
        draft.put("content", b"null")
    for name in ("tool_calls", "function_call"):
        if name in message and message[name] is None:
            draft.drop(name)
    calls, calls_text = message.get("tool_calls"), draft.raw("tool_calls")
    # An index belongs to streams alone (wire.md 10).
    if isinstance(calls, list) and any(isinstance(call, dict) and "index" in call for call in calls):
        draft.put("tool_calls", listed([_without_index(call) for call in elements(calls_text or b"[]")]))
    content = message.get("content")
    if stop and isinstance(content, str):
        shown, found = StopWatch(stop).feed(content)
        if found:
            draft.say("content", shown)
            choice.put("finish_reason", b'"stop"')
    repaired = draft.written()
    if repaired != text:
        choice.put("message", repaired)


def _without_index(call: bytes) -> bytes:
    if not call.startswith(b"{"):
        return call
    draft = Draft(call)
    draft.drop("index")
    return draft.written()
