"""What the rows of several vendors share."""

from zai_gateway.wire.usage import Counting

ROUTING = (
    *("plugins", "provider", "route", "transforms", "inference_geo"),
    *("fallbacks", "provideroptions", "n_predict"),
)
"""Fields, in lower case, that change model, route, price or output limit at vendors that heed them.

They are sent to nobody: what stands behind another base URL might heed them too."""
OPEN_ENDED = ("web_search_options", "prediction", "audio", "modalities")
"""A search has a fee and brings any number of input tokens; a prediction's rejected tokens are billed while
its model takes no output limit; audio has prices of its own."""
CLAUDES_OWN = ("speed",)
"""A fast answer of Claude costs twice as much."""
GEMINIS_OWN = ("cached_content", "cachedcontent", "extra_body", "google")
"""Stored content has any length; the others are where its users put parameters of Gemini's own."""
AS_OPENAI = Counting(reasoning_apart=False, cache_apart=False)
"""Reasoning is among `completion_tokens` and what was cached among `prompt_tokens`, as its traffic shows."""
