"""What a plan compares and shows: declared and standing things alike, in the words of a declaration."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.audit_record import Change
from zai_gateway.accounts.declared import (
    DeclaredKey,
    DeclaredMember,
    DeclaredModel,
    DeclaredProvider,
    DeclaredWorkspace,
)
from zai_gateway.accounts.records import ApiKey, Member, ProviderKey, VirtualModel, Workspace
from zai_gateway.accounts.targets import spelled
from zai_gateway.accounts.terms import MOST_NAME
from zai_gateway.catalogue.model import Rates
from zai_gateway.money import PICO_PER_NANO, usd

Words = Mapping[str, object]
"""A thing's fields by their names in a declaration, as JSON values; amounts in USD."""

OLD_SECRET: Words = {"secret": "the one before"}
NEW_SECRET: Words = {"secret": "another one"}
"""All that is told of a secret that changes."""

_NANO_PER_MILLION = 1_000_000 // PICO_PER_NANO


def differences(before: Words, after: Words) -> dict[str, Change]:
    """What `after` sets otherwise than `before`; what it does not name stays."""
    return {
        name: Change(before.get(name), value) for name, value in after.items() if before.get(name) != value
    }


def ended(before: Words) -> dict[str, Change]:
    """What is gone with a thing that is removed."""
    return {name: Change(value, None) for name, value in before.items() if value not in (None, [])}


def newcomer(member: DeclaredMember) -> DeclaredMember:
    """A new member as it will be: of the name before the @, and without rights over others."""
    name = member.email.partition("@")[0][:MOST_NAME] if member.name is UNSET else member.name
    return replace(member, name=name, role=Role.MEMBER if member.role is UNSET else member.role)


def wanted_member(member: DeclaredMember) -> Words:
    return _set({"name": member.name, "role": member.role})


def standing_member(member: Member) -> Words:
    return {"name": member.name, "role": member.role.value}


def wanted_key(key: DeclaredKey) -> Words:
    return _set(
        {
            "spend_cap": _usd_or_none(key.spend_cap),
            "near_cap": key.near_cap,
            "allow": key.allow,
            "fallback": key.fallback,
            "expires": _moment(key.expires_ms) if isinstance(key.expires_ms, int) else key.expires_ms,
            "member": key.member,
            "tags": key.tags,
            "unbounded_allowance": _usd_or_none(key.unbounded_allowance),
            **rate_limits(key),
        }
    )


def standing_key(key: ApiKey, emails: Mapping[str, str]) -> Words:
    """`emails` are those of members by id."""
    return {
        "spend_cap": _usd_or_none(key.cap),
        "near_cap": key.near_cap.value,
        "allow": list(key.allow),
        "fallback": key.fallback,
        "expires": None if key.expires_ms is None else _moment(key.expires_ms),
        "member": None if key.member is None else emails.get(key.member, key.member),
        "tags": list(key.tags),
        "unbounded_allowance": _usd_or_none(key.unbounded_allowance),
        **rate_limits(key),
    }


def wanted_workspace(workspace: DeclaredWorkspace) -> Words:
    return _set(rate_limits(workspace))


def rate_limits(of: ApiKey | DeclaredKey | Workspace | DeclaredWorkspace) -> Words:
    """The same of what is declared and of what stands."""
    return {"rpm": of.rpm, "tpm": of.tpm, "concurrency": of.concurrency}


def wanted_provider(provider: DeclaredProvider) -> Words:
    return _set({"provider": provider.provider, "base_url": provider.base_url})


def standing_provider(key: ProviderKey) -> Words:
    return {"provider": key.provider, "base_url": key.base_url}


def virtual_model(model: VirtualModel | DeclaredModel) -> Words:
    """The same of one that is declared and of one that stands."""
    return {
        "strategy": model.strategy.value,
        "targets": [spelled(target) for target in model.targets],
    }


def priced(rates: Rates) -> Words:
    """Rates in USD per million tokens."""
    return {
        "input": usd(rates.input * _NANO_PER_MILLION),
        "output": usd(rates.output * _NANO_PER_MILLION),
        "cache_read": usd(rates.cache_read * _NANO_PER_MILLION),
        "cache_write": usd(rates.cache_write * _NANO_PER_MILLION),
    }


def _usd_or_none(nano: int | UnsetType | None) -> str | UnsetType | None:
    return usd(nano) if isinstance(nano, int) else nano


def _set(fields: Words) -> Words:
    """Those that are set, as JSON values."""
    return {name: _plain(value) for name, value in fields.items() if value is not UNSET}


def _plain(value: object) -> object:
    match value:
        case StrEnum():
            return value.value
        case tuple():
            return [str(each) for each in value]  # type: ignore[reportUnknownVariableType]  # of strings
        case _:
            return value


def _moment(ms: int) -> str:
    moment = datetime.fromtimestamp(ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{ms % 1_000:03d}Z" if ms % 1_000 else f"{moment}Z"
