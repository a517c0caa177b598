"""Signing: the headers by which a provider knows whose request it is."""

from zai_gateway.providers.provider import Auth, Provider

_OWN_HEADERS = {
    Auth.API_KEY: "api-key",
    Auth.X_API_KEY: "x-api-key",
    Auth.GOOGLE_API_KEY: "x-goog-api-key",
}


def signature(provider: Provider, secret: str) -> tuple[tuple[str, str], ...]:
    """The headers that carry `secret` to the provider, and those that it wants of every request.

    Of a service account the secret here is the token that its key signed (`Credentials`), never the key.
    """
    if provider.auth is Auth.NONE or not secret:
        return provider.headers
    own = _OWN_HEADERS.get(provider.auth)
    if own is not None:
        return ((own, secret), *provider.headers)
    return (("authorization", f"Bearer {secret}"), *provider.headers)
