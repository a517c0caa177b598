"""The one list of addresses: properties that hold of all of them."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.accounts.reach import Reach, reach, refusal

ANY_4 = st.ip_addresses(v=4)
LINK_LOCAL_4 = st.ip_addresses(v=4, network="169.254.0.0/16")


def wrapped(address: IPv4Address) -> list[IPv6Address]:
    """The addresses by which an IPv6 host, a translator or a tunnel reaches an IPv4 address."""
    number = int(address)
    bases = (0, 0xFFFF << 32, 0xFFFF << 48, 0x64_FF9B << 96, 0x64_FF9B_0001 << 80)
    return [*(IPv6Address(base | number) for base in bases), IPv6Address((0x2002 << 112) | (number << 80))]


@given(LINK_LOCAL_4)
def test_no_wrapping_makes_a_link_local_address_reachable(address: IPv4Address) -> None:
    for each in (address, *wrapped(address)):
        assert reach(each) is Reach.NEVER
        assert refusal(each, private=False)
        assert refusal(each, private=True)


@given(ANY_4)
def test_wrapping_never_takes_an_address_further(address: IPv4Address) -> None:
    order = [Reach.NEVER, Reach.PRIVATE, Reach.PUBLIC]
    assert all(order.index(reach(each)) <= order.index(reach(address)) for each in wrapped(address))


@given(st.ip_addresses(v=6, network="fe80::/10"))
def test_link_local_ipv6_addresses_are_for_nobody(address: IPv6Address) -> None:
    assert reach(address) is Reach.NEVER
    assert reach(IPv6Address(f"{address}%eth0")) is Reach.NEVER


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_not_public(address: IPv4Address | IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_multicast or address.is_unspecified:
        inner = getattr(address, "ipv4_mapped", None)
        assert reach(address) is not Reach.PUBLIC or (inner and reach(inner) is Reach.PUBLIC)


@given(st.ip_addresses())
def test_a_refusal_says_why_and_public_addresses_have_none(address: IPv4Address | IPv6Address) -> None:
    where = reach(address)
    assert (refusal(address, private=False) is None) is (where is Reach.PUBLIC)
    assert (refusal(address, private=True) is None) is (where is not Reach.NEVER)
