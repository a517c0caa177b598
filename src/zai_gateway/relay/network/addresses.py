"""The guard at every connection: which addresses it may be made to, once names are resolved."""

from collections.abc import Iterable

from zai_gateway.accounts.reach import Address, refusal


class ForbiddenAddress(OSError):
    """A name led to an address where this request may not go."""


def refuse_forbidden(address: Address, *, private: bool) -> None:
    """Raises ForbiddenAddress where no connection may be made to `address`.

    `private`: whether it may be a private one. What is raised does not tell the address: whoever chose the
    name could otherwise read a private network's names from it.
    """
    why = refusal(address, private=private)
    if why is not None:
        raise ForbiddenAddress(f"it leads to {why}")


def permitted(addresses: Iterable[Address], *, private: bool) -> list[Address]:
    """Those of `addresses` that a connection may be made to. Raises ForbiddenAddress where none is."""
    allowed: list[Address] = []
    refused: ForbiddenAddress | None = None
    for address in addresses:
        try:
            refuse_forbidden(address, private=private)
            allowed.append(address)
        except ForbiddenAddress as forbidden:
            refused = refused or forbidden
    if refused is not None and not allowed:
        raise refused
    return allowed
