"""What the models of a workspace are made of, for whoever may know which models it has."""

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.authorization import Deed, no_workspace
from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.desk import Desk


class Models:
    """Blocking calls that only read. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def view(self, actor: Actor, workspace: str) -> WorkspaceView:
        """The workspace with its provider keys in use, its own prices and its own names for models.

        Straight from the store: a provider key that was added a moment ago is there. It has sealed secrets,
        and is not for showing.
        """
        self._desk.admit(actor, Deed.VIRTUAL_MODEL_LIST, workspace)
        store = self._desk.store
        place = next((each for each in store.workspaces() if each.id == workspace), None)
        if place is None:
            raise no_workspace()
        return WorkspaceView(
            workspace=place,
            provider_keys=tuple(key for key in store.provider_keys(workspace) if key.disabled_ms is None),
            prices={price.model: price for price in store.prices(workspace)},
            virtual_models={each.name: each for each in store.virtual_models(workspace)},
        )
