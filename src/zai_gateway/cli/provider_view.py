"""Provider keys as commands show them, without their secrets."""

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.cli.doors import Books
from zai_gateway.cli.screen import Screen
from zai_gateway.documents.provider_keys import (
    ProviderKeyDocument,
    ProviderKeysDocument,
    provider_key_document,
)


def show_provider_keys(
    screen: Screen, books: Books, keys: ProviderKey | tuple[ProviderKey, ...], as_json: bool
) -> None:
    """Writes one provider key, or a list of them, as a document or as a table."""
    several = keys if isinstance(keys, tuple) else (keys,)
    documents = tuple(
        provider_key_document(key, readable=books.accounts.provider_keys.readable(key)) for key in several
    )
    if not as_json:
        screen.table(
            ("provider", "name", "id", "base URL", "status", "last test", "created"),
            [
                (
                    told.provider,
                    told.name,
                    told.id,
                    told.base_url,
                    f"{told.status} ({told.disabled_why})" if told.disabled_why else told.status,
                    _tested(told),
                    told.created_at,
                )
                for told in documents
            ],
        )
    elif isinstance(keys, tuple):
        screen.document(ProviderKeysDocument(provider_keys=documents))
    else:
        screen.document(documents[0])


def _tested(told: ProviderKeyDocument) -> str:
    health = told.health
    if health is None:
        return "never"
    took = "" if health.latency_ms is None else f" ({health.latency_ms} ms)"
    return f"{'ok' if health.ok else 'failed'} {health.tested_at}{took}: {health.message}"
