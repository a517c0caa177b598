"""Examples for JSON schemas: they fit, and no schema makes them large."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zai_gateway.relay.demo.example import example

NAMES = st.sampled_from(["a", "b", "c", "a/b~c"])
LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.integers(-5, 5).map(lambda low: {"type": "integer", "minimum": low}),
    st.integers(-5, 5).map(lambda high: {"type": "number", "maximum": high}),
    st.integers(-5, 5).map(lambda low: {"type": "number", "exclusiveMinimum": low}),
    st.integers(0, 20).map(lambda least: {"type": "string", "minLength": least}),
    st.integers(0, 3).map(lambda most: {"type": "string", "maxLength": most}),
    st.sampled_from(["date", "date-time", "email", "uuid"]).map(
        lambda kind: {"type": "string", "format": kind}
    ),
    st.lists(st.text() | st.integers() | st.none(), min_size=1, max_size=3).map(lambda all_: {"enum": all_}),
    st.integers().map(lambda value: {"const": value}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": ["null", "string"]}),
    st.just({"$ref": "#/$defs/a~1b~0c"}),
)

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is not a failure."""


def _larger(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.dictionaries(NAMES, inner, max_size=3).map(
        lambda properties: {"type": "object", "properties": properties, "required": list(properties)}
    )
    arrays = st.tuples(inner, st.integers(0, 3)).map(
        lambda drawn: {"type": "array", "items": drawn[0], "minItems": drawn[1]}
    )
    either = st.lists(inner, min_size=1, max_size=2).map(lambda branches: {"anyOf": branches})
    return objects | arrays | either


@UNTIMED
@given(st.recursive(LEAVES, _larger, max_leaves=8))
def test_an_example_fits_its_schema(schema: dict[str, Any]):
    rooted = {"type": "object", "properties": {"it": schema}, "required": ["it"]}
    rooted["$defs"] = {"a/b~c": {"type": "string"}}
    jsonschema.validate(example(rooted), rooted)


@UNTIMED
@given(st.recursive(LEAVES, _larger, max_leaves=8))
def test_an_example_is_the_same_every_time(schema: dict[str, Any]):
    assert example(schema) == example(schema)


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "array", "items": {"$ref": "#"}, "minItems": 10**9}, id="array-of-itself"),
        pytest.param(
            {
                "type": "object",
                "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}},
                "required": ["a", "b"],
            },
            id="tree",
        ),
        pytest.param({"$ref": "#"}, id="nothing-but-itself"),
        pytest.param({"type": "string", "minLength": 10**9}, id="long-text"),
        pytest.param(
            {"type": "array", "minItems": 8, "items": {"const": "x" * 40_000}}, id="many-large-constants"
        ),
    ],
)
def test_a_schema_without_bounds_makes_no_large_example(schema: object):
    assert len(json.dumps(example(schema))) < 100_000


@pytest.mark.parametrize(
    "schema", [None, True, [], {"type": 7}, {"type": "object", "required": 7}, {"$ref": "#/no"}]
)
def test_what_is_no_schema_still_gets_an_answer(schema: object):
    json.dumps(example(schema))
