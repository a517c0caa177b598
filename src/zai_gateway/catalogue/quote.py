"""The quote: what a request can cost at most, before it is sent (spend.md, "The worst case"); pure."""

from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.model import Model, Price
from zai_gateway.catalogue.tiers import FLEX, STANDARD, tariff
from zai_gateway.errors import Code, Failure
from zai_gateway.money import PICO_PER_NANO
from zai_gateway.wire.chat import ChatRequest

FLOOR = 1_024
REASONING_FLOOR = 4_096
"""Reasoning counts as output, and comes before the first word of an answer."""


def quote(
    model: Model,
    price: Price,
    request: ChatRequest,
    limit_honoured: bool,
    *,
    least_output: int = 0,
    allowance: int = 0,
) -> Bound:
    """The worst case of `request`, at the dearest rates that can apply to it.

    `least_output` is how many output tokens may come however low the limit is; `allowance` is what features
    without a bound may cost beside it, in nano-USD. Raises Failure: UNBOUNDED_FEATURE for media whose tokens
    nothing bounds (or where neither the model nor the client's limit bounds the output),
    UNSUPPORTED_PARAMETER for a service tier without a price.
    """
    tokens = input_bound(model, request)
    dearest_input, dearest_output = _dearest(model, price, request.service_tier, tokens)
    fees = price.fees
    input_pico = tokens * dearest_input + max(fees.request, fees.request_most)
    input_pico += fees.image * (request.inline_images + request.foreign_media)
    input_pico += allowance * PICO_PER_NANO
    output_pico = request.choices * dearest_output
    asked = None if request.output_limit is None else max(request.output_limit, least_output)
    if not limit_honoured:
        # No limit that is sent means anything: the model's maximum is a fixed part, as if asked for.
        asked = _whole_output(model)
        input_pico += asked * output_pico
        output_pico = 0
    return Bound(
        input_pico=input_pico,
        output_pico=output_pico,
        asked=asked,
        most=model.max_output,
        room=_room(model, tokens),
        floor=REASONING_FLOOR if model.reasons(request.reasoning_effort) else FLOOR,
    )


def input_bound(model: Model, request: ChatRequest) -> int:
    """The most tokens that the request's input can come to. Raises Failure (UNBOUNDED_FEATURE).

    No tokenizer makes more tokens of a text than it has bytes; schemas count again, since a provider may
    render them at greater length. The context window bounds everything.
    """
    overhead = model.overhead
    text = len(request.body) + request.schema_bytes + overhead.prompt
    text += overhead.message * request.message_count + overhead.part * request.part_count
    text += overhead.tool * request.tool_count
    immeasurable = request.foreign_media > 0 or (request.inline_images > 0 and model.image_tokens is None)
    if immeasurable:
        if model.context_window is None:
            raise _unbounded_media(model)
        return model.context_window
    images = request.inline_images * (model.image_tokens or 0)
    tokens = text - request.inline_image_bytes + images
    return tokens if model.context_window is None else min(tokens, model.context_window)


def unpriced_media(model: Model, request: ChatRequest, *, files_have_fees: bool) -> tuple[str, ...]:
    """The fields of media whose cost the model's price says nothing of, so that nothing bounds it.

    Sound costs more than text where a model hears (Gemini, OpenAI), or by the second (Mistral), and no price
    here tells; a video may have sound. A model that is known not to hear refuses both. `files_have_fees`
    is whether the vendor itself reads files, for a fee, where the model does not take them.
    """
    heard = request.sounds if "audio" in (model.inputs or ("audio",)) else ()
    return (*heard, *(request.files if files_have_fees and "pdf" not in model.inputs else ()))


def _dearest(model: Model, price: Price, tier: str | None, tokens: int) -> tuple[int, int]:
    """The most that a token in and one out can cost: another tier may be served at the standard one."""
    dearest = price.tiers[STANDARD].dearest(tokens)
    if tier is None:
        return dearest
    named = tariff(price, tier)
    if named is not None:
        other = named.dearest(tokens)
        return max(dearest[0], other[0]), max(dearest[1], other[1])
    if tier != FLEX:  # which costs less, and is served at the standard tier where it is not sold
        raise _unpriced_tier(model, price, tier)
    return dearest


def _whole_output(model: Model) -> int:
    most = model.max_output or model.context_window
    if most is None:
        raise Failure(
            Code.UNBOUNDED_FEATURE,
            f"model: {model.name} keeps to no output limit and its maximum is not known, so nothing bounds "
            "what it can cost. Use a model that the catalogue knows.",
            param="model",
        )
    return most


def _room(model: Model, tokens: int) -> int | None:
    left = (model.context_window or 0) - tokens
    return left if left > 0 else None


def _unbounded_media(model: Model) -> Failure:
    return Failure(
        Code.UNBOUNDED_FEATURE,
        f"messages: neither the context window of {model.name} nor the tokens of its media are known, so "
        "nothing bounds what the media in this request can cost. Take the media out, or use a model that the "
        "catalogue knows.",
        param="messages",
    )


def _unpriced_tier(model: Model, price: Price, tier: str | None) -> Failure:
    sold = ", ".join(sorted(name for name in price.tiers if name != STANDARD))
    return Failure(
        Code.UNSUPPORTED_PARAMETER,
        f"service_tier: {model.name} has no known price at the tier {tier!r}. Leave service_tier out, or use "
        f"{f'one of default, {sold}' if sold else 'default'}.",
        param="service_tier",
    )
