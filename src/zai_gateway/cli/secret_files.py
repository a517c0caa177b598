"""Files of secrets: those that a declaration refers to are read, and those of new API keys are written."""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from zai_gateway.accounts import terms
from zai_gateway.accounts.applying import Secrets
from zai_gateway.accounts.declared import Declaration, DeclaredKey, SecretReference
from zai_gateway.accounts.plan_steps import Action
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.errors import OperatorError
from zai_gateway.providers.registry import provider_of

_MOST_SECRET = 10_000
"""Bytes of a file."""


def referred_secrets(declaration: Declaration, variable: Callable[[str], str | None], base: Path) -> Secrets:
    """What the references lead to; relative paths are those from `base`.

    Raises OperatorError, naming the entry, where one leads nowhere. A name is not repeated: it may be the
    secret itself, put there by mistake.
    """
    secrets: dict[SecretReference, str] = {}
    for workspace in declaration.workspaces:
        for provider in workspace.providers or ():
            if provider.secret is not None:
                at = f"workspace {workspace.name!r}, provider {provider.name!r}: secret"
                found = _read(provider.secret, variable, base, at)
                try:
                    secrets[provider.secret] = terms.checked_secret(found, provider_of(provider.provider))
                except OperatorError as trouble:
                    raise OperatorError(f"{at}: {trouble}") from None
    return secrets


class MadeKeys:
    """The API keys that a run makes. A secret goes to the file that was asked for, or else is shown.

    Relative paths are those from `base`.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self.written: list[tuple[Action, IssuedKey, Path]] = []
        self.shown: list[tuple[Action, IssuedKey]] = []

    def check(self, actions: Iterable[Action]) -> None:
        """Refuses files that cannot be made: before the first step rather than at a later one."""
        seen: set[Path] = set()
        for action in actions:
            wanted = action.wanted
            if isinstance(wanted, DeclaredKey) and action.standing is None and wanted.secret_file:
                path = self._base / wanted.secret_file
                if path in seen or os.path.lexists(path):
                    raise OperatorError(f"{_at(action)}: {path} is taken; move it away, or name another.")
                if not path.parent.is_dir():
                    raise OperatorError(f"{_at(action)}: there is no directory {path.parent}; make it first.")
                seen.add(path)

    @contextmanager
    def keeping(self, action: Action, wanted: DeclaredKey) -> Generator[Callable[[IssuedKey], None]]:
        """A file for a key that is to be made, taken away again where none is made."""
        if wanted.secret_file is None:
            yield lambda issued: self.shown.append((action, issued))
            return
        path, issued_to = self._base / wanted.secret_file, list[IssuedKey]()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as trouble:
            raise OperatorError(f"{_at(action)}: {path} cannot be made ({trouble.strerror}).") from None
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            try:
                yield issued_to.append
            finally:
                if not issued_to:
                    path.unlink()
            (issued,) = issued_to
            try:
                file.write(f"{issued.secret}\n")
                file.flush()
                os.fsync(descriptor)
            except OSError as trouble:
                # There is no second chance to be told it.
                self.shown.append((action, issued))
                raise OperatorError(
                    f"{_at(action)}: {path} cannot be written ({trouble.strerror})."
                ) from None
        self.written.append((action, issued, path))


def _read(reference: SecretReference, variable: Callable[[str], str | None], base: Path, at: str) -> str:
    if reference.env is not None:
        found = variable(reference.env)
        if found is None:
            raise OperatorError(f"{at}: the environment variable that it names is not set, or is empty.")
        return found
    try:
        with (base / (reference.file or "")).open("rb") as file:
            found = file.read(_MOST_SECRET + 1).decode()
    except OSError as trouble:
        raise OperatorError(f"{at}: the file that it names cannot be read ({trouble.strerror}).") from None
    except UnicodeDecodeError:
        raise OperatorError(f"{at}: the file that it names is not text.") from None
    return found


def _at(action: Action) -> str:
    return f"workspace {action.workspace!r}, key {action.name!r}: secret_file"
