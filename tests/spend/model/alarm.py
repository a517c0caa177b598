"""The alarm: a defect that the product survives and only logs is a violation all the same."""

import logging

from tests.spend.model.bank import Bank


class Alarm(logging.Handler):
    """Hears what spending logs, and keeps it from everybody else."""

    def __init__(self, bank: Bank) -> None:
        super().__init__()
        self._bank = bank
        self._log = logging.getLogger("zai_gateway.spend")
        self._propagated = self._log.propagate
        self._log.propagate = False
        self._log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        self._bank.require("failed (" not in said and "broke (" not in said, said)

    def off(self) -> None:
        """Ends it."""
        self._log.removeHandler(self)
        self._log.propagate = self._propagated
