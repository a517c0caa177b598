"""Commands on a workspace's virtual models: names of its own for models."""

from typing import Annotated

import typer

from zai_gateway.accounts.records import Strategy, Target, VirtualModel
from zai_gateway.accounts.targets import duration
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import target
from zai_gateway.documents.models import virtual_model_document

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as fast.", show_default=False)]


class VirtualModels:
    """What an operator does with virtual models."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def set(
        self,
        name: _Name,
        *,
        targets: Annotated[
            list[Target],
            typer.Option(
                "--target",
                parser=target,
                metavar="MODEL[,weight=N][,timeout=TIME]",
                help="A model that answers, such as openai/gpt-5.4-mini,timeout=20s; repeatable.",
                show_default=False,
            ),
        ],
        strategy: Annotated[
            Strategy,
            typer.Option("--strategy", help="Try the targets as they are listed, or draw them by weight."),
        ] = Strategy.ORDERED,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Give one model or several a name of your own, in the place of what had that name."""
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            model = books.accounts.virtual_models.set(OPERATOR, place, name, targets, strategy)
        self._one(model, as_json)

    def list(self, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False) -> None:
        """List the names that were given here."""
        with self._composition.books(data) as books:
            models = books.accounts.virtual_models.list(OPERATOR, workspace_of(books, workspace))
        if as_json:
            self._screen.document({"models": [virtual_model_document(model) for model in models]})
        else:
            self._table(models)

    def show(
        self, name: _Name, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Show what a name stands for."""
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            model = books.accounts.virtual_models.show(OPERATOR, place, name)
        self._one(model, as_json)

    def remove(
        self, name: _Name, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Take a name away: requests for it are refused from then on."""
        with self._composition.books(data) as books:
            books.accounts.virtual_models.remove(OPERATOR, workspace_of(books, workspace), name)
        if as_json:
            self._screen.document({"name": name, "removed": True})
        else:
            self._screen.say(f"{name} stands for nothing any more.")

    def _one(self, model: VirtualModel, as_json: bool) -> None:
        if as_json:
            self._screen.document(virtual_model_document(model))
        else:
            self._table((model,))

    def _table(self, models: tuple[VirtualModel, ...]) -> None:
        rows: list[tuple[str, ...]] = []
        for model in models:
            for number, each in enumerate(model.targets):
                first = (model.name, model.strategy.value) if number == 0 else ("", "")
                rows.append((*first, each.model, str(each.weight), duration(each)))
        self._screen.table(("name", "strategy", "target", "weight>", "timeout>"), rows)
