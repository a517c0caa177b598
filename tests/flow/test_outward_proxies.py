"""The way out of a whole gateway: settings decide it, and what is wrong with them ends the start."""

import json
from pathlib import Path

import pytest

from tests.flow.stage import MODEL, OPERATOR, Stage, staged
from tests.upstreams.answers import completion
from tests.upstreams.certificates import SelfSigned
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.app.exposure import Exposure
from zai_gateway.errors import OperatorError
from zai_gateway.settings import Environment

HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


class Answering:
    """The script of a provider, or of a proxy that answers in its place."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        """The first line of each request."""

    async def __call__(self, line: Line) -> None:
        """Plays it."""
        self.asked.append((await line.request()).partition(b"\r\n")[0])
        body = json.dumps(completion()).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        await line.send(head.encode() + body)
        await line.gone()


async def chat_with_provider_at(url: str, stage: Stage) -> int:
    """The status of a chat whose only provider key is at `url`."""
    provider_keys = stage.house.accounts.provider_keys
    for key in provider_keys.list(OPERATOR, stage.workspace):
        if key.provider == "openai":
            provider_keys.remove(OPERATOR, stage.workspace, key.id)
    new = NewProviderKey(provider="openai", secret="sk-test", base_url=url)
    provider_keys.add(OPERATOR, stage.workspace, new)
    return (await stage.chat(stage.key(usd=1), HELLO)).status


async def test_a_chat_goes_through_the_proxy_that_the_settings_name(tmp_path: Path):
    proxy = Answering()
    async with ScriptedServer(proxy) as server:
        variables = {"HTTP_PROXY": server.url, "NO_PROXY": "past.invalid"}
        async with staged(tmp_path / "data", variables=variables) as stage:
            assert await chat_with_provider_at("http://llm.invalid/v1", stage) == 200
            assert await chat_with_provider_at("http://past.invalid/v1", stage) == 502
            assert await chat_with_provider_at(f"{stage.stub.base_url}", stage) == 200  # on this machine
            assert stage.stub.connections == 1
    assert proxy.asked == [b"POST http://llm.invalid/v1/chat/completions HTTP/1.1"]


async def test_an_authority_that_the_settings_name_is_trusted(tmp_path: Path):
    certificate, provider = SelfSigned(tmp_path / "certificate"), Answering()
    async with ScriptedServer(provider, certificate.server()) as server:
        for file, status in (("", 502), (str(certificate.file), 200)):
            variables = {"ZAI_EXTRA_CA_FILE": file}
            async with staged(tmp_path / f"data-{status}", variables=variables) as stage:
                assert await chat_with_provider_at(f"{server.url}/v1", stage) == status
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"HTTPS_PROXY": "socks5://user:canary@p"}, "HTTPS_PROXY: proxies are spoken to over http"),
        ({"ALL_PROXY": "http://p", "no_proxy": "10.*"}, "no_proxy: '10.*' is no domain"),
        (
            {"ZAI_EXTRA_CA_FILE": "/nowhere/ca.pem"},
            "ZAI_EXTRA_CA_FILE names /nowhere/ca.pem, which cannot be",
        ),
    ],
)
def test_what_is_wrong_with_the_way_out_is_said_at_the_start(variables: dict[str, str], told: str):
    with pytest.raises(OperatorError) as raised:
        Exposure.of(Environment(variables))
    assert str(raised.value).startswith(told)
    assert "canary" not in str(raised.value)
