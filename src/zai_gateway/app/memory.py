"""Memory: what the collector need not look at, once a process serves."""

import gc

_YOUNG = 5_000
"""New objects, less those that are gone again, at which the collector looks through them.

A few dozen requests under way have more than the 700 of its own default: it would walk through them in vain
for each dozen requests. What makes no rings is freed without it.
"""


def settle_memory() -> None:
    """What is here now stays: the collector need not walk through the whole catalogue again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
