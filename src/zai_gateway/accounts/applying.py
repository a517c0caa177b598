"""Applying a declaration: the difference to the store is found, and carried out through the services."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from msgspec import UNSET
from msgspec.structs import replace

from zai_gateway.accounts import plan
from zai_gateway.accounts.actor import Actor, Role
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.declared import (
    Declaration,
    DeclaredBudget,
    DeclaredKey,
    DeclaredMember,
    DeclaredModel,
    DeclaredPrice,
    DeclaredProvider,
    DeclaredWorkspace,
    SecretReference,
)
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.plan_steps import Action, Present, Standing
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import (
    ApiKey,
    BudgetOwner,
    Member,
    PriceOverride,
    ProviderKey,
    SpendBudget,
    VirtualModel,
    Workspace,
)
from zai_gateway.accounts.service import Accounts
from zai_gateway.accounts.terms import IssuedKey, KeyChanges, WorkspaceChanges

Secrets = Mapping[SecretReference, str]
"""What the references of a declaration lead to."""

Keeping = Callable[[Action, DeclaredKey], AbstractContextManager[Callable[[IssuedKey], None]]]
"""Makes ready to keep the secret of a new key before there is one; what it gives keeps it."""


class Applying:
    """One application, by `actor`. Blocking calls; raises as `Accounts` says.

    What was done stays done where a later step is refused: the next run goes on from there.
    """

    def __init__(self, accounts: Accounts, actor: Actor, secrets: Secrets) -> None:
        self._accounts = accounts
        self._actor = actor
        self._secrets = secrets

    def plan(self, declaration: Declaration, now_ms: int, *, prune: bool) -> tuple[Action, ...]:
        """What is to be done. Changes nothing. Raises OperatorError for what cannot be carried out."""
        declaration = self._canonical(declaration)
        ids = self._ids()
        present = {
            wanted.name: self._present(ids[wanted.name], wanted)
            for wanted in declaration.workspaces
            if wanted.name in ids
        }
        return plan.planned(declaration, present, now_ms, prune=prune)

    def carry_out(self, action: Action, keeping: Keeping) -> None:
        """Does one step of a plan; those before it have been done."""
        wanted, standing = action.wanted, action.standing
        if isinstance(wanted, DeclaredWorkspace):
            self._put_workspace(wanted, standing)
            return
        workspace = self._ids()[action.workspace]
        match wanted:
            case DeclaredMember():
                self._put_member(workspace, wanted, standing)
            case DeclaredKey():
                self._put_key(workspace, wanted, action, keeping)
            case DeclaredProvider():
                self._put_provider(workspace, wanted, standing)
            case DeclaredBudget():
                holder = Holder(wanted.kind, self._owner(workspace, wanted))
                self._accounts.budgets.set(self._actor, workspace, holder, wanted.period, wanted.limit)
            case DeclaredPrice():
                self._accounts.prices.set(self._actor, workspace, wanted.model, wanted.rates)
            case DeclaredModel():
                models = self._accounts.virtual_models
                models.set(self._actor, workspace, wanted.name, wanted.targets, wanted.strategy)
            case None:
                self._remove(workspace, standing)

    def _put_workspace(self, wanted: DeclaredWorkspace, standing: Standing | None) -> None:
        workspaces = self._accounts.workspaces
        id = (
            standing.id if isinstance(standing, Workspace) else workspaces.create(self._actor, wanted.name).id
        )
        limits = WorkspaceChanges(rpm=wanted.rpm, tpm=wanted.tpm, concurrency=wanted.concurrency)
        if limits != WorkspaceChanges():
            workspaces.update(self._actor, id, limits)

    def _canonical(self, declaration: Declaration) -> Declaration:
        """With the names of models that keys are stored with, which would else seem to be others."""
        canonical = self._accounts.api_keys.canonical_allow
        return replace(
            declaration,
            workspaces=tuple(
                replace(
                    place,
                    keys=place.keys
                    and tuple(
                        key if key.allow is UNSET else replace(key, allow=canonical(key.allow))
                        for key in place.keys
                    ),
                )
                for place in declaration.workspaces
            ),
        )

    def _ids(self) -> dict[str, str]:
        return {each.name: each.id for each in self._accounts.workspaces.list(self._actor)}

    def _present(self, workspace: str, wanted: DeclaredWorkspace) -> Present:
        accounts, actor = self._accounts, self._actor
        provider_keys = accounts.provider_keys.list(actor, workspace)
        declared = {each.name: self._secret(each) for each in wanted.providers or ()}
        return Present(
            workspace=accounts.workspaces.find(actor, workspace),
            members=accounts.members.list(actor, workspace),
            keys=tuple(key for key in accounts.api_keys.list(actor, workspace) if key.revoked_ms is None),
            provider_keys=provider_keys,
            budgets=accounts.budgets.list(actor, workspace),
            prices=accounts.prices.list(actor, workspace),
            models=accounts.virtual_models.list(actor, workspace),
            other_secrets=frozenset(
                key.id
                for key in provider_keys
                if (secret := declared.get(key.name)) is not None
                and not accounts.provider_keys.holds(actor, key, secret)
            ),
        )

    def _put_member(self, workspace: str, wanted: DeclaredMember, standing: Standing | None) -> None:
        members = self._accounts.members
        if isinstance(standing, Member):
            changes = MemberChanges(name=wanted.name, role=wanted.role)
            members.update(self._actor, workspace, standing.id, changes)
        else:
            # The plan has set both of a newcomer.
            name = wanted.email if wanted.name is UNSET else wanted.name
            role = Role.MEMBER if wanted.role is UNSET else wanted.role
            members.add(self._actor, workspace, name, wanted.email, role)

    def _put_key(self, workspace: str, wanted: DeclaredKey, action: Action, keeping: Keeping) -> None:
        keys, standing = self._accounts.api_keys, action.standing
        if not isinstance(standing, ApiKey):
            with keeping(action, wanted) as keep:
                keep(keys.create(self._actor, workspace, self._terms(workspace, wanted)))
            return
        terms = self._terms(workspace, wanted)
        if "expires" not in action.changes:
            # It may have passed by now, which is refused where it is set.
            terms = replace(terms, expires_ms=UNSET)
        keys.update(self._actor, workspace, standing.id, terms)

    def _terms(self, workspace: str, wanted: DeclaredKey) -> KeyChanges:
        member = wanted.member
        if isinstance(member, str):
            member = self._member(workspace, member)
        return KeyChanges(
            name=wanted.name,
            cap=wanted.spend_cap,
            near_cap=wanted.near_cap,
            allow=wanted.allow,
            fallback=wanted.fallback,
            expires_ms=wanted.expires_ms,
            member=member,
            tags=wanted.tags,
            unbounded_allowance=wanted.unbounded_allowance,
            rpm=wanted.rpm,
            tpm=wanted.tpm,
            concurrency=wanted.concurrency,
        )

    def _put_provider(self, workspace: str, wanted: DeclaredProvider, standing: Standing | None) -> None:
        keys, actor, secret = self._accounts.provider_keys, self._actor, self._secret(wanted)
        moves = wanted.base_url is not UNSET
        if isinstance(standing, ProviderKey) and (not moves or wanted.base_url == standing.base_url):
            if secret is not None:
                keys.renew(actor, workspace, standing.id, secret)
            return
        added = keys.add(
            actor,
            workspace,
            NewProviderKey(
                # A custom provider that is there is known by its prefix.
                provider=standing.provider if isinstance(standing, ProviderKey) else wanted.provider,
                name=wanted.name,
                secret=secret or "",
                base_url=None if wanted.base_url is UNSET else wanted.base_url,
                enabled=not isinstance(standing, ProviderKey) or standing.disabled_ms is None,
            ),
        )
        if isinstance(standing, ProviderKey):
            # The one at the old address goes last, so that there is a key at every moment.
            keys.move(actor, workspace, added.id, before=standing.id)
            keys.remove(actor, workspace, standing.id)

    def _remove(self, workspace: str, standing: Standing | None) -> None:
        accounts, actor = self._accounts, self._actor
        match standing:
            case Member():
                accounts.members.remove(actor, workspace, standing.id)
            case ApiKey():
                accounts.api_keys.revoke(actor, workspace, standing.id)
            case ProviderKey():
                accounts.provider_keys.remove(actor, workspace, standing.id)
            case SpendBudget():
                holder = Holder(standing.owner_kind, standing.owner)
                accounts.budgets.remove(actor, workspace, holder, standing.period)
            case PriceOverride():
                accounts.prices.remove(actor, workspace, standing.model)
            case VirtualModel():
                accounts.virtual_models.remove(actor, workspace, standing.name)
            case Workspace() | None:
                raise ValueError(
                    "An action is about something that is wanted, or that stands and can be removed."
                )

    def _owner(self, workspace: str, wanted: DeclaredBudget) -> str:
        return self._member(workspace, wanted.owner) if wanted.kind is BudgetOwner.MEMBER else wanted.owner

    def _member(self, workspace: str, email: str) -> str:
        return self._accounts.members.show(self._actor, workspace, email).id

    def _secret(self, wanted: DeclaredProvider) -> str | None:
        return None if wanted.secret is None else self._secrets[wanted.secret]
