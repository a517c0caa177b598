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
from zai_gateway.dialects.dialect import EncodePlan
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


def structure_of(value: Raw, tools: list[Tool], plan: EncodePlan, *, thinking: bool) -> Structure:
    """How the answer gets the shape that `response_format` asks for.

    By the model's own means, else by a tool that it is made to call: some never can be, and none can that
    reasons (`thinking`). Raises Failure where neither way is open.
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
    held = held_to(wanted.schema) if plan.native_schema else None
    if held is not None:
        return _native(wanted, held)
    if plan.forced_tools and not thinking and schema.get("type") == _OBJECT:
        return Structure(answer_tool=_answer_tool(wanted, tools))
    if plan.native_schema and said.type == "json_schema":
        # It says itself what it cannot be held to.
        return _native(wanted, wanted.schema)
    raise unsupported(
        "response_format", f"This model cannot be held to this `response_format`. {_advice(plan)}"
    )


def must_answer(structure: Structure, choice: Choice, tools: list[Tool]) -> Choice | None:
    """The choice that makes the model call the answer's tool; None where it has to call another."""
    if structure.answer_tool is None or choice.kind in ("any", "tool"):
        return None
    if tools and choice.kind != "none":
        return Choice("any")
    return Choice("tool", str(structure.answer_tool["name"]))


def _native(wanted: _JsonSchema, schema: Raw) -> Structure:
    said = read_object(schema, "response_format.json_schema.schema")
    if wanted.description and "description" not in said:
        # Anthropic takes nothing beside the schema.
        return Structure(
            format={"type": "json_schema", "schema": {"description": wanted.description, **said}}
        )
    return Structure(format={"type": "json_schema", "schema": schema})


def _advice(plan: EncodePlan) -> str:
    if plan.native_schema:
        # Every object in such a schema has to say what may stand in it, so that none means any object.
        return "Ask for a json_schema that says what its objects hold, and additionalProperties: false."
    if plan.forced_tools:
        return "Ask for a json_schema whose root is an object, and turn reasoning off."
    return "Leave it out, and ask for JSON in a message."


def _answer_tool(wanted: _JsonSchema, tools: list[Tool]) -> Block:
    name = _TOOL
    taken = [tool.block.get("name") for tool in tools]
    while name in taken:
        name += "_"
    says = f"{_SAYS} {wanted.description}" if wanted.description else _SAYS
    return {"name": name, "description": says, "input_schema": wanted.schema}
