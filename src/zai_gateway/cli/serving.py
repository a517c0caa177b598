"""The command that runs the gateway."""

from enum import StrEnum
from typing import Annotated

import typer

from zai_gateway.cli.doors import Composition, ServeOptions
from zai_gateway.cli.options import AsJson, Data


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

    def serve(
        self,
        *,
        host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 8011,
        data: Data = None,
        workers: Annotated[int, typer.Option("--workers", min=1, help="Processes; 1 for now.")] = 1,
        log_level: Annotated[
            LogLevel, typer.Option("--log-level", help="What is logged, and all that is graver.")
        ] = LogLevel.INFO,
        as_json: AsJson = False,
    ) -> int:
        """Run the gateway. The first start on an empty data directory makes a workspace and a first key."""
        if workers != 1:
            raise typer.BadParameter(
                "several workers come with a later release; run one for now.", param_hint="'--workers'"
            )
        return self._composition.serve(
            ServeOptions(
                host=host,
                port=port,
                data=self._composition.directory(data),
                log_level=log_level.value,
                json=as_json,
            )
        )
