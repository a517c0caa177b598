"""The holder's HTTP client, where a command alone would not show it: silence, cuts, and whose pipe broke."""

import socket

import pytest

from tests.unit.cli.loopback import LAST_CHUNK, answering, stream
from zai_gateway.cli.gateway import Gateway, GatewayError


def test_silence_ends_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        gateway = Gateway(f"http://127.0.0.1:{port}/v1", "zk_live_x", silence_seconds=0.05)
        with pytest.raises(GatewayError, match="did not answer in time"):
            gateway.get("/me")


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_events_survive_every_cut(line_end: bytes) -> None:
    text = b": hello\n\ndata: one\n\ndata:two\ndata: three\n\nevent: x\ndata: four\n\ndata: [DONE]\n\n"
    sent = text.replace(b"\n", line_end)
    pieces = [sent[at : at + 1] for at in range(len(sent))]
    with (
        answering(stream(*pieces) + LAST_CHUNK) as server,
        Gateway(server.base_url, "zk_live_x").stream("/chat/completions", {}) as (_, events),
    ):
        assert list(events) == [b"one", b"two\nthree", b"four"]


def test_a_callers_own_broken_pipe_is_not_taken_for_the_networks() -> None:
    def print_to_nobody() -> None:
        with Gateway(server.base_url, "zk_live_x").stream("/chat/completions", {}) as (_, events):
            assert next(events) == b"one"
            raise BrokenPipeError

    with answering(stream(b"data: one\n\n") + LAST_CHUNK) as server, pytest.raises(BrokenPipeError):
        print_to_nobody()
