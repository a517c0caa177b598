"""Commands on provider keys, whose secret comes by environment, stdin or a hidden prompt."""

import re
from getpass import getpass
from typing import Annotated

import typer

from zai_gateway.accounts.records import ProviderKey
from zai_gateway.cli.documents import provider_key_document
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data
from zai_gateway.cli.screen import Screen
from zai_gateway.errors import OperatorError
from zai_gateway.providers.registry import Auth, provider

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_SECRET = 10_000
"""Characters read from stdin."""


class ProviderKeys:
    """What an operator does with provider keys."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def add(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        provider: Annotated[
            str, typer.Argument(metavar="PROVIDER", help="Such as openai, or demo.", show_default=False)
        ],
        *,
        data: Data = None,
        key_env: Annotated[
            str | None,
            typer.Option(
                "--key-env", metavar="VARIABLE", help="The environment variable that holds the key."
            ),
        ] = None,
        key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from stdin.")] = False,
        base_url: Annotated[
            str | None, typer.Option("--base-url", metavar="URL", help="Where the provider is, if elsewhere.")
        ] = None,
        name: Annotated[
            str | None, typer.Option("--name", help="A label; model names stay those of the provider.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Add a key at a provider. Without --key-env or --key-stdin it is asked for, and not shown."""
        secret = self._secret(provider, key_env, key_stdin)
        with self._composition.books(data) as books:
            workspace = books.accounts.the_workspace().id
            added = books.accounts.add_provider_key(workspace, provider, secret, name=name, base_url=base_url)
        self._one(added, as_json)

    def list(self, data: Data = None, as_json: AsJson = False) -> None:
        """List the provider keys, in the order in which they are tried."""
        with self._composition.books(data) as books:
            keys = books.accounts.list_provider_keys(books.accounts.the_workspace().id)
        if as_json:
            self._screen.document({"provider_keys": [provider_key_document(key) for key in keys]})
        else:
            self._table(keys)

    def remove(
        self,
        ref: Annotated[str, typer.Argument(metavar="KEY", help="Its id or unique name.", show_default=False)],
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Forget a provider key, and show what it was."""
        with self._composition.books(data) as books:
            removed = books.accounts.remove_provider_key(books.accounts.the_workspace().id, ref)
        self._one(removed, as_json)

    def _secret(self, name: str, variable: str | None, from_stdin: bool) -> str:
        if variable is not None and from_stdin:
            raise typer.BadParameter(
                "the key comes from one place: leave one out.", param_hint="'--key-stdin'"
            )
        if variable is not None:
            return self._from_environment(variable)
        if from_stdin:
            return self._from_stdin()
        row = provider(name)
        if row is None or row.auth is Auth.NONE:
            # Without a key to ask for: an unknown provider is refused by the accounts, in their words.
            return ""
        if not self._screen.asks():
            raise typer.BadParameter(
                "no terminal to ask for the key at: give --key-env or --key-stdin.", param_hint="'--key-env'"
            )
        return getpass(f"Key for {row.title}: ", self._screen.stderr)

    def _from_environment(self, variable: str) -> str:
        # What was given is never repeated: it may be the key itself, put there by mistake.
        if not _VARIABLE.fullmatch(variable):
            raise typer.BadParameter(
                "the name of an environment variable belongs here, never the key itself.",
                param_hint="'--key-env'",
            )
        secret = self._composition.secret(variable)
        if secret is None:
            raise OperatorError("--key-env: the environment variable of that name is not set, or is empty.")
        return secret

    def _from_stdin(self) -> str:
        try:
            return self._screen.read(_MOST_SECRET)
        except UnicodeDecodeError:
            raise OperatorError("--key-stdin: what stands on stdin is not text.") from None

    def _one(self, key: ProviderKey, as_json: bool) -> None:
        if as_json:
            self._screen.document(provider_key_document(key))
        else:
            self._table((key,))

    def _table(self, keys: tuple[ProviderKey, ...]) -> None:
        documents = [provider_key_document(key) for key in keys]
        self._screen.table(
            ("provider", "name", "id", "base URL", "created"),
            [(told.provider, told.name, told.id, told.base_url, told.created_at) for told in documents],
        )
