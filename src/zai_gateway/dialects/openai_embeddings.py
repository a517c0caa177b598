"""OpenAI's embeddings: bytes pass through both ways, but for the model's name and repairs of `usage`."""

import msgspec
from msgspec import Raw

from zai_gateway.dialects.dialect import Encoded
from zai_gateway.dialects.problem import broken, problem_inside
from zai_gateway.dialects.stated_cost import stated_cost
from zai_gateway.wire.draft import Draft
from zai_gateway.wire.embeddings import EmbeddingRequest
from zai_gateway.wire.events import Answer, Reported, UpstreamProblem
from zai_gateway.wire.reading import rewritten
from zai_gateway.wire.usage import MOST_TOKENS, USUAL_COUNTING, Counting, Usage
from zai_gateway.wire.values import Json, decode
from zai_gateway.wire.values import encode as json_encode

__all__ = ["decode_answer", "encode"]


def encode(request: EmbeddingRequest, model: str) -> Encoded:
    """The request for an upstream of this dialect, which knows the model as `model`."""
    body = rewritten(request.body, request.values, {"model": json_encode(model)})
    return Encoded(body=body, dropped=(), stop=())


def decode_answer(
    body: bytes, request: EmbeddingRequest, model: str, counting: Counting = USUAL_COUNTING
) -> Answer | UpstreamProblem:
    """The answer for the client, or what is wrong with it although its status was 200.

    `model` is the `provider/model` that answers. Vectors are passed as they came, as numbers or in base64.
    Where the vendor says nothing of tokens, the answer shows an estimate and nothing is reported.
    """
    try:
        draft = Draft(body)
        vectors = draft.raw("data")
        if vectors is None or not vectors.startswith(b"["):
            return _without_data(draft)
        if len(_LIST.decode(vectors)) != request.texts:
            return broken("The provider's answer has not one embedding for each text.")
        draft.say("model", model)
        if draft.raw("object") != b'"list"':
            draft.put("object", b'"list"')
        reported = _reported(draft, counting)
        if reported is None:
            draft.say("usage", _shown(request.estimated_tokens))
        return Answer(draft.written(), reported, 0)
    except (ValueError, msgspec.MsgspecError) as trouble:
        return broken(f"The provider's answer cannot be read: {trouble}.")


def _without_data(draft: Draft) -> UpstreamProblem:
    error = draft.raw("error")
    if error is not None and error != b"null":
        return problem_inside({"error": decode(error)})
    return broken("The provider's answer has no embeddings: its `data` is not a list.")


def _reported(draft: Draft, counting: Counting) -> Reported | None:
    """What the answer used: some vendors say `total_tokens` alone (Voyage), some a count of output too."""
    text = draft.raw("usage")
    told = None if text is None else decode(text)
    if text is None or not isinstance(told, dict):
        return None
    said, total, output = (_count(told.get(name)) for name in _COUNTS)
    if said is None and total is None:
        return None
    made = output or 0
    # Where the two contradict each other, the dearer one is meant.
    prompt = max(said or 0, (total or 0) - made)
    shown = Draft(text)
    for name, count, known in (("prompt_tokens", prompt, said), ("total_tokens", prompt + made, total)):
        if known is None:
            shown.say(name, count)
    complete = shown.written()
    draft.put("usage", complete)
    usage = Usage(input=prompt, output=made)
    return Reported(usage, None, complete, stated_cost(told, counting.statement))


def _shown(tokens: int) -> dict[str, Json]:
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _count(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return None
    return int(value) if value == value // 1 else None


_COUNTS = ("prompt_tokens", "total_tokens", "completion_tokens")
_LIST = msgspec.json.Decoder(list[Raw])
