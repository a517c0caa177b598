"""The form that the client wants of the answer: kept by Gemini, or asked for by the parameters of a tool."""

from msgspec import Struct

from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.dialects.gemini.asked import mapping, required_text, unsupported, value
from zai_gateway.dialects.gemini.tools import Toolbox
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import Json, encode

_JSON = "application/json"
_TOOL = "answer_as_json"
"""Its arguments are the answer."""
_TEXT_TOOL = "answer_in_json_text"
"""One of its arguments is the answer's text: an object whose members nobody knows would come back empty."""
_TEXT = "json"
_SAYS = (
    "Gives the answer to the user. Call it once, with the whole answer as its arguments, instead of writing "
    "text."
)
_TEXT_SCHEMA: Json = {
    "type": "object",
    "properties": {_TEXT: {"type": "string", "description": "The whole answer, as one object of JSON."}},
    "required": [_TEXT],
}


class Structure(Struct, frozen=True):
    """What is sent for `response_format`."""

    config: dict[str, Json] = {}
    """For `generationConfig`."""
    answer_tool: dict[str, Json] | None = None
    """The function whose call is the answer."""


def structure_of(body: Fields, box: Toolbox, plan: EncodePlan) -> Structure:
    """How the answer gets the form that `response_format` asks for.

    Gemini holds every answer to its schema, so that `strict` makes no difference; before Gemini 3 it takes
    none beside tools, and there a tool that it has to call stands in for it.
    Raises Failure for what is malformed, and where neither way is open.
    """
    wanted = mapping(body, "response_format")
    sort = None if wanted is None else required_text(wanted, "type")
    if wanted is None or sort == "text":
        return Structure()
    inner = mapping(wanted, "json_schema") if sort == "json_schema" else None
    if sort == "json_schema" and inner is None:
        raise missing(wanted.at("json_schema"), "an object")
    if sort not in ("json_object", "json_schema"):
        raise invalid(wanted.at("type"), "text, json_object or json_schema", "another word")
    schema = None if inner is None else value(inner, "schema")
    if inner is not None and schema is not None and not isinstance(schema, dict | bool):
        raise invalid(inner.at("schema"), "a JSON schema", "something else")
    if plan.schema_with_tools or not (box.functions or box.own):
        native: dict[str, Json] = {"responseMimeType": _JSON}
        return Structure(native if schema is None else native | {"responseJsonSchema": schema})
    if not box.functions or not plan.forced_tools:
        raise unsupported(
            "response_format",
            "This model takes no `response_format` beside these tools. Leave one of the two out, or ask a "
            "model of Gemini 3 or later.",
        )
    return Structure(answer_tool=_answer_tool(inner, schema, box))


def require_answer(structure: Structure, calling: dict[str, Json], box: Toolbox) -> str | None:
    """Makes the model call the answer's tool, or a function that it may call besides; the tool's name.

    None where there is no such tool, or the model has to call a function: then it gives no answer yet.
    """
    tool = structure.answer_tool
    if tool is None or calling.get("mode") == "ANY":
        return None
    allowed = [] if calling.get("mode") == "NONE" else calling.get("allowedFunctionNames")
    if isinstance(allowed, list):
        calling["allowedFunctionNames"] = [*allowed, tool["name"]]
    calling["mode"] = "ANY"
    box.functions.append(tool)
    return str(tool["name"])


def answer_in(name: str, arguments: dict[str, Json]) -> str:
    """The answer's text, which a call of the answer's tool holds."""
    text = arguments.get(_TEXT) if name.startswith(_TEXT_TOOL) else None
    return text if isinstance(text, str) else encode(arguments).decode()


def _answer_tool(inner: Fields | None, schema: Json, box: Toolbox) -> dict[str, Json]:
    name, parameters = (_TEXT_TOOL, _TEXT_SCHEMA) if schema is None else (_TOOL, schema)
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise unsupported(
            "response_format",
            "This model takes no such `response_format` beside tools: the root of its schema must be an "
            "object. Ask for one, or leave the tools out.",
        )
    taken = [function["name"] for function in box.functions]
    while name in taken:
        name += "_"
    described = None if inner is None else inner.text("description")
    says = f"{_SAYS} {described}" if described else _SAYS
    return {"name": name, "description": says, "parametersJsonSchema": parameters}
