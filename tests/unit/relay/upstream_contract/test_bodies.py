"""What goes out and what comes in: whole, unchanged, piece by piece."""

import asyncio

import pytest

from tests.unit.relay.upstream_contract.conftest import Closable
from tests.upstreams.calls import PATIENT, SECRET, failure, impatiently_whole, post, whole
from tests.upstreams.scripted import Line, Script, ScriptedServer
from zai_gateway import __version__
from zai_gateway.relay.upstream import Blame, Outbound

EVERY_BYTE = bytes(range(256))
OK = b"HTTP/1.1 200 OK\r\n"


def answering(*pieces: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.request()
        for piece in pieces:
            await line.send(piece)

    return script


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


async def test_a_request_arrives_as_it_was_made(upstream: Closable):
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.request())
        await line.send(OK + b"content-length: 0\r\n\r\n")

    async with ScriptedServer(script) as server:
        await whole(await upstream.send(post(server.url, EVERY_BYTE), PATIENT))

    head, _, body = seen[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == f"POST /v1/chat?key={SECRET} HTTP/1.1"
    assert body == EVERY_BYTE
    # Exactly these: nothing of the library's own leaks to a provider.
    assert {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)} == {
        "host": f"127.0.0.1:{server.port}",
        "authorization": f"Bearer {SECRET}",
        "content-type": "application/json",
        "user-agent": f"zai-gateway/{__version__}",
        "accept-encoding": "identity",
        "content-length": "256",
    }


async def test_framing_and_compression_are_not_the_requests_to_choose(upstream: Closable):
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.request())
        await line.send(OK + b"content-length: 0\r\n\r\n")

    async with ScriptedServer(script) as server:
        headers = (("Accept-Encoding", "gzip"), ("Content-Length", "1"), ("Transfer-Encoding", "chunked"))
        request = Outbound(method="POST", url=server.url, headers=headers, body=b"whole", private=True)
        await whole(await upstream.send(request, PATIENT))

    head, _, body = seen[0].lower().partition(b"\r\n\r\n")
    assert body == b"whole"
    assert b"gzip" not in head
    assert b"chunked" not in head


async def test_a_request_of_three_megabytes_arrives_whole(upstream: Closable):
    body = EVERY_BYTE * 12_000
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.request())
        await line.send(OK + b"content-length: 0\r\n\r\n")

    async with ScriptedServer(script) as server:
        await whole(await upstream.send(post(server.url, body), PATIENT))

    assert seen[0].partition(b"\r\n\r\n")[2] == body


async def test_a_request_without_a_body_has_none(upstream: Closable):
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.request())
        await line.send(OK + b"content-length: 2\r\n\r\nok")

    async with ScriptedServer(script) as server:
        request = Outbound(method="GET", url=f"{server.url}/v1/models", headers=(), body=b"", private=True)
        assert await whole(await upstream.send(request, PATIENT)) == b"ok"

    assert seen[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert b"content-length" not in seen[0].lower()


@pytest.mark.parametrize("status", [200, 201, 400, 401, 429, 500, 503, 599])
async def test_status_headers_and_body_come_as_they_are(upstream: Closable, status: int):
    head = b"HTTP/1.1 %d Whatever\r\nX-Two: first\r\nx-two: second\r\nX-Odd: caf\xe9\r\n" % status
    async with ScriptedServer(answering(head + b"Content-Length: 256\r\n\r\n", EVERY_BYTE)) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert inbound.status == status
        assert inbound.headers == {"x-two": "first", "x-odd": "caf\xe9", "content-length": "256"}
        assert await whole(inbound) == EVERY_BYTE
        assert await inbound.read() == b""


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"transfer-encoding: chunked\r\n\r\n" + chunked(EVERY_BYTE, b"") + b"", id="chunks"),
        pytest.param(
            b"transfer-encoding: chunked\r\n\r\n100;ext=1\r\n"
            + EVERY_BYTE
            + b"\r\n0\r\nx-trailer: 1\r\n\r\n",
            id="extension-and-trailer",
        ),
        pytest.param(b"connection: close\r\n\r\n" + EVERY_BYTE, id="until-closed"),
    ],
)
async def test_every_framing_gives_the_same_body(upstream: Closable, answer: bytes):
    async with ScriptedServer(answering(OK + answer)) as server:
        assert await whole(await upstream.send(post(server.url), PATIENT)) == EVERY_BYTE


