"""The JSON documents of workspaces, members, management keys, budgets and the audit."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import asdict

from zai_gateway.accounts.audit_record import AuditRecord, Change
from zai_gateway.accounts.records import ManagementKey, Member, SpendBudget, Workspace
from zai_gateway.accounts.terms import IssuedManagementKey
from zai_gateway.documents.keys import Spent
from zai_gateway.documents.moments import iso, iso_or_none
from zai_gateway.money import micro_from_nano, usd


class WorkspaceDocument(Struct, frozen=True, kw_only=True):
    """A workspace."""

    id: str
    name: str
    slug: str
    rpm: int | None
    """Requests a minute of all its keys together; None, here and below, for no limit."""
    tpm: int | None
    """Tokens a minute."""
    concurrency: int | None
    """Requests at once."""
    created_at: str


class MemberDocument(Struct, frozen=True, kw_only=True):
    """A member of a workspace."""

    id: str
    name: str
    email: str
    role: str
    signs_in: bool
    """Whether somebody accepted an invitation, and signs in as this member."""
    created_at: str
    removed_at: str | None


class ManagementKeyDocument(Struct, frozen=True, kw_only=True):
    """A management key, without the key itself."""

    id: str
    prefix: str
    name: str
    status: str
    """`active`, `expired` or `revoked`."""
    scopes: tuple[str, ...]
    made_by: str | None
    """The id of the member who made it; null where the operator did."""
    expires_at: str
    revoked_at: str | None
    created_at: str


class IssuedManagementKeyDocument(ManagementKeyDocument, frozen=True, kw_only=True):
    """A management key with its secret, which nobody can be told again."""

    key: str

    def __repr__(self) -> str:
        return f"IssuedManagementKeyDocument(id={self.id!r}, prefix={self.prefix!r})"


class BudgetDocument(Struct, frozen=True, kw_only=True):
    """A budget, and where it stands in the current period."""

    id: str
    owner_kind: str
    """`key`, `member` or `workspace`."""
    owner_id: str
    owner_name: str
    period: str
    """`total`, `daily`, `weekly` or `monthly`; days begin at midnight UTC, weeks on Monday."""
    limit_micro_usd: int
    limit_usd: str
    spend_micro_usd: int
    spend_usd: str
    unconfirmed_micro_usd: int


class AuditDocument(Struct, frozen=True, kw_only=True):
    """One administrative act. Amounts in `changes` are in nano-USD, moments in milliseconds since 1970."""

    id: str
    at: str
    workspace_id: str | None
    actor_kind: str
    actor_id: str
    actor_name: str
    address: str | None
    deed: str
    object_kind: str
    object_id: str
    object_name: str
    changes: Mapping[str, Change]


def workspace_document(workspace: Workspace) -> WorkspaceDocument:
    return WorkspaceDocument(
        id=workspace.id,
        name=workspace.name,
        slug=workspace.slug,
        rpm=workspace.rpm,
        tpm=workspace.tpm,
        concurrency=workspace.concurrency,
        created_at=iso(workspace.created_ms),
    )


def member_document(member: Member) -> MemberDocument:
    return MemberDocument(
        id=member.id,
        name=member.name,
        email=member.email,
        role=member.role.value,
        signs_in=member.person is not None,
        created_at=iso(member.created_ms),
        removed_at=iso_or_none(member.removed_ms),
    )


def management_key_document(key: ManagementKey, now_ms: int) -> ManagementKeyDocument:
    ended = "revoked" if key.revoked_ms is not None else "expired" if key.expires_ms <= now_ms else None
    return ManagementKeyDocument(
        id=key.id,
        prefix=key.prefix,
        name=key.name,
        status=ended or "active",
        scopes=tuple(scope.value for scope in key.scopes),
        made_by=key.made_by,
        expires_at=iso(key.expires_ms),
        revoked_at=iso_or_none(key.revoked_ms),
        created_at=iso(key.created_ms),
    )


def issued_management_key_document(issued: IssuedManagementKey, now_ms: int) -> IssuedManagementKeyDocument:
    return IssuedManagementKeyDocument(
        key=issued.secret, **asdict(management_key_document(issued.key, now_ms))
    )


def budget_document(budget: SpendBudget, owner_name: str, standing: Spent | None) -> BudgetDocument:
    """`standing` of None: nothing was held in it in the current period."""
    spent, risk = (0, 0) if standing is None else (standing.spent, standing.risk)
    return BudgetDocument(
        id=budget.id,
        owner_kind=budget.owner_kind.value,
        owner_id=budget.owner,
        owner_name=owner_name,
        period=budget.period.value,
        limit_micro_usd=micro_from_nano(budget.limit or 0),
        limit_usd=usd(budget.limit or 0),
        spend_micro_usd=micro_from_nano(spent),
        spend_usd=usd(spent),
        unconfirmed_micro_usd=micro_from_nano(risk),
    )


def audit_document(record: AuditRecord) -> AuditDocument:
    return AuditDocument(
        id=record.id,
        at=iso(record.at_ms),
        workspace_id=record.workspace,
        actor_kind=record.actor_kind.value,
        actor_id=record.actor_id,
        actor_name=record.actor_name,
        address=record.address,
        deed=record.deed.value,
        object_kind=record.object_kind,
        object_id=record.object_id,
        object_name=record.object_name,
        changes=record.changes,
    )
