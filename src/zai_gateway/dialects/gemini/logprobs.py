"""How likely each token was: `logprobsResult` as OpenAI's `logprobs`."""

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.gemini.shape import is_told
from zai_gateway.wire.values import Json


class _Token(Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _Top(Struct):
    candidates: list[_Token] | None = None


class _Told(Struct, rename="camel"):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_Top] | None = None


def logprobs_of(text: Raw) -> dict[str, Json] | None:
    """`logprobs` of a choice; None where nothing was told. Raises ValueError for what cannot be read."""
    if not is_told(text):
        return None
    try:
        told = _TOLD.decode(text)
    except msgspec.MsgspecError as trouble:
        raise ValueError(str(trouble)) from None
    tops = told.top_candidates or []
    content: list[Json] = []
    for place, chosen in enumerate(told.chosen_candidates or ()):
        others = (tops[place].candidates if place < len(tops) else None) or []
        content.append({**_entry(chosen), "top_logprobs": [_entry(other) for other in others]})
    return {"content": content, "refusal": None}


def _entry(token: _Token) -> dict[str, Json]:
    spelled = token.token.encode()
    return {"token": token.token, "logprob": token.log_probability, "bytes": list[Json](spelled)}


_TOLD = msgspec.json.Decoder(_Told)
