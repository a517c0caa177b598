"""Declarations of one workspace at random, all of which can be applied one after the other."""

from hypothesis import strategies as st
from msgspec import UNSET

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.declared import (
    DeclaredBudget,
    DeclaredKey,
    DeclaredMember,
    DeclaredModel,
    DeclaredPrice,
    DeclaredProvider,
    DeclaredWorkspace,
    SecretReference,
)
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, NearCap, Strategy, Target
from zai_gateway.catalogue.model import Rates

REFERENCES = (SecretReference(env="ONE"), SecretReference(env="TWO"))
EMAILS = ("ana@example.com", "ben@example.com", "cid@example.com")
KEYS = ("ci", "nightly")
FAR_MS = 7_258_032_000_123

amounts = st.integers(0, 10**15)
limits = st.sampled_from((UNSET, None, 1, 10**12))
members = st.lists(
    st.builds(
        DeclaredMember,
        email=st.sampled_from(EMAILS[1:]),
        name=st.sampled_from((UNSET, "Somebody")),
        role=st.sampled_from((UNSET, *Role)),
    ),
    unique_by=lambda each: each.email,
).map(lambda rest: (DeclaredMember(email=EMAILS[0], role=Role.OWNER), *rest))
keys = st.lists(
    st.builds(
        DeclaredKey,
        name=st.sampled_from(KEYS),
        spend_cap=st.sampled_from((UNSET, None)) | amounts,
        near_cap=st.sampled_from((UNSET, *NearCap)),
        allow=st.sampled_from((UNSET, (), ("openai/*", "demo/*"), ("demo/*",))),
        fallback=st.sampled_from((UNSET, None, "openai/m")),
        expires_ms=st.sampled_from((UNSET, None, FAR_MS)),
        member=st.sampled_from((None, EMAILS[0])),
        tags=st.sampled_from((UNSET, (), ("a", "b"))),
        unbounded_allowance=st.sampled_from((UNSET, None)) | amounts,
        rpm=limits,
        tpm=limits,
        concurrency=limits,
    ),
    unique_by=lambda each: each.name,
).map(tuple)
providers = st.lists(
    st.one_of(
        st.just(DeclaredProvider(provider="demo", name="demo")),
        st.builds(
            DeclaredProvider,
            provider=st.just("openai"),
            name=st.sampled_from(("openai", "other")),
            base_url=st.sampled_from((UNSET, "https://one.example/v1", "http://127.0.0.1:9/v1")),
            secret=st.sampled_from(REFERENCES),
        ),
    ),
    unique_by=lambda each: each.name,
).map(tuple)
budgets = st.lists(
    st.builds(
        DeclaredBudget,
        kind=st.just(BudgetOwner.WORKSPACE),
        owner=st.just(""),
        period=st.sampled_from(BudgetPeriod),
        limit=amounts,
    )
    | st.builds(
        DeclaredBudget,
        kind=st.just(BudgetOwner.MEMBER),
        owner=st.just(EMAILS[0]),
        period=st.sampled_from(BudgetPeriod),
        limit=amounts,
    ),
    unique_by=lambda each: each.name,
).map(tuple)
rates = st.integers(0, 10**9)


def priced(model: str, read: int, written: int, rest: int) -> DeclaredPrice:
    return DeclaredPrice(
        model=model,
        rates=Rates(input=rest, cache_read=read, cache_write=written, cache_write_long=written, output=rest),
    )


prices = st.lists(
    st.builds(priced, st.sampled_from(("openai/m", "openai/n")), rates, rates, rates),
    unique_by=lambda each: each.model,
).map(tuple)
targets = st.lists(
    st.builds(
        Target,
        model=st.sampled_from(("openai/m", "openai/n", "demo/echo")),
        weight=st.integers(1, 1_000),
        timeout_ms=st.none() | st.integers(100, 600_000),
    ),
    min_size=1,
    unique_by=lambda each: each.model,
).map(tuple)
models = st.lists(
    st.builds(
        DeclaredModel,
        name=st.sampled_from(("fast", "coding")),
        strategy=st.just(Strategy.WEIGHTED),
        targets=targets,
    ),
    unique_by=lambda each: each.name,
).map(tuple)
workspaces = st.builds(
    DeclaredWorkspace,
    name=st.just("Tools"),
    rpm=limits,
    tpm=limits,
    concurrency=limits,
    members=members,
    keys=st.none() | keys,
    providers=st.none() | providers,
    budgets=st.none() | budgets,
    prices=st.none() | prices,
    models=st.none() | models,
)
