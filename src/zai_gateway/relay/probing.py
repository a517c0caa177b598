"""Probing: the cheapest harmless question to a provider, which tells whether it takes a key."""

from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.clock import Clock
from zai_gateway.dialects import openai_chat
from zai_gateway.errors import Failure
from zai_gateway.providers.registry import Auth, provider
from zai_gateway.providers.signing import signature
from zai_gateway.relay.exchange import read_whole
from zai_gateway.relay.failures import breakdown, refusal
from zai_gateway.relay.upstream import Outbound, Timeouts, Upstream, UpstreamError

_TIMEOUTS = Timeouts(connect=10.0, first_byte=20.0, silence=10.0)
_MAX_REFUSAL_BYTES = 1024 * 1024


async def probed(upstream: Upstream, key: ProviderKey, secret: str, clock: Clock) -> Health:
    """What `GET {base URL}/models` says of a provider key. It costs nothing, and holds no secret."""
    row = provider(key.provider)
    if row is None:
        return Health(at_ms=clock.now_ms(), ok=False, said=f"no provider is named {key.provider[:100]}")
    if row.auth is Auth.NONE:
        return Health(at_ms=clock.now_ms(), ok=True, said="it takes no key, so there is nothing to test")
    request = Outbound(
        method="GET",
        url=f"{key.base_url}/models",
        headers=signature(row, secret),
        body=b"",
        private=key.private,
    )
    begun = clock.monotonic()
    status = latency_ms = None
    try:
        inbound = await upstream.send(request, _TIMEOUTS)
        status, latency_ms = inbound.status, round((clock.monotonic() - begun) * 1_000)
        try:
            # Of an answer that is well the body does not matter, and may be long.
            body = b"" if status == 200 else await read_whole(inbound, _MAX_REFUSAL_BYTES)
        finally:
            await inbound.close()
        problem = None if status == 200 else openai_chat.decode_error(status, inbound.headers, body)
        said = "it takes the key" if problem is None else refusal(problem, row.name, secret).message
    except UpstreamError as error:
        said = breakdown(error, row.name).message
    except Failure as failure:
        said = failure.message
    return Health(at_ms=clock.now_ms(), ok=status == 200, said=said, status=status, latency_ms=latency_ms)
