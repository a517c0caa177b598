"""The guard at every connection: which addresses it may be made to, once names are resolved."""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from zai_gateway.accounts.reach import refusal


class ForbiddenAddress(OSError):
    """A name led to an address where this request may not go."""


def guarded_sockets(*, private: bool) -> Callable[[tuple[Any, ...]], socket.socket]:
    """What makes a socket for one row of `getaddrinfo`, so that no name can mislead.

    `private`: whether it may be for a private address. What is made raises ForbiddenAddress, which does not
    tell the address: whoever chose the name could otherwise read a private network's names from it.
    """

    def guarded(found: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = found
        why = refusal(ip_address(str(target[0])), private=private)
        if why is not None:
            raise ForbiddenAddress(f"it leads to {why}")
        return socket.socket(family, kind, protocol)

    return guarded
