"""Commits whose replies are lost, again and again: nothing is booked twice, and no money is lost."""

import asyncio
from pathlib import Path

from cryptography.fernet import Fernet

from tests.postgresql.server import PostgresServer
from tests.torture.conftest import Form
from tests.torture.customers import TOKENS, Customers, Seen, customers
from tests.torture.cutting import Cutter, cutter_to
from tests.torture.fleet import Gateway, Host
from tests.torture.orders import MODEL
from tests.torture.spending import nano, spend_the_rest
from tests.torture.teller import Teller

SHORT_CUTS, FULL_CUTS = 30, 1_000
CAP = 10 * TOKENS
KEYS = 8
"""That are spent at once, each of them at both hosts."""


async def test_of_a_thousand_lost_replies_none_costs_money_or_makes_any(
    tmp_path: Path, postgres: PostgresServer, teller: Teller, form: Form
) -> None:
    cuts = form.of(SHORT_CUTS, FULL_CUTS)
    with postgres.made() as name:
        async with cutter_to(postgres.folder) as cutter, customers() as crowd:
            hosts = _hosts(tmp_path, cutter.address(name), postgres.address(name))
            try:
                hosts[0].books.provide(MODEL, teller.base_url)
                gateways = await asyncio.gather(*(asyncio.to_thread(host.start) for host in hosts))
                spending = Spending(teller, crowd, hosts[0], gateways, cutter)
                await spending.until(cuts)
                print(f"{cutter.cuts} replies were lost, and {len(spending.seen)} answers given")
                cutter.cutting = False
                for gateway in gateways:
                    await asyncio.to_thread(gateway.stop)
                hosts[0].books.check(spending.seen)
            finally:
                for host in hosts:
                    host.end()


class Spending:
    """Keys with small caps, so that each request needs the store; each cap is spent to its last nano-USD."""

    def __init__(
        self, teller: Teller, crowd: Customers, host: Host, gateways: list[Gateway], cutter: Cutter
    ) -> None:
        self._teller = teller
        self._crowd = crowd
        self._host = host
        self._gateways = gateways
        self._cutter = cutter
        self.seen: list[Seen] = []

    async def until(self, cuts: int) -> None:
        """Goes on until so many replies were lost."""
        async with asyncio.TaskGroup() as all_of_them:
            for line in range(KEYS):
                all_of_them.create_task(self._line(line, cuts))

    async def _line(self, line: int, cuts: int) -> None:
        round = 0
        while self._cutter.cuts < cuts:
            round += 1
            account = f"{line} {round}"
            # It is made past the cutter.
            (key,) = await asyncio.to_thread(self._host.books.new_keys, 1, CAP)
            self._cutter.cutting = True
            both = [
                spend_the_rest(self._crowd, gateway.base_url, key.secret, account)
                for gateway in self._gateways
            ]
            for seen in await asyncio.gather(*both):
                self.seen += seen
            # Nobody was refused before the last of it was spent.
            assert (await self._teller.until_all_billed(account)).billed == nano(CAP)


def _hosts(folder: Path, address: str, own_address: str) -> list[Host]:
    key = Fernet.generate_key().decode()
    return [
        Host(folder / name, own_address, ZAI_DATABASE=address, PROVIDER_KEY_ENCRYPTION_KEY=key)
        for name in ("here", "there")
    ]
