"""The doctor: everything about a data directory that can be looked at without a gateway, and what to do."""

import shutil
from collections.abc import Collection
from pathlib import Path

from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.vault import ENCRYPTION_KEY, Vault
from zai_gateway.care import Finding, KeyFit, doubtful, fine, wrong
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.clock import Clock
from zai_gateway.errors import OperatorError
from zai_gateway.money import usd
from zai_gateway.settings import Environment
from zai_gateway.spend.living import living_workers
from zai_gateway.storage.backup import RESTORING
from zai_gateway.storage.inspection import Inspection, inspect_books
from zai_gateway.storage.spend_checks import Holder

_LITTLE = 1024 * 1024 * 1024
_TOO_LITTLE = 64 * 1024 * 1024
_OTHERS = 0o077
_IF_LOST = "if it is lost for good, 'zai admin vault reset'"


class Doctor:
    """Looks at the data directory `data`, and at the books that the environment says. Changes nothing."""

    def __init__(self, data: Path, environment: Environment, clock: Clock) -> None:
        self._data = data
        self._environment = environment
        self._clock = clock

    def findings(self) -> tuple[Finding, ...]:
        """What was found, check by check."""
        try:
            modes = _modes(self._data)
            space = disk_space(shutil.disk_usage(self._data).free)
        except OSError as trouble:
            found = f"The data directory {self._data} cannot be read ({trouble.strerror})."
            do = "give the right --data, run this as the gateway's user, or make one with 'zai serve'"
            return (wrong("directory", found, do),)
        seen = inspect_books(self._data, self._environment.database, self._clock.now_ms())
        findings = [*modes, space, *_leftovers(self._data), *seen.findings]
        if seen.whole:
            findings += [_holds(seen, self._data), *self._secrets(seen), _prices(seen.imported)]
        return tuple(findings)

    def key_fit(self) -> KeyFit:
        """Whether the encryption key that is here opens what the books have sealed."""
        seen = inspect_books(self._data, self._environment.database, self._clock.now_ms())
        if seen.canary is None:
            return KeyFit.NOTHING_SEALED
        try:
            vault = _vault(self._data, self._environment)
        except OperatorError:
            return KeyFit.WRONG
        if vault is None:
            return KeyFit.MISSING
        return KeyFit.OPENS if vault.proves(seen.canary) else KeyFit.WRONG

    def _secrets(self, seen: Inspection) -> tuple[Finding, ...]:
        check = "encryption_key"
        if seen.canary is None:
            return (fine(check, "Nothing is encrypted yet."),)
        try:
            vault = _vault(self._data, self._environment)
        except OperatorError as trouble:
            return (wrong(check, str(trouble), "put back the key that was used before"),)
        if vault is None:
            do = f"put back the vault.key of these books, or set {ENCRYPTION_KEY}; {_IF_LOST}"
            return (wrong(check, "The key that encrypts provider keys is not here.", do),)
        if not vault.proves(seen.canary):
            found = "The encryption key that is here does not open what these books have sealed."
            do = f"put back the one that was used before, in vault.key or as {ENCRYPTION_KEY}; {_IF_LOST}"
            return (wrong(check, found, do),)
        return (fine(check, "The encryption key is that of these books."), _provider_secrets(vault, seen))


def disk_space(free: int) -> Finding:
    """Whether `free` bytes are enough."""
    found = f"{free >> 20} MiB are free on the disk of the data directory."
    if free < _TOO_LITTLE:
        return wrong("disk", found, "make room: without it requests are refused with 503")
    if free < _LITTLE:
        return doubtful("disk", found, "make room before it is full: then requests are refused with 503")
    return fine("disk", found)


def _modes(data: Path) -> tuple[Finding, ...]:
    files = [file for file in sorted(data.iterdir()) if file.is_file() and file.name != "init.lock"]
    open_files = [file.name for file in files if file.stat().st_mode & _OTHERS]
    mode = data.stat().st_mode & 0o777
    found = [
        doubtful("directory", f"Others may look into {data} (its mode is {mode:o}).", f"chmod 700 {data}")
        if mode & _OTHERS
        else fine("directory", f"{data} is its owner's alone.")
    ]
    if not open_files:
        found.append(fine("files", "Every file in it is its owner's alone."))
    elif mode & _OTHERS:
        found.append(wrong("files", f"Others may read {', '.join(open_files)}.", f"chmod -R go= {data}"))
    else:
        said = f"Others could read {', '.join(open_files)}, if the directory let them in."
        found.append(doubtful("files", said, f"chmod -R go= {data}"))
    return tuple(found)


def _leftovers(data: Path) -> tuple[Finding, ...]:
    if not (data / RESTORING).exists():
        return ()
    said = f"A restore did not end, and left {RESTORING}; the books are as they were before it."
    return (doubtful("restore", said, f"restore again, or remove {data / RESTORING}"),)


def _holds(seen: Inspection, data: Path) -> Finding:
    check, folder = "holds", data / "workers"
    alive = living_workers(folder)
    dead = [each for each in seen.holders if each.amount and each.id not in alive]
    here = [each for each in dead if each.journal is None or Path(each.journal).parent == folder.absolute()]
    elsewhere = {each.id: each for each in dead if each not in here}
    if not dead:
        return fine(check, "No worker that died has money leased.")
    said = [_held(here, "that died here"), _held(elsewhere.values(), "of other directories")]
    do = "start a gateway on this directory: it returns what was not used, and lists the rest as unconfirmed"
    if elsewhere:
        hosts = ", ".join(sorted({each.host for each in elsewhere.values()}))
        again = f"start the gateways of {hosts} again where they do not run, or give up what never comes back"
        do = f"{again} ('zai admin spend lost')" + (f"; {do}" if here else "")
    return doubtful(check, f"{'; '.join(filter(None, said))}.", do)


def _held(some: Collection[Holder], which: str) -> str:
    if not some:
        return ""
    workers = "1 worker" if len(some) == 1 else f"{len(some)} workers"
    return f"{usd(sum(each.amount for each in some))} USD are leased to {workers} {which}"


def _provider_secrets(vault: Vault, seen: Inspection) -> Finding:
    closed: list[str] = []
    for key in seen.provider_keys:
        try:
            vault.open_secret(key)
        except OperatorError:
            closed.append(f"{key.name} ({key.id})")
    if not closed:
        return fine("provider_keys", _all_open(len(seen.provider_keys)))
    do = (
        "give each again with 'zai admin provider renew', or put back the key that sealed it (several, with "
        "commas between)"
    )
    return wrong("provider_keys", f"These provider keys do not open: {', '.join(closed)}.", do)


def _all_open(number: int) -> str:
    if number < 2:
        return "The only provider key opens." if number else "There is no provider key."
    return f"All {number} provider keys open."


def _prices(imported: str | None) -> Finding:
    check, released = "prices", Catalogue.load().date
    if imported is None:
        return fine(check, f"The prices in force are those of this release, of {released}.")
    dated = imported[: len("2026-01-31")]
    if dated >= released.isoformat():
        return fine(check, f"Prices of {dated} were imported, over those of this release, of {released}.")
    found = (
        f"The prices that were imported, of {dated}, are older than this release's, of {released}: not used."
    )
    return doubtful(check, found, "take them away: 'zai admin price import --remove', or import newer ones")


def _vault(data: Path, environment: Environment) -> Vault | None:
    """The vault of the key that is here; None where there is none. Raises OperatorError."""
    if (material := environment.encryption_key()) is not None:
        return Vault(material)
    file = KeyFile(data / "vault.key")
    return Vault(file.read(), "vault.key") if environment.database is None and file.is_there else None
