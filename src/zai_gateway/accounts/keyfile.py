"""The key file: where the vault's key lives when the operator gave none."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from cryptography.fernet import Fernet

from zai_gateway.accounts.vault import ENCRYPTION_KEY
from zai_gateway.errors import OperatorError

_MOST_BYTES = 10_000


def key_material(path: Path) -> str:
    """The key material in the file at `path`, which is made (mode 0600) where there is none.

    However many processes call this at once, all get the same key: whoever gives a complete file its name
    first wins, and nobody ever sees half of one. Raises OperatorError where the file can be neither read nor
    made; the directory must be there.
    """
    try:
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise OperatorError(
            f"The key file {path} cannot be used ({error.strerror}): make its directory writable for this "
            f"user, or give the key as {ENCRYPTION_KEY}."
        ) from None


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(descriptor)
        # A rename would replace the file of whoever came first; a link is refused.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    # A key that seals secrets and is gone after a power cut takes them all with it.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
