"""Plain heads: what is read of an answer without the parser is what the parser reads."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.relay.upstream_contract.test_framing import cut, read
from zai_gateway.relay.network.plain import PlainHeads

FRAMES = [
    "content-length: %d",
    "Content-Length:%d",
    "content-length:  %d",
    "content-length: 0%d",
    "content-length: +%d",
]
CODINGS = ["transfer-encoding: chunked", "Transfer-Encoding: Chunked", "transfer-encoding: gzip, chunked"]
LINES = [
    *(
        "connection: keep-alive",
        "Connection: Keep-Alive",
        "connection: close",
        "connection: x",
        "upgrade: h2c",
    ),
    *("content-encoding: identity", "content-encoding: br", "trailer: x", "proxy-connection: close"),
    *(
        "x-id: 1",
        "x-id: 2",
        "X-ID:3",
        "x-empty:",
        "x-blank: a b ",
        "x-tab: a\tb",
        "x-high: \xe9",
        "bad name: 1",
    ),
    *("server: some", "date: Mon, 23 Nov 2026 06:03:20 GMT", " folded", "x!y: 1", ": none", "nothing"),
]
OPENINGS = ["HTTP/1.1 200 OK"] * 6 + [
    "HTTP/1.1 200 ok",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 204 OK",
    "HTTP/1.1 100 OK",
]
FEW = [b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\x00", b" ", b":", b"0", b"HTTP/1.1 200 OK\r\n"]


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """One that is plain, or nearly."""
    body = draw(st.binary(max_size=20))
    frames = draw(st.lists(st.sampled_from([*FRAMES[:1] * 8, *FRAMES, *CODINGS * 2]), min_size=1, max_size=2))
    frames = [
        frame % len(body) if "%" in frame else frame for frame in frames[: draw(st.sampled_from([1, 1, 2]))]
    ]
    lines = [*draw(st.lists(st.sampled_from(LINES), max_size=3)), *frames]
    head = "\r\n".join([draw(st.sampled_from(OPENINGS)), *draw(st.permutations(lines)), "", ""]).encode(
        "latin-1"
    )
    if any("chunked" in frame.lower() for frame in frames):
        end = draw(st.sampled_from([b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n", b"", b"0\r\n"]))
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + end
    return head + body


@given(
    answers(), st.integers(0, 2**12), st.integers(0, 2), st.sampled_from(FEW), st.booleans(), st.booleans()
)
def test_a_plain_answer_is_read_as_the_parser_reads_it(
    answer: bytes, at: int, gone: int, few: bytes, mutated: bool, bodiless: bool
) -> None:
    if mutated:
        at %= len(answer) + 1
        answer = answer[:at] + few + answer[at + gone :]
    carefully = read([answer[i : i + 1] for i in range(len(answer))], bodiless=bodiless)
    assert read([answer], bodiless=bodiless) == carefully
    assert read(cut(answer, [answer.find(b"\r\n\r\n") + 4]), bodiless=bodiless) == carefully


def test_what_answers_usually_look_like_is_plain() -> None:
    heads = PlainHeads()
    for framing in ("content-length: 2", "transfer-encoding: chunked"):
        head = f"HTTP/1.1 200 OK\r\nServer: x y\r\n{framing}\r\nconnection: keep-alive\r\n\r\n".encode()
        found = heads.read(head + b"{}")
        assert found is not None
        assert found["server"] == "x y"
        assert heads.size == len(head)
