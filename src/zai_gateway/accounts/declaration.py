"""The declaration: the text of one file, read and checked into what it declares."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeVar, cast

from msgspec import UNSET

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.addresses import checked_base_url
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
from zai_gateway.accounts.declared_fields import NONE, Fields
from zai_gateway.accounts.provider_names import checked_prefix, known_provider
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, NearCap, Strategy
from zai_gateway.accounts.targets import checked_targets, checked_virtual_name, read_target
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import OperatorError
from zai_gateway.money import nano_from_usd, pico_per_token
from zai_gateway.providers.own_machines import CUSTOM
from zai_gateway.providers.registry import Surface

MOST_CHARACTERS = 1_000_000
"""Of a whole file."""
_MOST_PATH = 1_000
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Entry = TypeVar("Entry")


def read(text: str) -> Declaration:
    """The declaration that `text`, which is TOML 1.0, makes.

    Raises OperatorError in one sentence that names the entry and the field.
    """
    if len(text) > MOST_CHARACTERS:
        raise OperatorError(f"The declaration is longer than {MOST_CHARACTERS:,} characters; split it.")
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as trouble:  # of numbers too long to read, plain ValueError
        raise OperatorError(f"The declaration is not TOML: {str(trouble)[:200]}.") from None
    top = Fields(document, "The declaration", ("workspace",))
    entries = top.entries("workspace", "[[workspace]]")
    if not entries:
        raise OperatorError("The declaration names no workspace; begin with [[workspace]] and its name.")
    workspaces = tuple(_workspace(given, number) for number, given in enumerate(entries, 1))
    _refuse_twice([each.name for each in workspaces], "workspace", "The declaration")
    return Declaration(workspaces)


def _workspace(given: object, number: int) -> DeclaredWorkspace:
    known = (
        *("name", "rpm", "tpm", "concurrency"),
        *("member", "key", "provider", "model", "budget", "price"),
    )
    fields = _named(given, f"workspace {number}", "workspace", known, "name")
    place = fields.where

    def below(table: str, one: Callable[[object, str], Entry]) -> tuple[Entry, ...] | None:
        entries = fields.entries(table, f"[[workspace.{table}]]")
        if entries is None:
            return None
        return tuple(one(each, f"{place}, {table} {number}") for number, each in enumerate(entries, 1))

    wanted = DeclaredWorkspace(
        name=terms.checked_name(fields.needed("name"), fields.at("name")),
        rpm=fields.rate("rpm"),
        tpm=fields.rate("tpm"),
        concurrency=fields.rate("concurrency"),
        members=below("member", _member),
        keys=below("key", _key),
        providers=below("provider", _provider),
        budgets=below("budget", _budget),
        prices=below("price", _price),
        models=below("model", _model),
    )
    _refuse_twice([each.email for each in wanted.members or ()], "member", place)
    _refuse_twice([each.name for each in wanted.keys or ()], "key", place)
    _refuse_twice([each.name for each in wanted.providers or ()], "provider", place)
    _refuse_twice([each.name for each in wanted.budgets or ()], "budget", place)
    _refuse_twice([each.model for each in wanted.prices or ()], "price", place)
    _refuse_twice([each.name for each in wanted.models or ()], "model", place)
    return wanted


def _member(given: object, where: str) -> DeclaredMember:
    fields = _named(given, where, "member", ("email", "name", "role"), "email")
    name = fields.text("name")
    return DeclaredMember(
        email=terms.checked_email(fields.needed("email"), fields.at("email")),
        name=UNSET if name is UNSET else terms.checked_name(name, fields.at("name")),
        role=fields.choice("role", Role),
    )


def _key(given: object, where: str) -> DeclaredKey:
    known = (
        *("name", "spend_cap", "near_cap", "allow", "fallback", "expires", "member", "tags"),
        *("unbounded_allowance", "rpm", "tpm", "concurrency", "secret_file"),
    )
    fields = _named(given, where, "key", known, "name")
    allow, tags, file = fields.words("allow"), fields.words("tags"), fields.text("secret_file")
    cap, allowance = (
        None if fields.none(field) else fields.amount(field, nano_from_usd)
        for field in ("spend_cap", "unbounded_allowance")
    )
    fallback, member = fields.text("fallback"), fields.text("member")
    if fallback is not UNSET:
        fallback = None if fallback == NONE else terms.checked_model(fallback, fields.at("fallback"))
    if member is not UNSET:
        member = None if member == NONE else terms.checked_email(member, fields.at("member"))
    return DeclaredKey(
        name=terms.checked_name(fields.needed("name"), fields.at("name")),
        spend_cap=cap,
        near_cap=fields.choice("near_cap", NearCap),
        allow=UNSET if allow is UNSET else terms.checked_allow(allow, fields.at("allow")),
        fallback=fallback,
        expires_ms=fields.moment("expires"),
        member=member,
        tags=UNSET if tags is UNSET else terms.checked_tags(tags, fields.at("tags")),
        unbounded_allowance=allowance,
        rpm=fields.rate("rpm"),
        tpm=fields.rate("tpm"),
        concurrency=fields.rate("concurrency"),
        secret_file=None if file is UNSET else _path(file, fields.at("secret_file")),
    )


def _provider(given: object, where: str) -> DeclaredProvider:
    fields = _named(given, where, "provider", ("provider", "name", "base_url", "secret"), "name", "provider")
    try:
        row = known_provider(fields.needed("provider"))
    except OperatorError as trouble:
        message = str(trouble)
        raise OperatorError(
            message if message.startswith(fields.where) else f"{fields.where}: {message}"
        ) from None
    name, address, secret = fields.text("name"), fields.text("base_url"), fields.table("secret")
    if not row.takes_key and not (address is UNSET and secret is UNSET):
        raise OperatorError(f"{fields.where}: {row.name} takes neither secret nor base_url; leave them out.")
    if address is not UNSET:
        azure = row.surface is Surface.AZURE
        address = checked_base_url(address, fields.at("base_url"), private=True, api_version=azure)
    if row.name == CUSTOM.name:
        name = checked_prefix(None if name is UNSET else name, fields.at("name"))
    return DeclaredProvider(
        provider=row.name,
        name=row.name if name is UNSET else terms.checked_name(name, fields.at("name")),
        base_url=address,
        secret=None if secret is UNSET else _reference(secret, fields.at("secret")),
    )


def _reference(given: Mapping[str, object], at: str) -> SecretReference:
    env, file = given.get("env"), given.get("file")
    if len(given) == 1 and isinstance(env, str) and _VARIABLE.fullmatch(env):
        return SecretReference(env=env)
    if len(given) == 1 and isinstance(file, str):
        return SecretReference(file=_path(file, at))
    # What stands in the place of a name may be the secret itself: it is not repeated.
    raise OperatorError(
        f'{at}: say where the secret is, as {{ env = "VARIABLE" }} or {{ file = "/path" }}; the secret '
        "itself never stands here."
    )


def _budget(given: object, where: str) -> DeclaredBudget:
    fields = Fields(given, where, ("key", "member", "period", "limit"))
    key, member = fields.text("key"), fields.text("member")
    if key is not UNSET and member is not UNSET:
        raise OperatorError(f"{where}: a budget is a key's or a member's; leave out key or member.")
    kind, owner = BudgetOwner.WORKSPACE, ""
    if key is not UNSET:
        kind, owner = BudgetOwner.KEY, terms.checked_name(key, fields.at("key"))
    elif member is not UNSET:
        kind, owner = BudgetOwner.MEMBER, terms.checked_email(member, fields.at("member"))
    period = fields.choice("period", BudgetPeriod)
    if period is UNSET:
        raise OperatorError(f"{fields.at('period')}: it is missing.")
    if kind is BudgetOwner.KEY and period is BudgetPeriod.TOTAL:
        raise OperatorError(f"{fields.at('period')}: the total of a key is the spend_cap of the key itself.")
    limit = fields.needed_amount("limit", nano_from_usd)
    return DeclaredBudget(kind=kind, owner=owner, period=period, limit=limit)


def _price(given: object, where: str) -> DeclaredPrice:
    known = ("model", "input", "output", "cache_read", "cache_write")
    fields = _named(given, where, "price", known, "model")
    model = terms.checked_model(fields.needed("model"), fields.at("model"))
    read_in = fields.needed_amount("input", pico_per_token)
    read, write = (fields.amount(name, pico_per_token) for name in ("cache_read", "cache_write"))
    written = read_in if write is UNSET else write
    rates = Rates(
        input=read_in,
        cache_read=read_in if read is UNSET else read,
        cache_write=written,
        cache_write_long=written,
        output=fields.needed_amount("output", pico_per_token),
    )
    return DeclaredPrice(model=model, rates=terms.checked_rates(rates, fields.where))


def _model(given: object, where: str) -> DeclaredModel:
    fields = _named(given, where, "model", ("name", "strategy", "targets"), "name")
    strategy, targets, at = fields.choice("strategy", Strategy), fields.words("targets"), fields.at("targets")
    strategy = Strategy.ORDERED if strategy is UNSET else strategy
    read = [] if targets is UNSET else [read_target(each, at) for each in targets]
    return DeclaredModel(
        name=checked_virtual_name(fields.needed("name"), fields.at("name")),
        strategy=strategy,
        targets=checked_targets(read, strategy, at),
    )


def _named(given: object, where: str, table: str, known: tuple[str, ...], *naming: str) -> Fields:
    """The fields of an entry, whose own name stands in errors in the place of its number."""
    entry = _entry(given)
    name = next((name for field in naming if isinstance(name := entry.get(field), str)), None)
    if name is not None:
        place, comma, _ = where.rpartition(", ")
        where = f"{place}{comma}{table} {name[:100]!r}"
    return Fields(given, where, known)


def _entry(given: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], given) if isinstance(given, dict) else {}


def _path(text: str, at: str) -> str:
    if not text or len(text) > _MOST_PATH or not text.isprintable():
        raise OperatorError(f"{at}: the path of a file belongs here.")
    return text


def _refuse_twice(names: Iterable[str], table: str, where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise OperatorError(f"{where}: the {table} {name!r} stands there more than once.")
        seen.add(name)
