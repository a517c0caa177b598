"""Which proxy a connection goes through: the variables as they are written, and what goes past."""

from base64 import b64encode

import pytest

from tests.unit.relay.dialing.parts import at
from zai_gateway.errors import OperatorError
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.proxies import DIRECT, Proxies, Proxy, bypasses_of, proxy_of
from zai_gateway.settings import Environment

SECRET = "canary-7f3a"


def basic(pair: bytes) -> str:
    return f"Basic {b64encode(pair).decode()}"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.example:3128", Proxy(False, "proxy.example", 3128)),
        ("http://proxy.example:3128/", Proxy(False, "proxy.example", 3128)),
        ("HTTP://Proxy.Example:3128", Proxy(False, "proxy.example", 3128)),
        ("proxy.example:3128", Proxy(False, "proxy.example", 3128)),
        ("proxy.example", Proxy(False, "proxy.example", 80)),
        ("https://proxy.example", Proxy(True, "proxy.example", 443)),
        ("http://10.0.0.7:3128", Proxy(False, "10.0.0.7", 3128)),
        ("http://[::1]:3128", Proxy(False, "::1", 3128)),
        ("http://user:word@proxy.example", Proxy(False, "proxy.example", 80, basic(b"user:word"))),
        ("user:word@proxy.example:1", Proxy(False, "proxy.example", 1, basic(b"user:word"))),
        ("http://user@proxy.example", Proxy(False, "proxy.example", 80, basic(b"user:"))),
        ("http://u:a%40b%3Ac%2F%C3%A9@p", Proxy(False, "p", 80, basic("u:a@b:c/é".encode()))),
        ("http://u:a@b:c@p", Proxy(False, "p", 80, basic(b"u:a@b:c"))),
    ],
)
def test_the_url_of_a_proxy(url: str, proxy: Proxy):
    assert proxy_of(url, "HTTPS_PROXY") == proxy


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "://",
        f"socks5://u:{SECRET}@p",
        f"socks5h://u:{SECRET}@p",
        f"ftp://u:{SECRET}@p",
        f"{SECRET}://p",
        f"http://u:{SECRET}@",
        f"http://u:{SECRET}@p:0",
        f"http://u:{SECRET}@p:99999",
        f"http://u:{SECRET}@p:x",
        f"http://u:{SECRET}@p/path",
        f"http://u:{SECRET}@p?query",
        f"http://u:{SECRET}#x@p",
        f"http://u:{SECRET}/x@p",
        f"http://u:{SECRET} @p",
        f"http://u:{SECRET}\\@p",
        f"http://u:{SECRET}\r\nx: y@p",
        f"http://u:{SECRET}@[::1",
        f"http://u:{SECRET}@::1",
        f"http://u:{SECRET}@[nonsense]",
        f"http://u:{SECRET}@a..b",
        f"http://u:{SECRET}@a%20b",
        f"http://u:{SECRET}@é",
        f"http://u:{SECRET}@{'x' * 2_000}",
    ],
)
def test_what_is_no_url_of_a_proxy_is_refused_without_being_shown(url: str):
    with pytest.raises(OperatorError, match=r"^HTTPS_PROXY: ") as raised:
        proxy_of(url, "HTTPS_PROXY")
    assert SECRET not in str(raised.value)


def test_the_password_of_a_proxy_is_not_shown():
    proxy = proxy_of(f"http://user:{SECRET}@p", "HTTPS_PROXY")
    proxies = Proxies(proxy, proxy)
    for text in (repr(proxy), str(proxies), f"{proxies!r}", proxy.name):
        assert SECRET not in text
        assert basic(f"user:{SECRET}".encode()) not in text


EVERYWHERE = Proxy(False, "p", 1)

PAST = [
    # NO_PROXY, what goes past, what does not
    ("", "", "a.example:443 10.0.0.7:80 [::2]:80"),
    ("*", "a.example:443 10.0.0.7:80 [::2]:80", ""),
    ("a.example", "a.example:443 b.a.example:80 A.EXAMPLE:1 a.example.:443", "xa.example:443 example:443"),
    (".a.example", "a.example:443 b.a.example:80 c.b.a.example:80", "xa.example:443 a.example.org:443"),
    ("*.a.example", "a.example:443 b.a.example:80", "xa.example:443"),
    ("A.Example.", "a.example:443", "b.example:443"),
    ("a.example:8443", "a.example:8443 b.a.example:8443", "a.example:443"),
    ("a.example,b.example", "a.example:443 b.example:443", "c.example:443"),
    (" a.example , ,b.example ", "a.example:443 b.example:443", "c.example:443"),
    ("a.example b.example", "a.example:443 b.example:443", "c.example:443"),
    ("*:8080", "a.example:8080 10.0.0.7:8080", "a.example:80"),
    ("10.0.0.7", "10.0.0.7:80", "10.0.0.70:80 110.0.0.7:80 a.10.0.0.7.example:80"),
    ("10.0.0.7:80", "10.0.0.7:80", "10.0.0.7:81"),
    ("10.0.0.0/8", "10.0.0.7:80 10.255.0.1:443", "11.0.0.1:80 a.example:80"),
    ("10.1.2.3/8", "10.0.0.7:80", "11.0.0.1:80"),
    ("10.0.0.0/8", "", "name-of-10.example:80"),
    ("::2", "[::2]:80", "[::3]:80"),
    ("[::2]", "[::2]:80", "[::3]:80"),
    ("[::2]:81", "[::2]:81", "[::2]:80"),
    ("fd00::/8", "[fd12::7]:80", "[::2]:80 10.0.0.7:80"),
    ("example", "a.example:443", "example.org:443"),
]


