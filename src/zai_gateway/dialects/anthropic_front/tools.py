"""Tools of a request and the choice among them, as the hub has them."""

from zai_gateway.dialects.anthropic_front.paths import unknown
from zai_gateway.dialects.anthropic_front.reading import object_of, others, raw_text, text_of
from zai_gateway.wire.chat import MOST_TOOLS
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import kind


def hub_tools(request: Fields) -> dict[str, object]:
    """`tools`, where there are any. Raises Failure with the path of the tool at fault."""
    found = request.objects("tools", MOST_TOOLS)
    return {} if found is None else {"tools": [_tool(tool) for tool in found]}


def hub_choice(request: Fields) -> dict[str, object]:
    """`tool_choice` and `parallel_tool_calls`, where Anthropic's `tool_choice` says them. Raises Failure."""
    choice = object_of(request, "tool_choice")
    if choice is None:
        return {}
    for name in choice.values:
        if name not in _OF_CHOICE:
            raise unknown(choice.at(name))
    told: dict[str, object] = {}
    sort = text_of(choice, "type")
    if sort == "tool":
        told["tool_choice"] = {"type": "function", "function": {"name": raw_text(choice, "name")}}
    elif sort in _CHOICES:
        told["tool_choice"] = _CHOICES[sort]
    else:
        raise invalid(choice.at("type"), "`auto`, `any`, `tool` or `none`", "another string")
    alone = choice.flag("disable_parallel_tool_use")
    return told if alone is None else told | {"parallel_tool_calls": not alone}


def _tool(tool: Fields) -> dict[str, object]:
    """A client's own tool in the hub's form; one of Anthropic's own as it is."""
    sort = tool.text("type")
    if sort is not None and sort != "custom":
        if sort == "function":
            raise invalid(tool.at("type"), "`custom` or a type of Anthropic's own", "OpenAI's")
        return {**tool.values}
    function: dict[str, object] = {"name": raw_text(tool, "name")}
    schema = tool.begins("input_schema")
    if not schema:
        raise missing(tool.at("input_schema"), "a JSON schema")
    if schema != b"{":
        raise invalid(tool.at("input_schema"), "a JSON schema", kind(schema))
    for name, ours in _OF_FUNCTION:
        if name in tool.values:
            function[ours] = tool.values[name]
    beside = others(tool, ("type", "name", *(name for name, _ in _OF_FUNCTION)), ("function", "custom"))
    return {"type": "function", "function": function, **beside}


_OF_FUNCTION = (("description", "description"), ("input_schema", "parameters"), ("strict", "strict"))
_OF_CHOICE = ("type", "name", "disable_parallel_tool_use")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
