"""The command that runs the gateway."""

from enum import StrEnum
from typing import Annotated

import typer

from zai_gateway.cli.doors import Composition, ServeOptions
from zai_gateway.cli.options import AsJson, Data, PrivateAddresses

_MOST_WORKERS = 256


class LogLevel(StrEnum):
    """What is worth a line in the log, and all that is graver."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


class Serving:
    """What an operator does to run the gateway."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition

    def serve(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        *,
        host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 8011,
        data: Data = None,
        workers: Annotated[
            str,
            typer.Option(
                "--workers",
                metavar="NUMBER",
                help="Processes that serve; auto: one for each processor of this machine.",
            ),
        ] = "1",
        log_level: Annotated[
            LogLevel, typer.Option("--log-level", help="What is logged, and all that is graver.")
        ] = LogLevel.INFO,
        public_url: Annotated[
            str | None,
            typer.Option(
                "--public-url",
                metavar="URL",
                help="Where clients find the gateway; several with commas between. Else ZAI_PUBLIC_URL.",
            ),
        ] = None,
        trusted_proxies: Annotated[
            str | None,
            typer.Option(
                "--trusted-proxies",
                metavar="NETWORKS",
                help="Proxies that may say where a client is, with commas between. Else ZAI_TRUSTED_PROXIES.",
            ),
        ] = None,
        allow_private_addresses: PrivateAddresses = None,
        provider_env: Annotated[
            bool,
            typer.Option(
                "--provider-env",
                help="Take keys at providers from their usual variables, such as OPENAI_API_KEY.",
            ),
        ] = False,
        as_json: AsJson = False,
    ) -> int:
        """Run the gateway. The first start on an empty data directory makes a workspace and a first key."""
        return self._composition.serve(
            ServeOptions(
                host=host,
                port=port,
                data=self._composition.directory(data),
                database=None if data is None else data.database,
                log_level=log_level.value,
                json=as_json,
                public_url=public_url,
                trusted_proxies=trusted_proxies,
                allow_private_addresses=allow_private_addresses,
                provider_env=provider_env,
                workers=_number_of(workers),
            )
        )


def _number_of(workers: str) -> int | None:
    """How many are wanted; None for `auto`. Raises BadParameter."""
    said = workers.strip().lower()
    if said == "auto":
        return None
    if not (said.isascii() and said.isdigit() and 1 <= int(said[:6]) <= _MOST_WORKERS):
        raise typer.BadParameter(
            f"{said[:20]!r}: write a number from 1 to {_MOST_WORKERS}, or auto.", param_hint="'--workers'"
        )
    return int(said)
