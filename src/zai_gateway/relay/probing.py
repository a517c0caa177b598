"""Probing: a question to a provider that costs nothing, and tells whether it takes a key."""

from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.clock import Clock
from zai_gateway.errors import Failure
from zai_gateway.providers.addressing import key_url
from zai_gateway.providers.registry import provider_of
from zai_gateway.providers.service_account import Credentials
from zai_gateway.providers.signing import signature
from zai_gateway.relay.exchange import read_whole
from zai_gateway.relay.failures import breakdown, refusal
from zai_gateway.relay.upstream import Outbound, Timeouts, Upstream, UpstreamError
from zai_gateway.relay.voices import voice_of
from zai_gateway.wire.fronts import Front

_TIMEOUTS = Timeouts(connect=10.0, first_byte=20.0, silence=10.0)
_MAX_REFUSAL_BYTES = 1024 * 1024


async def probed(upstream: Upstream, key: ProviderKey, secret: str, clock: Clock) -> Health:
    """What the provider says of the key where only a valid one may read. It is free, and holds no secret.

    Where there is no such place, nothing is asked, and that is what is said.
    """
    row = provider_of(key.provider)
    url = key_url(row, key.base_url)
    if not row.takes_key:
        return Health(at_ms=clock.now_ms(), ok=True, said="it takes no key, so there is nothing to test")
    if url is None:
        said = (
            f"not asked: nothing that is free tells whether {row.title} takes a key; send a request with it"
        )
        return Health(at_ms=clock.now_ms(), ok=True, said=said)
    credential = Credentials().of(row, secret, clock.now_ms() // 1_000)
    request = Outbound(
        method="GET", url=url, headers=signature(row, credential), body=b"", private=key.private
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
        problem = (
            None
            if status == 200
            else voice_of(Front.OPENAI, row.dialect).error(status, inbound.headers, body)
        )
        well = "it takes the key" if secret else "it answers without a key"
        said = well if problem is None else refusal(problem, row.name, credential).message
    except UpstreamError as error:
        said = breakdown(error, row.name).message
    except Failure as failure:
        said = failure.message
    return Health(at_ms=clock.now_ms(), ok=status == 200, said=said, status=status, latency_ms=latency_ms)
