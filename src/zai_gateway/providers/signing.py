"""Signing: the headers by which a provider knows whose request it is."""

from zai_gateway.providers.registry import Auth, Provider


def signature(provider: Provider, secret: str) -> tuple[tuple[str, str], ...]:
    """The headers that carry `secret` to the provider; none where it asks for none."""
    if provider.auth is Auth.NONE or not secret:
        return ()
    return (("authorization", f"Bearer {secret}"),)
