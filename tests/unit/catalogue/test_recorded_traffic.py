"""The parameter tables against what vendors really answered."""

import json
from collections import Counter
from typing import Any

from tests.dialects.corpus import packed
from tests.dialects.vendors import model_of, prefix_of
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.wire.chat import parse

CATALOGUE = Catalogue.load()


def test_no_answered_request_had_a_parameter_that_its_model_refuses() -> None:
    """`temperature` is refused with another value than its default, 1."""
    checked: Counter[str] = Counter()
    for exchange in packed():
        if exchange.request.bytes is None or exchange.response.status != 200:
            continue
        asked: dict[str, Any] = json.loads(exchange.request.bytes) | {"model": model_of(exchange)}
        request = parse(json.dumps(asked).encode())
        model = CATALOGUE.model(prefix_of(exchange), model_of(exchange))
        refused = model.refused(request.reasoning_effort) & request.members.keys()
        if "temperature" in refused:
            assert asked["temperature"] == 1, exchange.name
        assert refused <= {"temperature"}, exchange.name
        checked[prefix_of(exchange)] += bool(model.refuses)
    print({vendor: count for vendor, count in checked.items() if count})
    assert checked["openai"] > 30
    assert checked["xai"] > 20
