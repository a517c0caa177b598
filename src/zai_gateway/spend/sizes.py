"""Sizes: how much a worker leases at once, and for how long; pure (spend.md, "Sizes")."""

LEASE_SECONDS = 10.0
"""A lease is about what so many seconds of recent spending took."""
LOW_SECONDS = 12.0
"""A lease that would last for less is filled up ahead of need: so where the store stops, nobody misses it for
LEASE_SECONDS, whenever that happens.
"""
FULL_SECONDS = 15.0
"""It is filled up to what lasts for so long."""
SHARE_OF_REST = 20
"""A lease is at most this part of what is left, unless one request needs more."""
IDLE_SECONDS = 60.0
"""A lease from which nothing was held for so long goes back."""


def granted(need: int, want: int, free: int | None) -> int | None:
    """How much of `free` is leased, in nano-USD; None where `need` does not fit. `free` None: no limit."""
    if free is None:
        return max(need, want)
    if need > free:
        return None
    return max(need, min(want, free // SHARE_OF_REST))
