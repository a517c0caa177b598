"""What Gemini's generations of models do differently, told by a model's name."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from zai_gateway.dialects.dialect import EncodePlan

MINIMAL, LOW, MEDIUM, HIGH = "MINIMAL", "LOW", "MEDIUM", "HIGH"


class Traits(Struct, frozen=True, kw_only=True):
    """How a model wants to be asked. The defaults are those of Gemini 3."""

    levels: tuple[str, ...] = (MINIMAL, LOW, MEDIUM, HIGH)
    """The thinking levels that it knows, the least first; none where it wants a budget, or never thinks."""
    budgets: Mapping[str, int] = {}
    """Tokens to think with by `reasoning_effort`; none where it wants a level, or never thinks."""
    needs_signatures: bool = True
    """Whether it refuses a turn in which the signature of a function call is missing."""
    media_in_results: bool = True
    """Whether an image may stand inside a function's result; else it stands beside it."""
    validates_calls: bool = True
    """Whether it can be held to the schemas of functions that it need not call (mode `VALIDATED`)."""
    mixes_tools: bool = True
    """Whether it takes functions beside Google's own tools."""

    @property
    def thinks(self) -> bool:
        """Whether it can be told how much to think."""
        return bool(self.levels or self.budgets)


class GeminiPlan(EncodePlan, frozen=True, kw_only=True):
    """A plan that says more of its model and of where it is than the model's name."""

    traits: Traits | None = None
    """What the model is like; None: what its name tells, which is looked up for each request."""
    vertex: bool = False
    """Whether it is asked on Vertex AI."""


def traits_of(model: str) -> Traits:
    """The traits of a model by its provider's name for it; of one that is not known, the newest."""
    name = model.rpartition("/")[2]
    return next((traits for pattern, traits in _KNOWN if fnmatchcase(name, pattern)), Traits())


BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
"""What `reasoning_effort` is in tokens, but for `none` (https://ai.google.dev/gemini-api/docs/openai)."""
_OLD = Traits(
    levels=(), needs_signatures=False, media_in_results=False, validates_calls=False, mixes_tools=False
)
_GEMINI_2_5 = Traits(
    levels=(),
    budgets={"none": 0, **BUDGETS},
    needs_signatures=False,
    media_in_results=False,
    mixes_tools=False,
)
_GEMINI_2_5_PRO = Traits(
    levels=(),
    # It always thinks: 128 tokens are its least.
    budgets={**BUDGETS, "none": 128, "xhigh": 32_768, "max": 32_768},
    needs_signatures=False,
    media_in_results=False,
    mixes_tools=False,
)
_KNOWN = (
    ("gemini-1*", _OLD),
    ("gemini-2.0*", _OLD),
    ("gemma*", _OLD),
    ("gemini-2.5-pro*", _GEMINI_2_5_PRO),
    ("gemini-2.5*", _GEMINI_2_5),
    ("gemini-3-pro-image*", Traits(levels=(), needs_signatures=False)),
    ("gemini-3-pro*", Traits(levels=(LOW, HIGH))),
    ("gemini-3*-pro*", Traits(levels=(LOW, MEDIUM, HIGH))),
)
