"""The worst case of a request, as a function of the output limit that is sent with it."""

from msgspec import Struct

from zai_gateway.money import nano_from_pico


class Bound(Struct, frozen=True, kw_only=True):
    """What an attempt can cost at most: a fixed part for its input, and a part for each output token."""

    input_pico: int
    """The input bound at the dearest rate that can apply, in pico-USD."""
    output_pico: int
    """One output token of every choice at the dearest rate that can apply, in pico-USD."""
    asked: int | None
    """The client's own limit on output tokens per choice."""
    most: int | None
    """The model's maximum output tokens; None where nobody published one."""
    room: int | None
    """What the context window leaves for output beside the input bound: a clamp above it could be refused."""
    floor: int
    """Below this many output tokens nothing is clamped (product.md, "Near the cap")."""
    rigid: bool = False
    """Whether nothing is clamped at all: what does not fit as it was asked for is refused."""

    def worst(self, output_limit: int) -> int:
        """Nano-USD that the attempt can cost with this limit on output tokens per choice."""
        return nano_from_pico(self.input_pico + output_limit * self.output_pico)

    def affordable(self, nano: int) -> int | None:
        """The largest output limit whose worst case is within `nano`.

        Negative where not even the input fits; None where output is free, so that money sets no limit.
        """
        room = nano * 1_000 - self.input_pico
        if room < 0:
            return -1
        return room // self.output_pico if self.output_pico else None
