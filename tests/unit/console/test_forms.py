"""Forms, notices and paths: what a browser may have changed on the way."""

import base64

import pytest
from starlette.requests import Request
from starlette.responses import Response

from zai_gateway.console.forms import Form, number_typed, problems_of
from zai_gateway.console.notices import Notice, keep_notice, take_notice
from zai_gateway.console.visit import keep_theme, own_path, theme
from zai_gateway.errors import Code, Failure, OperatorError

FIELDS = {"name": "name", "old password": "old"}


def request(cookie: str = "", scheme: str = "http") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request(
        {"type": "http", "scheme": scheme, "headers": headers, "server": ("127.0.0.1", 80), "path": "/"}
    )


def kept(notice: Notice) -> str:
    response = Response()
    keep_notice(request(), response, notice)
    return response.headers["set-cookie"].split(";")[0]


def test_a_form_is_read_as_it_was_typed() -> None:
    form = Form.read(b"name=+Ada+&password=+two+spaces+&tag=a&tag=&tag=b&empty=")
    assert (form.text("name"), form.secret("password")) == ("Ada", " two spaces ")
    assert (form.all("tag"), form.text("tag")) == (("a", "b"), "b")
    assert (form.has("empty"), form.has("none"), form.text("none")) == (True, False, "")


@pytest.mark.parametrize("body", [b"name=\xff", b"&".join([b"a=1"] * 1_001)])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Failure) as refused:
        Form.read(body)
    assert refused.value.code is Code.INVALID_REQUEST


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("5", "5"),
        ("$5.50", "5.50"),
        ("1,000", "1000"),
        ("$ 1,234,567.5", "1234567.5"),
        # Half a dollar, where that is how it is written: not fifty.
        ("0,50", "0,50"),
        ("12,5", "12,5"),
        ("1234,567", "1234,567"),
        ("1,2345", "1,2345"),
        (",5", ",5"),
        ("1.000,50", "1.000,50"),
    ],
)
def test_a_comma_is_left_out_between_thousands_only(typed: str, read: str) -> None:
    assert number_typed(typed) == read


def test_trouble_stands_beside_its_field() -> None:
    assert problems_of(OperatorError("name: at most 100 characters."), FIELDS) == {
        "name": "At most 100 characters."
    }
    assert problems_of(OperatorError("old password: this is not it."), FIELDS) == {"old": "This is not it."}
    assert problems_of(OperatorError("slug: taken."), FIELDS) == {"": "slug: taken."}
    assert problems_of(Failure(Code.FORBIDDEN, "No."), FIELDS) == {"": "No."}


def test_a_notice_comes_through_a_cookie() -> None:
    said = Notice(text="The key “a” is revoked.", undo="/w/my-ws/keys/key_1/restore")
    assert take_notice(request(kept(said))) == said
    assert take_notice(request()) is None


@pytest.mark.parametrize(
    "value",
    [
        "not base64",
        base64.urlsafe_b64encode(b"not json").decode(),
        base64.urlsafe_b64encode(b'{"text": 1}').decode(),
        base64.urlsafe_b64encode(b'{"text": "x", "undo": "https://evil.example/"}').decode(),
        base64.urlsafe_b64encode(b'{"text": "x", "undo": "/w//evil.example"}').decode(),
        base64.urlsafe_b64encode(b'{"text": "x", "undo": "/sign-out"}').decode(),
        "x" * 3_000,
    ],
)
def test_a_notice_that_nobody_here_wrote_is_not_told(value: str) -> None:
    assert take_notice(request(f"zai_notice={value}")) is None


@pytest.mark.parametrize(
    "path", ["/w/my-ws", "/w/my-ws/keys?q=a%20b&status=", "/account", "/invitation/a-b_c"]
)
def test_paths_of_the_console(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//e.example",
        "/w//e.example",
        "/w/\\e.example",
        "/w/a\n",
        "/w/a b",
        "/wx",
        "/api/x",
        "w/a",
        "/w/\u00e9",
    ],
)
def test_paths_that_lead_elsewhere(path: str) -> None:
    assert own_path(path) == ""


def test_a_look_is_kept_and_given_up() -> None:
    response = Response()
    keep_theme(request(scheme="https"), response, "dark")
    assert response.headers["set-cookie"].startswith("zai_theme=dark;")
    assert "Secure" in response.headers["set-cookie"]
    gone = Response()
    keep_theme(request(), gone, "<script>")
    assert 'zai_theme=""' in gone.headers["set-cookie"]
    assert (theme(request("zai_theme=dark")), theme(request("zai_theme=pink"))) == ("dark", "")
