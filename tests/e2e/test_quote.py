"""A quote of the running gateway, and the request that it is of."""

import json

from tests.e2e.gateway_process import GatewayProcess, Operator


def test_what_is_quoted_is_then_sent(gateway: GatewayProcess, operator: Operator) -> None:
    key = operator.new_key("--spend-cap", "5.00")
    body = json.dumps(
        {
            "model": "openai/gpt-5.4-mini",
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 512,
        }
    ).encode()
    before = operator.rows("ledger")
    quoted = gateway.ask("/quote", key, body)
    assert quoted.status == 200
    quote = quoted.json()
    assert (quote["object"], quote["would_send"], quote["model"]) == ("quote", True, "openai/gpt-5.4-mini")
    assert quote["free_micro_usd"] == 5_000_000
    assert operator.rows("ledger") == before
    answer = gateway.ask("/chat/completions", key, body)
    assert answer.status == 200
    cost = int(answer.headers["x-zai-cost-micro-usd"])
    assert 0 < cost <= quote["candidates"][0]["worst_case_micro_usd"] < 5_000_000
    assert gateway.ask("/quote", key, body).json()["free_micro_usd"] in range(
        5_000_000 - cost, 5_000_000 - cost + 2
    )
    assert gateway.ask("/quote", "zk_live_wrong", body).status == 401
