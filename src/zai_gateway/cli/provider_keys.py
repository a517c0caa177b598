"""Commands on provider keys, whose secret comes by environment, stdin or a hidden prompt."""

import re
from getpass import getpass
from typing import Annotated

import typer

from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.provider_view import show_provider_keys
from zai_gateway.cli.screen import Screen
from zai_gateway.errors import OperatorError
from zai_gateway.providers.registry import provider as find_provider

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_SECRET = 10_000
"""Characters read from stdin."""

_KeyEnv = Annotated[
    str | None,
    typer.Option("--key-env", metavar="VARIABLE", help="The environment variable that holds the key."),
]
_KeyStdin = Annotated[bool, typer.Option("--key-stdin", help="Read the key from stdin.")]
_Ref = Annotated[str, typer.Argument(metavar="KEY", help="Its id or unique name.", show_default=False)]


class ProviderKeys:
    """What an operator does with provider keys."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def add(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        provider: Annotated[
            str, typer.Argument(metavar="PROVIDER", help="Such as openai, or custom.", show_default=False)
        ],
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        key_env: _KeyEnv = None,
        key_stdin: _KeyStdin = False,
        base_url: Annotated[
            str | None, typer.Option("--base-url", metavar="URL", help="Where the provider is, if elsewhere.")
        ] = None,
        name: Annotated[
            str | None, typer.Option("--name", help="A label; of a custom one the prefix of its models.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Add a key at a provider. Without --key-env or --key-stdin one that it needs is asked for."""
        row = find_provider(provider)
        # Without a key to ask for: an unknown provider is refused by the accounts, in their words.
        asked = row.title if row is not None and row.needs_key else None
        secret = self._secret(asked, key_env, key_stdin)
        with self._composition.books(data) as books:
            wanted = NewProviderKey(provider=provider, secret=secret, name=name, base_url=base_url)
            added = books.accounts.provider_keys.add(OPERATOR, workspace_of(books, workspace), wanted)
            show_provider_keys(self._screen, books, added, as_json)

    def list(self, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False) -> None:
        """List the provider keys, in the order in which they are tried."""
        with self._composition.books(data) as books:
            keys = books.accounts.provider_keys.list(OPERATOR, workspace_of(books, workspace))
            show_provider_keys(self._screen, books, keys, as_json)

    def renew(
        self,
        ref: _Ref,
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        key_env: _KeyEnv = None,
        key_stdin: _KeyStdin = False,
        as_json: AsJson = False,
    ) -> None:
        """Give a provider key another secret, from where 'add' takes one; it keeps its place and address."""
        secret = self._secret(ref, key_env, key_stdin)
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            renewed = books.accounts.provider_keys.renew(OPERATOR, place, ref, secret)
            show_provider_keys(self._screen, books, renewed, as_json)

    def remove(
        self, ref: _Ref, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Forget a provider key, and show what it was."""
        with self._composition.books(data) as books:
            removed = books.accounts.provider_keys.remove(OPERATOR, workspace_of(books, workspace), ref)
            show_provider_keys(self._screen, books, removed, as_json)

    def _secret(self, asked: str | None, variable: str | None, from_stdin: bool) -> str:
        """The secret from where it was said to be; else a person is asked for that of `asked`."""
        if variable is not None and from_stdin:
            raise typer.BadParameter(
                "the key comes from one place: leave one out.", param_hint="'--key-stdin'"
            )
        if variable is not None:
            return self._from_environment(variable)
        if from_stdin:
            return self._from_stdin()
        if asked is None:
            return ""
        if not self._screen.asks():
            raise typer.BadParameter(
                "no terminal to ask for the key at: give --key-env or --key-stdin.", param_hint="'--key-env'"
            )
        return getpass(f"Key for {asked}: ", self._screen.stderr)

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
            secret = self._screen.read(_MOST_SECRET)
        except UnicodeDecodeError:
            raise OperatorError("--key-stdin: what stands on stdin is not text.") from None
        if not secret.strip():
            raise OperatorError("--key-stdin: stdin is empty; give the key there.")
        return secret
