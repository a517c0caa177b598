"""From Anthropic's clients to its servers and back: the same bytes but for the named splices."""

from zai_gateway.dialects.anthropic_front.cleansing import cleansed
from zai_gateway.dialects.anthropic_front.marks import MARK
from zai_gateway.dialects.anthropic_usage import usage_of
from zai_gateway.dialects.dialect import Encoded, EncodePlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.problem import broken, problem_inside
from zai_gateway.wire.draft import Draft
from zai_gateway.wire.events import Answer, Reported, UpstreamProblem
from zai_gateway.wire.splice import members, splice
from zai_gateway.wire.values import Json, decode, encode

LEAST_BUDGET = 1_024
"""Tokens of thinking: Anthropic refuses less."""
_MARKED = b'"' + MARK.encode()


def pass_request(body: bytes, plan: EncodePlan) -> Encoded:
    """The request for an upstream that speaks this dialect; `body` is one that `read_request` could read.

    Splices `model`, `models` (which no provider is told), `max_tokens` (and `thinking.budget_tokens`, which
    must be less), `service_tier` and the members of `plan.drop` and `plan.extra`. What an answer of another
    vendor's left in the conversation goes too: thinking that Anthropic did not sign, which it would refuse.
    All else is the client's bytes.
    """
    found = members(body)
    changes: dict[str, bytes | None] = {"model": encode(plan.model)}
    dropped = [name for name in found if name in plan.drop]
    changes.update((name, None) for name in dropped)
    if "models" in found:
        changes["models"] = None
    if plan.output_limit is not None:
        changes["max_tokens"] = encode(plan.output_limit)
        thinking = found.get("thinking")
        said = None if thinking is None else decode(body[thinking.value_start : thinking.value_end])
        lowered = _lowered(said, plan.output_limit)
        if lowered is not None:
            changes["thinking"] = encode(lowered)
            dropped.append("thinking.budget_tokens")
    if plan.service_tier is not None:
        changes["service_tier"] = encode(plan.service_tier)
    if _MARKED in body:
        place = found["messages"]
        changes["messages"] = encode(cleansed(decode(body[place.value_start : place.value_end])))
    changes.update(plan.extra)
    return Encoded(body=splice(body, found, changes), dropped=tuple(dropped), stop=())


def pass_answer(body: bytes, naming: Naming) -> Answer | UpstreamProblem:
    """The message for the client, with our name of the model, or what is wrong with it."""
    try:
        value = decode(body)
        if not isinstance(value, dict) or not isinstance(value.get("content"), list):
            if isinstance(value, dict) and value.get("type") == "error":
                return problem_inside(value)
            return broken("The provider's answer is not a message: it has no content.")
        draft = Draft(body)
        draft.say("model", naming.model)
        return Answer(draft.written(), _reported(draft, value.get("usage")), content_bytes(value["content"]))
    except ValueError as trouble:
        return broken(f"The provider's answer cannot be read: {trouble}.")


def content_bytes(value: Json) -> int:
    """Bytes of what was written in a block, in a list of them, or in a delta."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, list):
        return sum(content_bytes(each) for each in value)
    if isinstance(value, dict):
        return sum(content_bytes(each) for name, each in value.items() if name not in _NOT_WRITTEN)
    return 0


def _reported(draft: Draft, told: Json) -> Reported | None:
    read = usage_of(told)
    usage, text = read.usage, draft.raw("usage")
    return None if usage is None or text is None else Reported(usage, read.tier, text)


def _lowered(thinking: Json, limit: int) -> Json:
    """`thinking` with a budget that is less than `limit` on all output; None where it need not change.

    Under the least budget there is nothing to lower it to: Anthropic itself says so.
    """
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if not isinstance(thinking, dict) or not isinstance(budget, int):
        return None
    if budget < limit or limit <= LEAST_BUDGET:
        return None
    return {**thinking, "budget_tokens": max(LEAST_BUDGET, limit * 4 // 5)}


_NOT_WRITTEN = frozenset(("type", "id", "tool_use_id", "index", "signature", "citations", "caller"))
