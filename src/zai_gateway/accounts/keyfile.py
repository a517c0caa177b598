"""The key file: where the vault's key lives when the operator gave none."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from cryptography.fernet import Fernet

from zai_gateway.accounts.vault import ENCRYPTION_KEY
from zai_gateway.errors import OperatorError

_MOST_BYTES = 10_000


class KeyFile:
    """The file at `path`, whose directory must be there; it may hold several keys, with commas between.

    Calls raise OperatorError where the file can be neither read nor written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_there(self) -> bool:
        """Whether there is such a file."""
        return self.path.exists()

    def material(self) -> str:
        """The key material, after making the file (mode 0600) where there is none.

        However many processes call this at once, all get the same key: whoever gives a complete file its
        name first wins, and nobody ever sees half of one.
        """
        with self._usable():
            if not self.is_there:
                _make(self.path)
        return self.read()

    def read(self) -> str:
        """The key material as it stands now."""
        with self._usable(), self.path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("ascii", "replace").strip()

    @contextmanager
    def alone(self) -> Generator[None]:
        """Keeps other rotations out. Raises OperatorError where one is under way."""
        with self._usable():
            lock = os.open(self.path.with_name("vault.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OperatorError(
                    "Another rotation of this key file is under way: wait for it to end, then try again."
                ) from None
            yield
        finally:
            os.close(lock)

    def put_first(self) -> None:
        """Makes a new key, which stands before those that there are. Call it `alone`."""
        self.replace(f"{Fernet.generate_key().decode()},{self.read()}")

    def keep_first(self) -> None:
        """Drops every key but the first. Call it `alone`, and when nothing is sealed under another."""
        first, comma, _ = self.read().partition(",")
        if comma:
            self.replace(first.strip())

    def replace(self, material: str) -> None:
        """Writes other key material: after a crash the file holds the one or the other. Call it `alone`.

        The file stays its owner's, also where root does it.
        """
        with self._usable():
            draft = self.path.with_name(f"{self.path.name}.next")
            draft.unlink(missing_ok=True)
            _write(draft, material.encode())
            if os.geteuid() == 0:
                # Otherwise the gateway, which is another user, could open nothing from here on.
                owner = self.path.stat()
                os.chown(draft, owner.st_uid, owner.st_gid)
            draft.replace(self.path)
            _sync_directory(self.path.parent)

    @contextmanager
    def _usable(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise OperatorError(
                f"The key file {self.path} cannot be used ({error.strerror}): make its directory writable "
                f"for this user, or give the key as {ENCRYPTION_KEY}."
            ) from None


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        _write(draft, Fernet.generate_key())
        # A rename would replace the file of whoever came first; a link is refused.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _write(draft: Path, material: bytes) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(material + b"\n")
        file.flush()
        os.fsync(descriptor)


def _sync_directory(directory: Path) -> None:
    # A key that seals secrets and is gone after a power cut takes them all with it.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