async def test_an_answer_may_come_byte_by_byte(upstream: Closable):
    answer = OK + b"transfer-encoding: chunked\r\n\r\n" + chunked(b"one", b"two", b"")
    async with ScriptedServer(answering(*(bytes([byte]) for byte in answer))) as server:
        assert await whole(await upstream.send(post(server.url), PATIENT)) == b"onetwo"


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No Content\r\n\r\n", OK + b"content-length: 0\r\n\r\n"])
async def test_an_answer_may_be_empty(upstream: Closable, head: bytes):
    async with ScriptedServer(answering(head)) as server:
        assert await whole(await upstream.send(post(server.url), PATIENT)) == b""


async def test_informational_answers_are_passed_over(upstream: Closable):
    informational = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with ScriptedServer(answering(informational, OK + b"content-length: 2\r\n\r\nok")) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert (inbound.status, await whole(inbound)) == (200, b"ok")


async def test_each_piece_is_there_before_the_next_is_sent(upstream: Closable):
    read = [asyncio.Event() for _ in range(3)]

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK + b"transfer-encoding: chunked\r\n\r\n")
        for number, was_read in enumerate(read):
            await line.send(chunked(b"piece %d" % number))
            await was_read.wait()
        await line.send(chunked(b""))

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        for number, was_read in enumerate(read):
            assert await inbound.read() == b"piece %d" % number
            was_read.set()
        assert await inbound.read() == b""


async def test_a_cancelled_read_loses_nothing(upstream: Closable):
    pieces = [b"%d " % number for number in range(300)]

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK + b"transfer-encoding: chunked\r\n\r\n")
        for piece in pieces:
            await line.send(chunked(piece))
            await asyncio.sleep(0)
        await line.send(chunked(b""))

    async with ScriptedServer(script) as server:
        assert await impatiently_whole(await upstream.send(post(server.url), PATIENT)) == b"".join(pieces)


async def test_a_read_that_ran_out_of_time_loses_nothing(upstream: Closable):
    ran_out = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK + b"content-length: 4\r\n\r\n")
        await ran_out.wait()
        await line.send(b"late")

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await inbound.read()
        ran_out.set()
        assert await whole(inbound) == b"late"


async def test_a_reader_that_does_not_read_holds_the_upstream_back(upstream: Closable):
    size, piece = 64 * 2**20, bytes(2**16)
    sent = 0

    async def script(line: Line) -> None:
        nonlocal sent
        await line.request()
        await line.send(OK + b"content-length: %d\r\n\r\n" % size)
        while sent < size:
            await line.send(piece)
            sent += len(piece)

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        before, unchanged = 0, 0
        while unchanged < 500:
            await asyncio.sleep(0)
            before, unchanged = sent, unchanged + 1 if sent == before else 0
        assert sent < size
        assert len(await whole(inbound)) == size


async def test_a_redirect_is_an_answer_like_any_other(upstream: Closable):
    head = b"HTTP/1.1 307 Elsewhere\r\nlocation: /elsewhere\r\ncontent-length: 2\r\n\r\n"
    async with ScriptedServer(answering(head, b"go")) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert (inbound.status, await whole(inbound)) == (307, b"go")
        assert server.connections == 1


async def test_a_cookie_is_not_kept(upstream: Closable):
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        for _ in range(2):
            seen.append(await line.request())
            await line.send(OK + b"set-cookie: a=b\r\ncontent-length: 0\r\n\r\n")

    async with ScriptedServer(script) as server:
        named = server.url.replace("127.0.0.1", "localhost")  # an address would get no cookies anyway
        for _ in range(2):
            await whole(await upstream.send(post(named), PATIENT))

    assert b"cookie" not in seen[1].lower()


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"deflate", b"zstd", b"x-unknown"])
async def test_a_compressed_answer_is_refused(upstream: Closable, coding: bytes):
    head = OK + b"content-encoding: " + coding + b"\r\ncontent-length: 4\r\n\r\n"
    async with ScriptedServer(answering(head, b"\x1f\x8b00")) as server:
        error = await failure(upstream, post(server.url))
    assert error.blame is Blame.BROKEN
    assert "compressed" in error.message


async def test_an_answer_that_says_it_is_not_compressed_is_read(upstream: Closable):
    head = OK + b"content-encoding: identity\r\ncontent-length: 2\r\n\r\n"
    async with ScriptedServer(answering(head, b"ok")) as server:
        assert await whole(await upstream.send(post(server.url), PATIENT)) == b"ok"


async def test_a_change_of_protocol_is_refused(upstream: Closable):
    head = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    async with ScriptedServer(answering(head)) as server:
        error = await failure(upstream, post(server.url))
    assert error.blame is Blame.BROKEN
