"""The operator's part of the terminal door: `zai admin`, straight on the data directory."""

import typer

from zai_gateway.cli.doors import Composition
from zai_gateway.cli.keys import Keys
from zai_gateway.cli.prices import Prices
from zai_gateway.cli.provider_keys import ProviderKeys
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.usage import UsageReport


def administration(composition: Composition, screen: Screen) -> typer.Typer:
    """The commands under `zai admin`."""
    app = typer.Typer(
        help="Run the gateway's books on its own host, also while it runs: it sees a change within a second.",
        no_args_is_help=True,
    )
    keys, provider_keys = Keys(composition, screen), ProviderKeys(composition, screen)
    prices = Prices(composition, screen)

    of_keys = typer.Typer(help="API keys: issue, cap, change and revoke them.", no_args_is_help=True)
    for command in (keys.create, keys.list, keys.show, keys.update, keys.revoke):
        of_keys.command()(command)

    of_providers = typer.Typer(help="Keys at providers, kept encrypted.", no_args_is_help=True)
    for command in (provider_keys.add, provider_keys.list, provider_keys.remove):
        of_providers.command()(command)

    of_prices = typer.Typer(help="Prices of your own, before the catalogue's.", no_args_is_help=True)
    for command in (prices.set, prices.list, prices.remove):
        of_prices.command()(command)

    app.add_typer(of_keys, name="key")
    app.add_typer(of_providers, name="provider")
    app.add_typer(of_prices, name="price")
    app.command()(UsageReport(composition, screen).usage)
    return app
