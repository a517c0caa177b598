"""What a start of the gateway says at the terminal: its address, and the way to a first answer."""

import os
import shlex
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from msgspec import Struct

from zai_gateway.errors import OperatorError

_FIRST_KEY_FILE = "first-key"
_SETUP_LINK_FILE = "setup-link"
_HERE = "http://127.0.0.1:8011"


class Arrival(Struct, frozen=True, kw_only=True):
    """What one start came to."""

    base_url: str
    public_urls: tuple[str, ...] = ()
    """Where clients elsewhere find it."""
    data: Path
    first_key: str | None
    """The secret of a key that this start made; only where it goes to a terminal."""
    kept: Path | None
    """The file that the secret was written to instead."""
    setup_link: str | None = None
    """Where the first owner signs up, while nobody has; only where it goes to a terminal."""
    kept_setup_link: Path | None = None
    """The file that it was written to instead."""


def keep_first_key(secret: str, data: Path) -> Path:
    """Writes the first key where only its owner can read it, for whoever starts without a terminal."""
    path = data / _FIRST_KEY_FILE
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret + "\n")
    except OSError as error:
        raise OperatorError(f"The first key cannot be written to {path} ({error.strerror}).") from None
    return path


def keep_setup_link(link: str, data: Path) -> Path:
    """Writes the link where only its owner can read it, in the place of one from before.

    Others that start in the same directory may do so at once: every one of their links holds.
    """
    path = data / _SETUP_LINK_FILE
    try:
        # Made by mkstemp: for its owner alone.
        with NamedTemporaryFile("w", encoding="ascii", dir=data, prefix=".setup-link-", delete=False) as file:
            file.write(link + "\n")
        Path(file.name).replace(path)
    except OSError as error:
        raise OperatorError(f"The setup link cannot be written to {path} ({error.strerror}).") from None
    return path


def forget_setup_link(data: Path) -> None:
    """Takes the file away when its link is of no use any more."""
    with suppress(OSError):
        (data / _SETUP_LINK_FILE).unlink(missing_ok=True)


def console_url(public_url: str, here: str = _HERE) -> str:
    """Where people open the console: the first of the public URLs, or `here`; without a slash at its end."""
    return next((url.removesuffix("/v1") for url in public_urls(public_url)), here)


def base_url(host: str, port: int) -> str:
    """Where a client on this machine finds the gateway."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- nothing is bound here
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def public_urls(setting: str) -> tuple[str, ...]:
    """Where clients find the gateway, as the operator says it: one URL or several with commas between."""
    return tuple(f"{url.strip().rstrip('/')}/v1" for url in setting.split(",") if url.strip())


def words(arrival: Arrival) -> str:
    """What a person reads."""
    base_url = arrival.base_url
    lines = [f"Z-AI answers at {base_url} (reference: {base_url.removesuffix('/v1')}/docs)"]
    lines += [f"Its clients find it at {url}" for url in arrival.public_urls]
    if arrival.setup_link is not None:
        lines += ["", f"Make yourself its owner, once, within 24 hours: {arrival.setup_link}"]
    elif arrival.kept_setup_link is not None:
        lines += ["", f"The link to make yourself its owner is in {arrival.kept_setup_link}"]
    lines.append("")
    if arrival.first_key is not None:
        lines += [f"Your first key, shown only this once, may call the demo models: {arrival.first_key}"]
        lines += ["Try it:", "", *_curl(base_url, arrival.first_key)]
    elif arrival.kept is not None:
        lines += [f"Your first key, which may call the demo models, is in {arrival.kept}"]
        lines += ["Try it:", "", *_curl(base_url, f"$(cat {shlex.quote(str(arrival.kept))})")]
    else:
        lines += [f"Make an API key with: zai admin key create NAME --data {shlex.quote(str(arrival.data))}"]
    return "\n".join(lines)


def document(arrival: Arrival) -> str:
    """The same for a program, as JSON."""
    return msgspec.json.encode(arrival, enc_hook=str).decode()


def _curl(base_url: str, bearer: str) -> list[str]:
    return [
        f"curl {base_url}/chat/completions \\",
        f'  -H "Authorization: Bearer {bearer}" \\',
        '  -H "Content-Type: application/json" \\',
        """  -d '{"model": "demo/echo", "messages": [{"role": "user", "content": "Hello, Z-AI!"}]}'""",
    ]
