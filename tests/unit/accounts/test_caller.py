"""Allowlists: which models a key may call."""

import pytest

from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import ApiKey, Workspace


def caller(*allow: str) -> Caller:
    key = ApiKey(
        id="key_1",
        workspace="ws_1",
        name="k",
        prefix="zk_live_0PkU",
        digest=b"",
        allow=allow,
        budget="budget_1",
        created_ms=1,
    )
    workspace = Workspace(id="ws_1", name="My Workspace", slug="my-ws", created_ms=1)
    return Caller(key=key, view=WorkspaceView(workspace=workspace, provider_keys=(), prices={}))


@pytest.mark.parametrize(
    ("allow", "model", "may"),
    [
        ((), "openai/gpt-5.4", True),
        (("*",), "openai/gpt-5.4", True),
        (("openai/*",), "openai/gpt-5.4", True),
        (("openai/*",), "openai/ft:gpt-4.1/acme", True),
        (("openai/*",), "demo/echo", False),
        (("openai/*",), "notopenai/gpt", False),
        (("openai/*",), "OpenAI/gpt-5.4", False),
        (("openai/gpt-5.4",), "openai/gpt-5.4-mini", False),
        (("openai/gpt-5.?",), "openai/gpt-5.4", True),
        (("openai/gpt-5.4",), "openai/gpt-5x4", False),
        (("demo/echo", "openai/gpt-5.4*"), "openai/gpt-5.4-mini", True),
        (("*/gpt-[45]*",), "openai/gpt-5.4", True),
    ],
)
def test_an_allowlist_matches_the_whole_name(allow: tuple[str, ...], model: str, may: bool) -> None:
    assert caller(*allow).may_call(model) is may
