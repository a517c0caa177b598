"""The workspaces: made, listed, renamed and limited."""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed, require
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.records import Workspace
from zai_gateway.accounts.sights import refuse_unseen
from zai_gateway.accounts.terms import WorkspaceChanges
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id

_MOST_SLUG = 50


class Workspaces:
    """Blocking calls. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, actor: Actor, name: str) -> Workspace:
        """Makes a workspace without members, keys or providers."""
        require(actor, Deed.WORKSPACE_CREATE, None)
        name = terms.checked_name(name)
        now = self._desk.clock.now_ms()

        def attempt() -> Workspace | None:
            seen = self._desk.store.workspaces()
            refuse_namesake(name, seen)
            slug = _free_slug(name, {each.slug for each in seen})
            made = Workspace(id=new_id("ws", now), name=name, slug=slug, created_ms=now)
            record = self._desk.record(actor, Deed.WORKSPACE_CREATE, made.id, subject(made), None, made)
            return made if self._desk.store.put_workspace(seen, made, record) else None

        return until_written(attempt)

    def list(self, actor: Actor) -> tuple[Workspace, ...]:
        """Those that the actor may see, oldest first."""
        require(actor, Deed.WORKSPACE_LIST, actor.workspace)
        return tuple(
            each for each in self._desk.store.workspaces() if actor.is_operator or each.id == actor.workspace
        )

    def find(self, actor: Actor, ref: str) -> Workspace:
        """The workspace with the id or slug `ref`, or the only one of that name."""
        every = self.list(actor)
        by_slug = next((each for each in every if each.slug == ref), None)
        return by_slug or chosen(ref, every, "workspace")

    def update(
        self, actor: Actor, workspace: str, changes: WorkspaceChanges, *, seen: str | None = None
    ) -> Workspace:
        """Sets the rate limits that hold for all keys of a workspace together.

        `seen` is the sight of the workspace as the caller saw it.
        """
        self._desk.admit(actor, Deed.WORKSPACE_UPDATE, workspace)

        def attempt() -> Workspace | None:
            every = self._desk.store.workspaces()
            before = next(each for each in every if each.id == workspace)
            after = terms.limited(before, changes)
            if after == before:
                return before
            refuse_unseen(seen, before, before.name)
            record = self._desk.record(actor, Deed.WORKSPACE_UPDATE, workspace, subject(after), before, after)
            return after if self._desk.store.put_workspace(every, after, record) else None

        return until_written(attempt)

    def rename(self, actor: Actor, workspace: str, name: str, *, seen: str | None = None) -> Workspace:
        """Gives a workspace another name; its id and slug stay. `seen` as for an update."""
        self._desk.admit(actor, Deed.WORKSPACE_RENAME, workspace)
        name = terms.checked_name(name)

        def attempt() -> Workspace | None:
            every = self._desk.store.workspaces()
            before = next(each for each in every if each.id == workspace)
            if before.name == name:
                return before
            refuse_unseen(seen, before, before.name)
            refuse_namesake(name, every)
            after = replace(before, name=name)
            record = self._desk.record(actor, Deed.WORKSPACE_RENAME, workspace, subject(after), before, after)
            return after if self._desk.store.put_workspace(every, after, record) else None

        return until_written(attempt)


def subject(workspace: Workspace) -> Subject:
    """The workspace as the audit names it."""
    return Subject("workspace", workspace.id, workspace.name)


def refuse_namesake(name: str, seen: Sequence[Workspace], field: str = "name") -> None:
    """Raises OperatorError where a workspace has that name."""
    if any(each.name == name for each in seen):
        raise OperatorError(f"{field}: there is a workspace {name!r} already.")


def _free_slug(name: str, taken: set[str]) -> str:
    slug = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:_MOST_SLUG].strip("-") or "workspace"
    number = 1
    free = slug
    while free in taken:
        number += 1
        free = f"{slug}-{number}"
    return free
