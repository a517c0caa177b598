"""The operator's part of the terminal door: `zai admin`, straight on the data directory."""

from collections.abc import Callable

import typer

from zai_gateway.cli.audit import AuditReport
from zai_gateway.cli.budgets import Budgets
from zai_gateway.cli.care import DirectoryCare
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.key_update import KeyUpdate
from zai_gateway.cli.keys import Keys
from zai_gateway.cli.management_keys import ManagementKeys
from zai_gateway.cli.members import Members
from zai_gateway.cli.options import placed
from zai_gateway.cli.people import People
from zai_gateway.cli.price_import import PriceImport
from zai_gateway.cli.prices import Prices
from zai_gateway.cli.provider_keys import ProviderKeys
from zai_gateway.cli.provider_order import ProviderOrder
from zai_gateway.cli.reconciling import Reconciling
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.spend import SpendBooks
from zai_gateway.cli.usage import UsageReport
from zai_gateway.cli.vault import VaultCommands
from zai_gateway.cli.virtual_models import VirtualModels
from zai_gateway.cli.workspaces import Workspaces


def administration(composition: Composition, screen: Screen) -> typer.Typer:
    """The commands under `zai admin`."""
    app = typer.Typer(
        help="Run the gateway's books on its own host, also while it runs: it sees a change within a second.",
        no_args_is_help=True,
    )
    keys, provider_keys = Keys(composition, screen), ProviderKeys(composition, screen)
    provider_order = ProviderOrder(composition, screen)
    change = KeyUpdate(composition, screen)
    prices, budgets = Prices(composition, screen), Budgets(composition, screen)
    workspaces, members = Workspaces(composition, screen), Members(composition, screen)
    management_keys, people = ManagementKeys(composition, screen), People(composition, screen)

    def group(name: str, explained: str, *commands: Callable[..., int | None]) -> None:
        below = typer.Typer(help=explained, no_args_is_help=True)
        for command in commands:
            below.command(command.__name__.strip("_").replace("_", "-"))(placed(command))
        app.add_typer(below, name=name)

    group(
        "key",
        "API keys: issue, cap, change, rotate and revoke them.",
        keys.create,
        keys.list,
        keys.show,
        change.update,
        keys.rotate,
        keys.revoke,
    )
    group(
        "budget",
        "Budgets of keys, members and workspaces, over one period each.",
        budgets.set,
        budgets.list,
        budgets.remove,
    )
    group(
        "provider",
        "Keys at providers, kept encrypted.",
        provider_keys.add,
        provider_keys.list,
        provider_keys.renew,
        provider_order.move,
        provider_order.enable,
        provider_order.disable,
        provider_order.test,
        provider_keys.remove,
    )
    vault = VaultCommands(composition, screen)
    group("vault", "The encryption of provider keys.", vault.rotate, vault.reset)
    models = VirtualModels(composition, screen)
    group(
        "model",
        "Names of your own for models, such as fast.",
        models.set,
        models.list,
        models.show,
        models.remove,
    )
    imports = PriceImport(composition, screen)
    group(
        "price",
        "Prices: the workspace's own, which come first, and newer ones for the catalogue.",
        prices.set,
        prices.list,
        prices.remove,
        imports.import_,
        imports.catalogue,
    )
    group(
        "workspace",
        "Workspaces: teams with keys, providers and money of their own.",
        workspaces.create,
        workspaces.list,
        workspaces.update,
        workspaces.rename,
    )
    group(
        "member",
        "The people of a workspace and their roles.",
        members.add,
        people.invite,
        members.list,
        members.show,
        members.update,
        members.remove,
    )
    group("person", "The people who sign in, whatever workspaces they are in.", people.reset_password)
    group(
        "management-key",
        "Keys that administer a workspace, as far as their scopes go.",
        management_keys.create,
        management_keys.list,
        management_keys.revoke,
    )
    spend = SpendBooks(composition, screen)
    group(
        "spend",
        "The books of spend: unconfirmed amounts, workers, bills, and whether all agrees.",
        spend.unconfirmed,
        spend.resolve,
        spend.flagged,
        Reconciling(composition, screen).reconcile,
        spend.workers,
        spend.lost,
    )
    group("audit", "Who did what, when, and from where.", AuditReport(composition, screen).list)
    app.command()(placed(UsageReport(composition, screen).usage))
    app.command()(placed(people.setup_link))
    care = DirectoryCare(composition, screen)
    for command in (care.backup, care.restore, care.doctor):
        app.command()(placed(command))
    return app
