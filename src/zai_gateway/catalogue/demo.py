"""The demo provider's models: free, and always there."""

from zai_gateway.catalogue.cost import same_everywhere
from zai_gateway.catalogue.model import Model, Rates

_FREE = same_everywhere(
    Rates(input=0, cache_read=0, cache_write=0, cache_write_long=0, output=0), source="free", version="demo"
)


def _model(id: str) -> Model:
    return Model(
        provider="demo",
        id=id,
        context_window=128_000,
        max_output=4_096,
        image_tokens=1_024,
        inputs=("text", "image"),
        outputs=("text",),
        price=_FREE,
    )


DEMO_MODELS = (
    _model("echo"),  # says the request back
    _model("fail"),  # fails when asked to
    _model("slow"),  # streams as fast as a person reads
    _model("tool"),  # calls a tool where the request has one
)
