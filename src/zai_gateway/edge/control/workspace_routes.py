"""The routes of workspaces, their members and their management keys."""

from typing import Annotated

from fastapi import Depends, Path
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request

from zai_gateway.accounts.actor import Actor, Role, Scope
from zai_gateway.accounts.expiry import expiry_ms
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.terms import WorkspaceChanges
from zai_gateway.documents.people import (
    InvitationDocument,
    IssuedLinkDocument,
    invitation_document,
    issued_link_document,
)
from zai_gateway.documents.workspaces import (
    IssuedManagementKeyDocument,
    ManagementKeyDocument,
    MemberDocument,
    WorkspaceDocument,
    issued_management_key_document,
    management_key_document,
    member_document,
    workspace_document,
)
from zai_gateway.edge.control.acting import Anybody, Here, InWorkspace
from zai_gateway.edge.control.forms import Limit, Moment, Text
from zai_gateway.edge.control.routing import Form, Routes

WORKSPACES = Routes("Workspaces")
MEMBERS = Routes("Members")
MANAGEMENT_KEYS = Routes("Management keys")

_WS = "/workspaces/{workspace}"
MemberRef = Annotated[str, Path(description="The member's id, e-mail or unique name.", max_length=300)]
ManagementKeyRef = Annotated[str, Path(description="The key's id or unique name.", max_length=300)]


class WorkspaceForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a workspace; null takes a limit away."""

    name: Text | UnsetType = UNSET
    rpm: Limit | UnsetType | None = UNSET
    tpm: Limit | UnsetType | None = UNSET
    concurrency: Limit | UnsetType | None = UNSET


class NewMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member to be added."""

    name: Text
    email: Text
    role: Role


class MemberForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a member."""

    name: Text | UnsetType = UNSET
    email: Text | UnsetType = UNSET
    role: Role | UnsetType = UNSET


class NewManagementKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A management key to be made."""

    name: Text
    scopes: Annotated[list[Scope], Meta(max_length=100)]
    expires_at: Moment


class WorkspacesDocument(Struct, frozen=True, kw_only=True):
    """Workspaces."""

    workspaces: tuple[WorkspaceDocument, ...]


class MembersDocument(Struct, frozen=True, kw_only=True):
    """Members, the oldest first."""

    members: tuple[MemberDocument, ...]


class ManagementKeysDocument(Struct, frozen=True, kw_only=True):
    """Management keys, the oldest first, revoked ones among them."""

    management_keys: tuple[ManagementKeyDocument, ...]


@WORKSPACES.get("/workspaces")
def list_workspaces(who: Anybody, here: Here) -> WorkspacesDocument:
    """List the workspaces that you are in, or the one that the key is for."""
    if isinstance(who, Actor):
        found = here.accounts.workspaces.list(who)
    else:
        found = tuple(each.workspace for each in here.accounts.people.memberships(who.session.person.id))
    return WorkspacesDocument(workspaces=tuple(map(workspace_document, found)))


@WORKSPACES.get(_WS)
def show_workspace(at: InWorkspace) -> WorkspaceDocument:
    """Show a workspace."""
    return workspace_document(at.accounts.workspaces.find(at.actor, at.workspace))


@WORKSPACES.patch(_WS)
def update_workspace(
    at: InWorkspace, form: Annotated[WorkspaceForm, Depends(Form(WorkspaceForm))]
) -> WorkspaceDocument:
    """Rename a workspace, or set the rate limits of all its keys together."""
    workspaces = at.accounts.workspaces
    if form.name is not UNSET:
        workspaces.rename(at.actor, at.workspace, form.name)
    changes = WorkspaceChanges(rpm=form.rpm, tpm=form.tpm, concurrency=form.concurrency)
    return workspace_document(workspaces.update(at.actor, at.workspace, changes))


@MEMBERS.get(f"{_WS}/members")
def list_members(at: InWorkspace) -> MembersDocument:
    """List the members."""
    found = at.accounts.members.list(at.actor, at.workspace)
    return MembersDocument(members=tuple(map(member_document, found)))


@MEMBERS.post(f"{_WS}/members")
def add_member(at: InWorkspace, form: Annotated[NewMember, Depends(Form(NewMember))]) -> MemberDocument:
    """Add a member. An invitation lets that person in."""
    members = at.accounts.members
    return member_document(members.add(at.actor, at.workspace, form.name, form.email, form.role))


@MEMBERS.get(f"{_WS}/members/{{member}}")
def show_member(at: InWorkspace, member: MemberRef) -> MemberDocument:
    """Show a member."""
    return member_document(at.accounts.members.show(at.actor, at.workspace, member))


@MEMBERS.patch(f"{_WS}/members/{{member}}")
def update_member(
    at: InWorkspace, member: MemberRef, form: Annotated[MemberForm, Depends(Form(MemberForm))]
) -> MemberDocument:
    """Change a member's name, e-mail or role."""
    changes = MemberChanges(name=form.name, email=form.email, role=form.role)
    return member_document(at.accounts.members.update(at.actor, at.workspace, member, changes))


@MEMBERS.delete(f"{_WS}/members/{{member}}")
def remove_member(at: InWorkspace, member: MemberRef) -> MemberDocument:
    """Remove a member, and revoke its own API keys and the management keys that it made."""
    return member_document(at.accounts.members.remove(at.actor, at.workspace, member))


@MEMBERS.get(f"{_WS}/members/{{member}}/invitation")
def show_invitation(at: InWorkspace, member: MemberRef) -> InvitationDocument:
    """Show how far the invitation of a member has come."""
    found = at.accounts.members.show(at.actor, at.workspace, member)
    invitation = at.accounts.people.invitations(at.actor, at.workspace).get(found.id)
    return invitation_document(found, invitation, at.now_ms)


@MEMBERS.post(f"{_WS}/members/{{member}}/invitation")
def invite_member(request: Request, at: InWorkspace, member: MemberRef) -> IssuedLinkDocument:
    """Make a link by which the member signs in, shown this once. Earlier ones of that member end."""
    link = at.accounts.people.invite(at.actor, at.workspace, member)
    # The host is one of the gateway's own names: the door has checked it.
    base = at.services.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    return issued_link_document(link, base)


@MANAGEMENT_KEYS.get(f"{_WS}/management-keys")
def list_management_keys(at: InWorkspace) -> ManagementKeysDocument:
    """List the management keys, revoked ones among them."""
    found = at.accounts.management_keys.list(at.actor, at.workspace)
    now = at.now_ms
    return ManagementKeysDocument(management_keys=tuple(management_key_document(key, now) for key in found))


@MANAGEMENT_KEYS.post(f"{_WS}/management-keys")
def create_management_key(
    at: InWorkspace, form: Annotated[NewManagementKey, Depends(Form(NewManagementKey))]
) -> IssuedManagementKeyDocument:
    """Make a management key. The key itself is shown this once."""
    now = at.now_ms
    expires_ms = expiry_ms(form.expires_at, now, "expires_at")
    issued = at.accounts.management_keys.create(at.actor, at.workspace, form.name, form.scopes, expires_ms)
    return issued_management_key_document(issued, now)


@MANAGEMENT_KEYS.delete(f"{_WS}/management-keys/{{key}}")
def revoke_management_key(at: InWorkspace, key: ManagementKeyRef) -> ManagementKeyDocument:
    """End a management key for good."""
    revoked = at.accounts.management_keys.revoke(at.actor, at.workspace, key)
    return management_key_document(revoked, at.now_ms)