@pytest.mark.parametrize(("no_proxy", "past", "through"), PAST)
def test_what_goes_past_the_proxy(no_proxy: str, past: str, through: str):
    proxies = Proxies(EVERYWHERE, EVERYWHERE, bypasses_of(no_proxy, "NO_PROXY"))
    for expected, places in ((None, past), (EVERYWHERE, through)):
        for place in places.split():
            host, _, port = place.rpartition(":")
            for tls in (False, True):
                assert proxies.proxy_for(at(host.strip("[]"), int(port), tls=tls)) is expected, place


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1.2.3", "::1", "0.0.0.0"]
)
def test_this_machine_is_never_reached_through_a_proxy(host: str):
    assert Proxies(EVERYWHERE, EVERYWHERE).proxy_for(at(host, 80)) is None


@pytest.mark.parametrize(
    "entry",
    [
        "10.0.0.0/33",
        "10.*",
        "a.*.example",
        "a..example",
        "http://a.example",
        "a.example:",
        "a.example:x",
        "[::1",
        "10.0.0",
    ],
)
def test_an_entry_that_means_nothing_is_the_operators_to_mend(entry: str):
    with pytest.raises(OperatorError, match=r"^no_proxy: '.*' is no domain, address or network"):
        bypasses_of(f"a.example,{entry}", "no_proxy")


A, B, C = (Proxy(False, name, 80) for name in "abc")

VARIABLES: list[tuple[dict[str, str], Proxy | None, Proxy | None]] = [
    # the environment, what plain origins go through, what encrypted ones do
    ({}, None, None),
    ({"HTTP_PROXY": "http://a"}, A, None),
    ({"HTTPS_PROXY": "http://a"}, None, A),
    ({"http_proxy": "http://a", "https_proxy": "http://b"}, A, B),
    ({"https_proxy": "http://a", "HTTPS_PROXY": "http://b"}, None, A),
    ({"https_proxy": "", "HTTPS_PROXY": "http://b"}, None, None),
    ({"ALL_PROXY": "http://a"}, A, A),
    ({"all_proxy": "http://a", "ALL_PROXY": "http://b"}, A, A),
    ({"ALL_PROXY": "http://a", "HTTPS_PROXY": "http://b"}, A, B),
    ({"ALL_PROXY": "http://a", "HTTPS_PROXY": ""}, A, None),
    ({"ALL_PROXY": "socks5://a", "HTTPS_PROXY": "http://b", "HTTP_PROXY": "http://c"}, C, B),
]


@pytest.mark.parametrize(("variables", "plain", "encrypted"), VARIABLES)
def test_the_variables(variables: dict[str, str], plain: Proxy | None, encrypted: Proxy | None):
    proxies = Environment(variables).proxies
    assert (proxies.http, proxies.https, proxies.bypasses) == (plain, encrypted, ())


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_the_variable_for_what_goes_past(name: str):
    proxies = Environment({"https_proxy": "a", name: ".past.example"}).proxies
    assert proxies.proxy_for(at("x.past.example", 443, tls=True)) is None
    assert proxies.proxy_for(at("x.example", 443, tls=True)) == A


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy"])
def test_a_variable_that_is_wrong_is_named(name: str):
    with pytest.raises(OperatorError, match=f"^{name}: ") as raised:
        _ = Environment({name: f"socks5://u:{SECRET}@p"}).proxies
    assert SECRET not in str(raised.value)


def test_no_no_proxy_is_read_where_there_is_no_proxy():
    assert Environment({"no_proxy": "10.*"}).proxies == DIRECT


def test_what_is_forwarded_and_with_what():
    with_password, without = Proxy(False, "p", 80, basic(b"u:p")), Proxy(False, "p", 80)
    plain, encrypted = at("a.example", 80), at("a.example", 443, tls=True)
    dialer = Dialer(proxies=Proxies(with_password, with_password))
    assert [dialer.forwards(each) for each in (plain, encrypted, at("localhost", 80))] == [True, False, False]
    assert dialer.proxy_headers(plain) == (("proxy-authorization", basic(b"u:p")),)
    assert dialer.proxy_headers(encrypted) == dialer.proxy_headers(at("localhost", 80)) == ()
    assert Dialer(proxies=Proxies(without)).proxy_headers(plain) == ()
    assert not Dialer().forwards(plain)
