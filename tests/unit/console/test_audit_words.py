"""The audit in words: every deed has a sentence, every field a name, and every amount and moment its form."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec import Struct

from zai_gateway.accounts.actor import ActorKind, Role, Scope
from zai_gateway.accounts.audit_record import AuditRecord, Change
from zai_gateway.accounts.authorization import OF_ONESELF, Deed
from zai_gateway.accounts.identity import Person
from zai_gateway.accounts.records import (
    ApiKey,
    ManagementKey,
    Member,
    PriceOverride,
    ProviderKey,
    SpendBudget,
    VirtualModel,
    Workspace,
)
from zai_gateway.accounts.sign_in_store import OneTimeLink
from zai_gateway.catalogue.model import Rates
from zai_gateway.console.pages.audit.changes import FIELDS, UNSAID, Line, Part, lines
from zai_gateway.console.pages.audit.words import FILTERED, WORDS, around, kind_of, names_object, title_of
from zai_gateway.console.pages.members.every import rights
from zai_gateway.console.pages.settings.management_keys import AREAS

RECORDED: tuple[type[Struct], ...] = (
    *(ApiKey, ManagementKey, Member, PriceOverride, ProviderKey, SpendBudget, VirtualModel, Workspace),
    *(OneTimeLink, Person, Rates),
)
ITS_OWN = {"id", "workspace", "created_ms", "last_used_ms"}


def record(changes: Mapping[str, Change], deed: Deed = Deed.KEY_UPDATE) -> AuditRecord:
    return AuditRecord(
        id="aud_1",
        workspace="ws_1",
        at_ms=0,
        actor_kind=ActorKind.MEMBER,
        actor_id="mem_1",
        actor_name="Ada",
        address=None,
        deed=deed,
        object_kind="api_key",
        object_id="key_1",
        object_name="ci",
        changes=changes,
    )


def told(changes: Mapping[str, Change]) -> list[tuple[str, str, str]]:
    every = lines(record(changes), {"mem_2": "Grace"})
    return [(each.label, each.before.text, each.after.text) for each in every]


def test_every_deed_has_a_sentence() -> None:
    assert set(WORDS) == set(Deed)
    for deed in Deed:
        before, after = around(deed)
        assert before.strip()
        assert WORDS[deed] == (f"{before}{{}}{after}" if "{}" in WORDS[deed] else before)
        assert not WORDS[deed].endswith(".")
    assert len(set(WORDS.values())) == len(WORDS)


def test_whatever_changes_something_can_be_filtered_by() -> None:
    reads = {deed for deed in Deed if deed.value.endswith((".list", ".show", ".read"))}
    beside = {Deed.OWNER_CHANGE, Deed.ADMIN_CHANGE, Deed.ALLOWANCE_CHANGE}
    assert set(Deed) - reads - beside - set(FILTERED) == {Deed.CATALOGUE_IMPORT, Deed.WORKER_LOSE}
    assert title_of(Deed.KEY_ROTATE) == "Gave the API key … another secret"
    assert all(kind_of(kind) is not None for kind in ActorKind)


def test_what_people_do_to_themselves_names_nobody_twice() -> None:
    assert not any(names_object(deed) for deed in OF_ONESELF)
    assert names_object(Deed.KEY_REVOKE)


@pytest.mark.parametrize("kind", RECORDED, ids=lambda kind: kind.__name__)
def test_every_field_has_a_name(kind: type[Struct]) -> None:
    fields = {
        field.name
        for field in msgspec.structs.fields(kind)
        if field.name not in ITS_OWN and field.type is not bytes
    }
    assert fields - set(FIELDS) - UNSAID == set()


def test_money_moments_and_people_are_told_as_such() -> None:
    changes = {
        "cap": Change(5_000_000_000, 1),
        "expires_ms": Change(None, 1_700_000_000_000),
        "member": Change(None, "mem_2"),
        "rpm": Change(None, 12_000),
        "private": Change(False, True),
        "near_cap": Change("clamp", "refuse"),
        "allow": Change([], ["openai/*", "demo/echo"]),
    }
    assert told(changes) == [
        ("Expires", "", ""),
        ("May be a private address", "no", "yes"),
        ("Member", "", "Grace"),
        ("Models", "", "openai/*, demo/echo"),
        ("Near the limit", "shorten answers", "refuse"),
        ("Requests a minute", "", "12,000"),
        ("Spend cap", "5.00 USD", "0.000000001 USD"),
    ]
    (moment,) = (each for each in lines(record(changes), {}) if each.label == "Expires")
    assert moment == Line(label="Expires", before=Part(), after=Part(moment_ms=1_700_000_000_000))


def test_what_is_built_of_parts_is_told_in_words() -> None:
    rates = {"input": 1_250_000, "output": 10_000_000, "cache_read": 1}
    health = {"at_ms": 1, "ok": False, "said": "401: Unauthorized", "status": 401}
    targets = [{"model": "openai/a", "weight": 2}, {"model": "openai/b"}]
    assert told({"rates": Change(None, rates)}) == [
        ("Price of a million tokens", "", "input $1.25, output $10.00, cache reads $0.000001")
    ]
    assert told({"health": Change(None, health)}) == [("Test", "", "failed: 401: Unauthorized")]
    assert told({"targets": Change(targets, targets[:1])}) == [
        ("Stands for", "openai/a, openai/b", "openai/a")
    ]
    assert told({"predecessors": Change([], [{"prefix": "zk_live_abcd", "retires_ms": 1}])}) == [
        ("Earlier secrets", "", "zk_live_abcd…")
    ]
    assert told({"position": Change(0, 2)}) == [("Place in the order", "1", "3")]


def test_what_the_sentence_says_is_not_said_again() -> None:
    made = {"name": Change(None, "ci"), "owner": Change(None, "key_1"), "made_by": Change(None, "mem_1")}
    assert told({**made, "tags": Change(None, []), "budget": Change(None, "budget_1")}) == []
    assert told({"name": Change("old", "ci")}) == [("Name", "old", "ci")]


def test_what_is_usual_of_new_things_is_not_said() -> None:
    assert told({"near_cap": Change(None, "clamp"), "private": Change(None, False)}) == []
    assert told({"near_cap": Change("refuse", "clamp")}) == [("Near the limit", "refuse", "shorten answers")]
    assert told({"private": Change(None, True)}) == [("May be a private address", "", "yes")]


def test_a_field_of_a_later_release_is_told_all_the_same() -> None:
    changes = {
        "some_thing": Change(None, {"a_b": 1}),
        "health": Change(None, "odd"),
        "rates": Change(1, None),
        "limit": Change("x", None),
        "targets": Change(None, "odd"),
        "predecessors": Change(None, 5),
        "position": Change(None, "odd"),
    }
    assert ("Some thing", "", "A b: 1") in told(changes)
    assert len(told(changes)) == len(changes)


def test_a_choice_of_scopes_has_them_all_once() -> None:
    offered = [scope for _, *pair in AREAS for scope in pair if scope is not None]
    assert sorted(offered) == sorted(Scope)


def test_the_table_of_roles_is_that_of_the_services() -> None:
    table = {right.what: right.roles for right in rights()}
    assert table["See members, models and prices"] == set(Role)
    assert table["Issue and manage API keys of their own"] == {Role.OWNER, Role.ADMIN, Role.MEMBER}
    assert table["See everybody's keys and spend"] == {Role.OWNER, Role.ADMIN, Role.VIEWER}
    assert table["Make, change and remove owners"] == {Role.OWNER}
    assert all(Role.OWNER in roles for roles in table.values())
