"""Overruns: what answers that cost more than their worst case teach of their models, for this process."""

import logging

from msgspec.structs import replace

from zai_gateway.catalogue.model import Model
from zai_gateway.catalogue.quote import input_bound
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.usage import Usage

_LOG = logging.getLogger(__name__)


class Overruns:
    """Raises an alarm, and the constant of a model that counts more input than its worst case has.

    A later release's data is there for everybody; until then this process holds more for what is asked next.
    """

    def __init__(self) -> None:
        self._raised: dict[str, Model] = {}
        self._told: set[str] = set()

    def known(self, model: Model) -> Model:
        """The model with the constant that it has by now."""
        if not self._raised:
            return model
        raised = self._raised.get(model.name)
        if raised is None:
            return model
        # Another one of this name may be in force by now: only the constant was learned.
        most = max(raised.overhead.prompt, model.overhead.prompt)
        return replace(model, overhead=replace(model.overhead, prompt=most))

    def note(self, model: Model, request: ChatRequest, usage: Usage | None, above: int) -> None:
        """An answer cost so many nano-USD more than was held for it; `model` is as it is in the catalogue."""
        known = self.known(model)
        if model.name not in self._told:
            self._told.add(model.name)
            _LOG.warning(
                "%s: an answer cost %d nano-USD more than its worst case, which is booked in full "
                "('zai admin spend flagged' lists it and those that follow)",
                model.name,
                above,
            )
        missing = 0 if usage is None else usage.prompt - input_bound(known, request)
        if missing > 0:
            prompt = known.overhead.prompt + missing
            self._raised[model.name] = replace(known, overhead=replace(known.overhead, prompt=prompt))
            _LOG.warning(
                "%s counts up to %d tokens more for a prompt than its worst case had: now they are held",
                model.name,
                prompt - model.overhead.prompt,
            )
