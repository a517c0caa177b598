"""The plan: the ordered difference between what a declaration wants and what the store has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from zai_gateway.accounts import plan_words, terms
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.audit_record import Change
from zai_gateway.accounts.choosing import Named, suggestion
from zai_gateway.accounts.declared import (
    Declaration,
    DeclaredWorkspace,
    budget_name,
)
from zai_gateway.accounts.plan_steps import Action, Present, Standing, Verb, Wanted
from zai_gateway.accounts.plan_words import Words
from zai_gateway.accounts.provider_names import known_provider, prefix_of
from zai_gateway.accounts.records import (
    BudgetOwner,
    BudgetPeriod,
    SpendBudget,
)
from zai_gateway.accounts.targets import refuse_unknown_prefix
from zai_gateway.errors import OperatorError
from zai_gateway.money import usd

Thing = TypeVar("Thing", bound=Named)


def planned(
    declaration: Declaration, present: Mapping[str, Present], now_ms: int, *, prune: bool
) -> tuple[Action, ...]:
    """What is to be done, in this order, so that the store has what is declared.

    `present` is by the names of workspaces. `prune` removes, in the workspaces and of the kinds that are
    declared, what is not. Raises OperatorError for what cannot be carried out.
    """
    return tuple(
        action
        for workspace in declaration.workspaces
        for action in _Difference(workspace, present.get(workspace.name), now_ms, prune).actions()
    )


class _Difference:
    """The difference in one workspace."""

    def __init__(self, wanted: DeclaredWorkspace, present: Present | None, now_ms: int, prune: bool) -> None:
        self._wanted = wanted
        self._present = present or Present()
        self._now_ms = now_ms
        self._prune = prune
        self._emails = {member.id: member.email for member in self._present.members}
        self._key_names = {key.id: key.name for key in self._present.keys}

    def actions(self) -> Iterator[Action]:
        """What others refer to comes before them, and goes after them."""
        now = self._present.workspace
        before: Words = {} if now is None else plan_words.rate_limits(now)
        wanted = self._wanted, plan_words.wanted_workspace(self._wanted)
        yield from self._put("workspace", self._wanted.name, before, wanted, now)
        # Before an owner becomes less, another has become one.
        yield from sorted(
            self._members(), key=lambda each: each.changes.get("role", Change()).after != "owner"
        )
        yield from self._keys()
        yield from self._providers()
        yield from self._prices()
        yield from self._models()
        yield from self._budgets()
        if self._prune:
            yield from self._removals()

    def _members(self) -> Iterator[Action]:
        standing = {member.email: member for member in self._present.members}
        self._refuse_no_owner()
        for declared in self._wanted.members or ():
            now = standing.get(declared.email)
            wanted = plan_words.newcomer(declared) if now is None else declared
            before: Words = {} if now is None else plan_words.standing_member(now)
            yield from self._put(
                "member", wanted.email, before, (wanted, plan_words.wanted_member(wanted)), now
            )

    def _keys(self) -> Iterator[Action]:
        for wanted in self._wanted.keys or ():
            now = self._only(self._present.keys, "key", wanted.name)
            before: Words = {} if now is None else plan_words.standing_key(now, self._emails)
            after = plan_words.wanted_key(wanted)
            at = self._at("key", wanted.name)
            if isinstance(wanted.expires_ms, int) and before.get("expires") != after["expires"]:
                terms.checked_expiry(wanted.expires_ms, self._now_ms, f"{at}: expires")
            member = after.get("member", before.get("member"))
            if isinstance(member, str):
                self._refuse_stranger(member, self._member_emails(), f"{at}: member")
            yield from self._put("key", wanted.name, before, (wanted, after), now)

    def _providers(self) -> Iterator[Action]:
        for wanted in self._wanted.providers or ():
            now = self._only(self._present.provider_keys, "provider", wanted.name)
            at = self._at("provider", wanted.name)
            row = known_provider(wanted.provider)
            prefix = prefix_of(wanted.provider, wanted.name)
            if now is not None and now.provider != prefix:
                raise OperatorError(
                    f"{at}: it is a key at {now.provider}, and stays one; choose another name for the one at "
                    f"{wanted.provider}."
                )
            if now is None and row.needs_key and wanted.secret is None:
                raise OperatorError(f"{at}: secret: it is missing; a new key at {wanted.provider} needs one.")
            if now is None and row.needs_address and wanted.base_url is UNSET:
                raise OperatorError(f"{at}: base_url: it is missing; it looks like {row.address_hint}.")
            before: Words = {} if now is None else plan_words.standing_provider(now)
            if (
                now is not None
                and wanted.base_url not in (UNSET, now.base_url)
                and (row.needs_key or now.sealed)
                and wanted.secret is None
            ):
                raise OperatorError(
                    f"{at}: secret: it is missing; a key that moves to another base_url is added anew."
                )
            after = plan_words.wanted_provider(replace(wanted, provider=prefix))
            if now is not None and now.id in self._present.other_secrets:
                before, after = {**before, **plan_words.OLD_SECRET}, {**after, **plan_words.NEW_SECRET}
            yield from self._put("provider", wanted.name, before, (wanted, after), now)

    def _prices(self) -> Iterator[Action]:
        standing = {price.model: price for price in self._present.prices}
        for wanted in self._wanted.prices or ():
            try:
                known_provider(wanted.model.partition("/")[0], self._prefixes())
            except OperatorError as trouble:
                raise OperatorError(f"{self._at('price', wanted.model)}: model: {trouble}") from None
            now = standing.get(wanted.model)
            before: Words = {} if now is None else plan_words.priced(now.rates)
            yield from self._put(
                "price", wanted.model, before, (wanted, plan_words.priced(wanted.rates)), now
            )

    def _models(self) -> Iterator[Action]:
        standing = {model.name: model for model in self._present.models}
        own = self._prefixes()
        for wanted in self._wanted.models or ():
            refuse_unknown_prefix(wanted.targets, own, f"{self._at('model', wanted.name)}: targets")
            now = standing.get(wanted.name)
            before: Words = {} if now is None else plan_words.virtual_model(now)
            after = plan_words.virtual_model(wanted)
            yield from self._put("model", wanted.name, before, (wanted, after), now)

    def _prefixes(self) -> set[str]:
        """Of the models of the providers that there are, and that are wanted."""
        return {
            *(key.provider for key in self._present.provider_keys),
            *(prefix_of(each.provider, each.name) for each in self._wanted.providers or ()),
        }

    def _budgets(self) -> Iterator[Action]:
        standing = dict(self._standing_budgets())
        keys = self._lasting_keys()
        for wanted in self._wanted.budgets or ():
            at = self._at("budget", wanted.name)
            if wanted.kind is BudgetOwner.KEY:
                self._refuse_stranger(wanted.owner, keys, f"{at}: key")
                self._only(self._present.keys, "key", wanted.owner)
            elif wanted.kind is BudgetOwner.MEMBER:
                self._refuse_stranger(wanted.owner, self._member_emails(), f"{at}: member")
            now = standing.get((wanted.kind, wanted.owner, wanted.period))
            before: Words = {} if now is None else {"limit": usd(now.limit or 0)}
            yield from self._put("budget", wanted.name, before, (wanted, {"limit": usd(wanted.limit)}), now)

    def _removals(self) -> Iterator[Action]:
        for table, declared, standing in self._kinds():
            if declared is not None:
                for name, before, thing in standing:
                    if name not in declared:
                        action = self._action(Verb.REMOVE, table, name, plan_words.ended(before), None)
                        yield replace(action, standing=thing)

    def _kinds(self) -> Iterator[tuple[str, set[str] | None, list[tuple[str, Words, Standing]]]]:
        """Each table, the names in it where it is declared, and what stands there."""
        want, have = self._wanted, self._present
        yield (
            "budget",
            None if want.budgets is None else {each.name for each in want.budgets},
            [
                (budget_name(*place), {"limit": usd(each.limit or 0)}, each)
                for place, each in self._standing_budgets()
            ],
        )
        yield (
            "model",
            None if want.models is None else {each.name for each in want.models},
            [(each.name, plan_words.virtual_model(each), each) for each in have.models],
        )
        yield (
            "key",
            None if want.keys is None else {each.name for each in want.keys},
            [(each.name, plan_words.standing_key(each, self._emails), each) for each in have.keys],
        )
        yield (
            "provider",
            None if want.providers is None else {each.name for each in want.providers},
            [(each.name, plan_words.standing_provider(each), each) for each in have.provider_keys],
        )
        yield (
            "price",
            None if want.prices is None else {each.model for each in want.prices},
            [(each.model, plan_words.priced(each.rates), each) for each in have.prices],
        )
        yield (
            "member",
            None if want.members is None else {each.email for each in want.members},
            [(each.email, plan_words.standing_member(each), each) for each in have.members],
        )

    def _put(
        self, table: str, name: str, before: Words, wanted: tuple[Wanted, Words], standing: Standing | None
    ) -> Iterator[Action]:
        declared, after = wanted
        changes = plan_words.differences(before, after)
        if standing is None:
            changes = {field: change for field, change in changes.items() if change.after is not None}
            yield self._action(Verb.CREATE, table, name, changes, declared)
        elif changes:
            yield replace(self._action(Verb.CHANGE, table, name, changes, declared), standing=standing)

    def _action(
        self, verb: Verb, table: str, name: str, changes: Mapping[str, Change], wanted: Wanted | None
    ) -> Action:
        workspace = self._wanted.name
        return Action(verb=verb, table=table, workspace=workspace, name=name, changes=changes, wanted=wanted)

    def _at(self, table: str, name: str) -> str:
        return f"workspace {self._wanted.name!r}, {table} {name!r}"

    def _only(self, things: Sequence[Thing], table: str, name: str) -> Thing | None:
        """The thing of that name; None where there is none yet."""
        namesakes = [thing for thing in things if thing.name == name]
        if len(namesakes) > 1:
            raise OperatorError(
                f"{self._at(table, name)}: {len(namesakes)} stand under that name "
                f"({', '.join(each.id for each in namesakes[:10])}); leave one of them."
            )
        return namesakes[0] if namesakes else None

    def _standing_budgets(self) -> Iterator[tuple[tuple[BudgetOwner, str, BudgetPeriod], SpendBudget]]:
        """Those that a declaration can tell of, by how it tells of them."""
        for budget in self._present.budgets:
            kind, period = budget.owner_kind, budget.period
            owner: str | None = ""
            if kind is BudgetOwner.KEY:
                owner = None if period is BudgetPeriod.TOTAL else self._key_names.get(budget.owner)
            elif kind is BudgetOwner.MEMBER:
                owner = self._emails.get(budget.owner)
            if owner is not None:
                yield (kind, owner, period), budget

    def _member_emails(self) -> set[str]:
        """Of those that are members once this is done."""
        declared = self._wanted.members
        staying = () if self._prune and declared is not None else self._emails.values()
        return {*staying, *(each.email for each in declared or ())}

    def _lasting_keys(self) -> set[str]:
        """The names of those that stand once this is done."""
        declared = self._wanted.keys
        staying = () if self._prune and declared is not None else self._key_names.values()
        return {*staying, *(each.name for each in declared or ())}

    def _refuse_stranger(self, name: str, known: set[str], at: str) -> None:
        if name not in known:
            raise OperatorError(
                f"{at}: {name!r} neither stands in the declaration nor stays in the workspace."
                f"{suggestion(name, known)}"
            )

    def _refuse_no_owner(self) -> None:
        """A workspace that has an owner keeps one: the services would refuse the last step halfway."""
        owners = {member.email for member in self._present.members if member.role is Role.OWNER}
        left = owners & self._member_emails()
        for wanted in self._wanted.members or ():
            if wanted.role is Role.OWNER:
                left.add(wanted.email)
            elif wanted.role is not UNSET:
                left.discard(wanted.email)
        if owners and not left:
            raise OperatorError(
                f"workspace {self._wanted.name!r}: it would be left without an owner; declare a member with "
                'role = "owner".'
            )
