"""Commands on a workspace's own prices, in USD per million tokens."""

from typing import Annotated

import typer

from zai_gateway.accounts.records import PriceOverride
from zai_gateway.catalogue.model import Rates
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import per_token
from zai_gateway.documents.models import price_document
from zai_gateway.money import PICO_PER_NANO, usd

_NANO_PER_MILLION = 1_000_000 // PICO_PER_NANO
"""Nano-USD that a million tokens cost at 1 pico-USD each."""

_Model = Annotated[str, typer.Argument(metavar="MODEL", help="As provider/model.", show_default=False)]


class Prices:
    """What an operator does with prices."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def set(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        model: _Model,
        *,
        input_price: Annotated[
            int,
            typer.Option("--input", parser=per_token, metavar="USD", help="Of input, per million tokens."),
        ],
        output_price: Annotated[
            int,
            typer.Option("--output", parser=per_token, metavar="USD", help="Of output, reasoning included."),
        ],
        cache_read: Annotated[
            int | None,
            typer.Option(
                "--cache-read", parser=per_token, metavar="USD", help="Of cached input; else as --input."
            ),
        ] = None,
        cache_write: Annotated[
            int | None,
            typer.Option(
                "--cache-write",
                parser=per_token,
                metavar="USD",
                help="Of input put in a cache; else as --input.",
            ),
        ] = None,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Set the price of a model, in the place of the catalogue's."""
        written = input_price if cache_write is None else cache_write
        rates = Rates(
            input=input_price,
            cache_read=input_price if cache_read is None else cache_read,
            cache_write=written,
            cache_write_long=written,
            output=output_price,
        )
        with self._composition.books(data) as books:
            price = books.accounts.prices.set(OPERATOR, workspace_of(books, workspace), model, rates)
        if as_json:
            self._screen.document(price_document(price))
        else:
            self._table((price,))

    def list(self, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False) -> None:
        """List the prices that were set here."""
        with self._composition.books(data) as books:
            prices = books.accounts.prices.list(OPERATOR, workspace_of(books, workspace))
        if as_json:
            self._screen.document({"prices": [price_document(price) for price in prices]})
        else:
            self._table(prices)

    def remove(
        self, model: _Model, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False
    ) -> None:
        """Take a price away: the catalogue's holds again."""
        with self._composition.books(data) as books:
            books.accounts.prices.remove(OPERATOR, workspace_of(books, workspace), model)
        if as_json:
            self._screen.document({"model": model, "removed": True})
        else:
            self._screen.say(f"{model} costs again what the catalogue says.")

    def _table(self, prices: tuple[PriceOverride, ...]) -> None:
        heads = ("model", "input>", "cached>", "cache writes>", "output>")
        rows = [
            (
                price.model,
                _per_million(price.rates.input),
                _per_million(price.rates.cache_read),
                _per_million(price.rates.cache_write),
                _per_million(price.rates.output),
            )
            for price in prices
        ]
        self._screen.table(heads, rows)


def _per_million(pico: int) -> str:
    return usd(pico * _NANO_PER_MILLION)
