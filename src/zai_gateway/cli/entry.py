"""The entry to the terminal door: the tree of commands, and what its exit codes are."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Protocol, runtime_checkable

import typer

from zai_gateway import __version__
from zai_gateway.cli.administration import administration
from zai_gateway.cli.apply import Apply
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.gateway import GatewayAddressError, GatewayError
from zai_gateway.cli.holder import Holder
from zai_gateway.cli.options import placed
from zai_gateway.cli.screen import NobodyReads, Screen
from zai_gateway.cli.serving import Serving
from zai_gateway.errors import Failure, OperatorError, StoreUnavailable

OK = 0
FAILED = 1
"""The operation, or the gateway, refused."""
READER_LEFT = 141
"""What a shell makes of a program that SIGPIPE ended (128 + 13)."""


def build(composition: Composition, screen: Screen | None = None) -> Callable[[Sequence[str] | None], int]:
    """The whole `zai` command: takes arguments (`sys.argv` where None), gives the exit code."""
    shown = screen or Screen()
    command = typer.main.get_command(tree(composition, shown))

    def run(arguments: Sequence[str] | None = None) -> int:
        given = list(sys.argv[1:] if arguments is None else arguments)
        try:
            code = _translated(lambda: command.main(given, prog_name="zai", standalone_mode=False), shown)
            shown.flush()
        except NobodyReads:
            shown.abandon()
            return READER_LEFT
        return code

    return run


def tree(composition: Composition, screen: Screen) -> typer.Typer:
    """Every command there is."""
    holder = Holder(composition, screen)
    app = typer.Typer(no_args_is_help=True)
    app.callback()(_root)
    app.command("serve")(placed(Serving(composition).serve))
    app.command("whoami")(holder.whoami)
    app.command("models")(holder.models)
    app.command("chat")(holder.chat)
    app.command("apply")(placed(Apply(composition, screen).apply))
    app.add_typer(administration(composition, screen), name="admin")
    return app


def _translated(command: Callable[[], object], screen: Screen) -> int:
    """Runs a command; what went wrong becomes one sentence on stderr and an exit code."""
    try:
        outcome = command()
    except typer.TyperException as misuse:
        if said := misuse.format_message():
            screen.error(f"{said.rstrip('.')}. {_try_help(misuse)}")
        return misuse.exit_code
    except typer.Abort:
        return FAILED
    except Failure as failure:
        return _failed(screen, failure.message)
    except StoreUnavailable as trouble:
        return _failed(screen, str(trouble) or "The database did not answer; try again.")
    except (OperatorError, GatewayError, GatewayAddressError) as trouble:
        return _failed(screen, str(trouble))
    return outcome if isinstance(outcome, int) else OK


def _failed(screen: Screen, sentence: str) -> int:
    screen.error(sentence)
    return FAILED


@runtime_checkable
class _AtCommand(Protocol):
    """A misuse that knows at which command it happened."""

    ctx: typer.Context | None


def _try_help(misuse: typer.TyperException) -> str:
    path = misuse.ctx.command_path if isinstance(misuse, _AtCommand) and misuse.ctx else "zai"
    return f"Try '{path} --help'."


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zai {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Z-AI: a self-hosted gateway for large language models, with spend caps that hold.

    With a key: ZAI_KEY holds it, and ZAI_BASE_URL says where the gateway is
    (http://127.0.0.1:8011/v1 by default). On the gateway's own host: serve and admin.
    """
