"""A key's holder at the terminal, with a model of a real provider behind a real gateway."""

import json

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.upstream_process import StubProcess


def test_a_holder_chats_with_a_provider_s_model(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess
) -> None:
    key = operator.new_key("--spend-cap", "5.00", "--allow", "openai/gpt-5.4*")
    holder = {"ZAI_KEY": key, "ZAI_BASE_URL": gateway.base_url}

    chat = operator.zai("chat", "Hello", "--model", "openai/gpt-5.4-mini", "--max-tokens", "100", **holder)
    assert (chat.returncode, chat.stdout) == (0, "Hello!\n")
    assert "12 tokens in, 4 out" in chat.stderr
    (sent,) = upstream.requests
    assert sent.json()["max_completion_tokens"] == 100

    whoami = json.loads(operator.zai("whoami", "--json", **holder).stdout)
    assert whoami["api_key"]["prefix"] == key[:12]
    # 12 tokens in and 4 out of gpt-5.4-mini.
    assert whoami["api_key"]["spend_micro_usd"] == 27

    models = operator.zai("models", **holder).stdout.splitlines()
    assert "openai/gpt-5.4" in models
    assert not {"demo/echo", "openai/gpt-4o"} & set(models)

    refused = operator.zai("chat", "Hello", **holder)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "may not call demo/echo" in refused.stderr
    assert "HTTP 403" in refused.stderr
