"""The virtual models of a workspace: names of its own, such as `fast`, each for one model or several."""

from collections.abc import Sequence

from msgspec import Struct

from zai_gateway.accounts import targets as target_terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.choosing import suggestion
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.records import Strategy, Target, VirtualModel
from zai_gateway.accounts.sights import NOTHING, refuse_unseen
from zai_gateway.errors import Code, Failure, OperatorError

_MOST_MODELS = 200
"""In one workspace."""


class Meaning(Struct, frozen=True, kw_only=True):
    """What a virtual model is to be."""

    name: str
    strategy: Strategy = Strategy.ORDERED
    targets: tuple[Target, ...]


class VirtualModels:
    """Blocking calls. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(self, actor: Actor, workspace: str) -> tuple[VirtualModel, ...]:
        """By name."""
        self._desk.admit(actor, Deed.VIRTUAL_MODEL_LIST, workspace)
        return self._desk.store.virtual_models(workspace)

    def show(self, actor: Actor, workspace: str, name: str) -> VirtualModel:
        """The one of that name."""
        self._desk.admit(actor, Deed.VIRTUAL_MODEL_LIST, workspace)
        return self._found(workspace, name)

    def set(
        self,
        actor: Actor,
        workspace: str,
        name: str,
        targets: Sequence[Target],
        strategy: Strategy = Strategy.ORDERED,
    ) -> VirtualModel:
        """Makes a virtual model, or replaces all of the one that has this name."""
        return self.define(actor, workspace, Meaning(name=name, strategy=strategy, targets=tuple(targets)))

    def define(
        self, actor: Actor, workspace: str, meaning: Meaning, *, seen: str | None = None
    ) -> VirtualModel:
        """As `set`; `seen`, here and below: what the actor saw of it before (`sights.sight`).

        Where it is another by now, it is refused, unless it is as wanted already.
        """
        self._desk.admit(actor, Deed.VIRTUAL_MODEL_SET, workspace)
        name, strategy = target_terms.checked_virtual_name(meaning.name), meaning.strategy
        checked = target_terms.checked_targets(meaning.targets, strategy)
        own = {key.provider for key in self._desk.store.provider_keys(workspace)}
        target_terms.refuse_unknown_prefix(checked, own)

        def attempt() -> VirtualModel | None:
            every = self._desk.store.virtual_models(workspace)
            before = next((each for each in every if each.name == name), None)
            if before is None and len(every) >= _MOST_MODELS:
                raise OperatorError(
                    f"name: this workspace has {_MOST_MODELS} models of its own already; remove one first."
                )
            after = VirtualModel(
                workspace=workspace,
                name=name,
                strategy=strategy,
                targets=checked,
                created_ms=self._desk.clock.now_ms() if before is None else before.created_ms,
            )
            if after == before:
                return before
            if seen == NOTHING and before is not None:
                raise OperatorError(f"name: there is a model {name!r} already; change that one instead.")
            refuse_unseen(seen, before, f"The model {name!r}")
            record = self._desk.record(
                actor, Deed.VIRTUAL_MODEL_SET, workspace, _subject(name), before, after
            )
            return after if self._desk.store.put_virtual_model(before, after, record) else None

        return until_written(attempt)

    def remove(self, actor: Actor, workspace: str, name: str, *, seen: str | None = None) -> VirtualModel:
        """Takes a virtual model away, and gives it as it was."""
        self._desk.admit(actor, Deed.VIRTUAL_MODEL_REMOVE, workspace)

        def attempt() -> VirtualModel | None:
            before = self._found(workspace, name)
            refuse_unseen(seen, before, f"The model {name!r}")
            record = self._desk.record(
                actor, Deed.VIRTUAL_MODEL_REMOVE, workspace, _subject(name), before, None
            )
            return before if self._desk.store.put_virtual_model(before, None, record) else None

        return until_written(attempt)

    def _found(self, workspace: str, name: str) -> VirtualModel:
        every = self._desk.store.virtual_models(workspace)
        found = next((each for each in every if each.name == name), None)
        if found is None:
            close = suggestion(name, (each.name for each in every))
            raise Failure(
                Code.NOT_FOUND, f"name: this workspace has no model of its own named {name[:100]!r}.{close}"
            )
        return found


def _subject(name: str) -> Subject:
    return Subject("virtual_model", name, name)
