"""The shape that the client wants of the answer: kept by Anthropic, or asked for by a tool's parameters."""

from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.reading import (
    NULL,
    Block,
    Written,
    is_given,
    read_given,
    read_object,
    unsupported,
)
from zai_gateway.dialects.anthropic_messages.schemas import held_to
from zai_gateway.dialects.anthropic_messages.tools import Choice, Tool
from zai_gateway.wire.fields import invalid, missing

_TOOL = "answer_as_json"
_SAYS = (
    "Gives the answer to the user. Call it with the whole answer as its parameters, instead of writing text."
)


_OBJECT = Raw(b'"object"')


class Structure(Struct, frozen=True):
    """What is sent for `response_format`."""

    format: Written = None
    """For `output_config`; None: nothing is."""
    answer_tool: Block | None = None
    """The tool whose parameters are the answer."""


class _JsonSchema(Struct, frozen=True):
    name: str | None = None
    description: str | None = None
    schema: Raw = NULL


class _Format(Struct, frozen=True):
    type: str | None = None
    json_schema: _JsonSchema | None = None


def structure_of(value: Raw, tools: list[Tool], *, native: bool, thinking: bool) -> Structure:
    """How the answer gets the shape that `response_format` asks for.

    `native`: whether the model can be held to a schema; `thinking`: whether it reasons, so that it cannot be
    made to call a tool. Raises Failure where neither way is open.
    """
    said = read_given(value, _Format, "response_format")
    if said is None or said.type == "text":
        return Structure()
    if said.type == "json_object":
        wanted = _JsonSchema(schema=Raw(b'{"type":"object"}'))
    elif said.type == "json_schema":
        wanted = said.json_schema
        if wanted is None or not is_given(wanted.schema):
            raise missing("response_format.json_schema.schema", "a JSON schema")
    else:
        raise invalid("response_format.type", "text, json_object or json_schema", "something else")
    schema = read_object(wanted.schema, "response_format.json_schema.schema")
    held = held_to(wanted.schema) if native else None
    if held is not None:
        return Structure(format={"type": "json_schema", "schema": held})
    if not thinking and schema.get("type") == _OBJECT:
        return Structure(answer_tool=_answer_tool(wanted, tools))
    if native and said.type == "json_schema":
        # It says itself what it cannot be held to.
        return Structure(format={"type": "json_schema", "schema": wanted.schema})
    raise unsupported(
        "response_format",
        "This model cannot be held to this `response_format`. Ask for a json_schema whose root is an object "
        "and whose objects say additionalProperties: false, and turn reasoning off.",
    )


def must_answer(structure: Structure, choice: Choice, tools: list[Tool]) -> Choice | None:
    """The choice that makes the model call the answer's tool; None where it has to call another."""
    if structure.answer_tool is None or choice.kind in ("any", "tool"):
        return None
    if tools and choice.kind != "none":
        return Choice("any")
    return Choice("tool", str(structure.answer_tool["name"]))


def _answer_tool(wanted: _JsonSchema, tools: list[Tool]) -> Block:
    name = _TOOL
    taken = [tool.block.get("name") for tool in tools]
    while name in taken:
        name += "_"
    says = f"{_SAYS} {wanted.description}" if wanted.description else _SAYS
    return {"name": name, "description": says, "input_schema": wanted.schema}
