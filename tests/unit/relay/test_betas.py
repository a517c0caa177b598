"""Betas: what goes on to Anthropic, and what is kept back of keys with a cap, or of other dialects."""

import pytest

from zai_gateway.providers.provider import Dialect
from zai_gateway.relay.betas import betas

CLAUDE_CODE = ("claude-code-20250219", "oauth-2025-04-20", "context-management-2025-06-27")
"""`oauth` is of a subscription's sign-in, and no word of a gateway's."""


@pytest.mark.parametrize("capped", [False, True])
def test_what_makes_a_request_no_dearer_goes_on(capped: bool) -> None:
    header, kept_back = betas(CLAUDE_CODE, Dialect.ANTHROPIC_MESSAGES, capped=capped)
    assert header == (("anthropic-beta", "claude-code-20250219,context-management-2025-06-27"),)
    assert kept_back == ()


@pytest.mark.parametrize("dear", ["context-1m-2025-08-07", "compact-2026-01-12"])
def test_what_has_a_price_of_its_own_is_kept_back_of_a_capped_key(dear: str) -> None:
    assert betas((dear,), Dialect.ANTHROPIC_MESSAGES, capped=True) == ((), (f"anthropic-beta {dear}",))
    assert betas((dear,), Dialect.ANTHROPIC_MESSAGES, capped=False) == ((("anthropic-beta", dear),), ())


@pytest.mark.parametrize("dialect", [Dialect.OPENAI_CHAT, Dialect.GEMINI])
def test_other_dialects_have_none(dialect: Dialect) -> None:
    assert betas(CLAUDE_CODE, dialect, capped=True) == ((), ("anthropic-beta",))
    assert betas(("oauth-2025-04-20",), dialect, capped=True) == ((), ())
