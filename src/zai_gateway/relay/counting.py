"""Counting: how many tokens go into a request, by its provider's word where that is free, else by a guess."""

from msgspec.structs import replace

from zai_gateway.dialects import anthropic_front, anthropic_messages
from zai_gateway.errors import Failure
from zai_gateway.providers.addressing import count_url
from zai_gateway.providers.provider import Dialect
from zai_gateway.providers.signing import signature
from zai_gateway.relay.exchange import read_whole
from zai_gateway.relay.route import Route
from zai_gateway.relay.upstream import Outbound, Timeouts, Upstream, UpstreamError
from zai_gateway.wire.chat import ChatRequest, parse

_TIMEOUTS = Timeouts(first_byte=10.0, silence=5.0, total=20.0)
_MAX_ANSWER_BYTES = 65_536


def read_count_request(body: bytes) -> ChatRequest:
    """Anthropic's question for a count, as the hub has it. Raises Failure."""
    hub = anthropic_front.read_request(body, counting=True)
    try:
        return replace(parse(hub), original=body)
    except Failure as failure:
        raise anthropic_front.in_clients_words(failure, body) from None


async def counted(upstream: Upstream, route: Route, request: ChatRequest, secret: str) -> int | None:
    """Tokens that go in, by the provider of `route`; None where it does not count, or does not answer.

    It costs nothing, and holds nothing. Raises Failure for what it cannot express.
    """
    url = count_url(route.provider, route.provider_key.base_url, route.model.id)
    if url is None or route.dialect is not Dialect.ANTHROPIC_MESSAGES:
        return None
    asked = Outbound(
        method="POST",
        url=url,
        headers=(("content-type", "application/json"), *signature(route.provider, secret)),
        body=anthropic_messages.encode_count(request, route.plan(request.reasoning_effort)).body,
        private=route.provider_key.private,
    )
    try:
        inbound = await upstream.send(asked, _TIMEOUTS)
        try:
            body = await read_whole(inbound, _MAX_ANSWER_BYTES)
        finally:
            await inbound.close()
    except (UpstreamError, Failure):
        return None
    count = anthropic_messages.read_count(body) if inbound.status == 200 else None
    return count if isinstance(count, int) else None
