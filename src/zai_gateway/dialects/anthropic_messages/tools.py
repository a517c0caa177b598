"""Tools and their choice, from the hub's words into Anthropic's."""

import re
from collections.abc import Mapping

from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.reading import (
    NULL,
    Block,
    is_given,
    read,
    read_given,
    read_object,
    text_of,
    unsupported,
)
from zai_gateway.dialects.anthropic_messages.schemas import held_to
from zai_gateway.wire.fields import invalid, missing

_OWN = re.compile(r"[a-z][a-z0-9_]{0,60}_20[0-9]{6}|tool_search_tool_(bm25|regex)|mcp_toolset", re.ASCII)
"""Anthropic's own tools carry the date of their version; OpenAI's and Google's do not."""
_BESIDE = ("cache_control", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")
"""What Anthropic's tools have more, beside `function`."""


class Tool(Struct, frozen=True):
    """A tool as it is sent, and the function that it is, if it is one."""

    block: Block
    function: str | None


class Choice(Struct, frozen=True):
    """What the client says of calling tools."""

    kind: str | None
    """`none`, `auto`, `any` or `tool`; None: nothing."""
    name: str | None = None
    """Of the only tool that may be called."""
    allowed: tuple[str, ...] | None = None
    """The functions that may be called, where not all of them."""


class _Function(Struct, frozen=True):
    name: str | None = None
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None


class _Named(Struct, frozen=True):
    name: str | None = None


class _AllowedTool(Struct, frozen=True):
    function: _Named | None = None


class _Allowed(Struct, frozen=True):
    mode: str | None = None
    tools: list[_AllowedTool] | None = None


class _Choice(Struct, frozen=True):
    type: str | None = None
    function: _Named | None = None
    allowed_tools: _Allowed | None = None


def tools_of(value: Raw, notes: Notes, *, strict: bool) -> list[Tool]:
    """The tools of a hub request; `strict`: whether the model can be held to their schemas.

    Raises Failure for a tool of another vendor's, or one without a name.
    """
    listed = read_given(value, list[Raw], "tools") or []
    return [_tool(each, f"tools[{index}]", notes, strict=strict) for index, each in enumerate(listed)]


def choice_of(value: Raw) -> Choice:
    """What `tool_choice` asks for. Raises Failure for what Anthropic cannot be asked for."""
    if not is_given(value):
        return Choice(None)
    if bytes(value).lstrip().startswith(b'"'):
        kind = _KINDS.get(read(value, str, "tool_choice"))
        if kind is None:
            raise invalid("tool_choice", "none, auto, required or an object", "another word")
        return Choice(kind)
    said = read(value, _Choice, "tool_choice")
    if said.type == "function":
        if said.function is None or not said.function.name:
            raise missing("tool_choice.function.name", "the name of a function")
        return Choice("tool", said.function.name)
    if said.type == "allowed_tools" and said.allowed_tools is not None:
        return _allowed(said.allowed_tools)
    raise unsupported("tool_choice.type", "`tool_choice.type` must be function or allowed_tools.")


def permitted(tools: list[Tool], choice: Choice) -> list[Tool]:
    """The tools that may be called at all. Raises Failure where that leaves nothing to choose from."""
    if choice.allowed is not None:
        tools = [tool for tool in tools if tool.function is None or tool.function in choice.allowed]
    if not tools and choice.kind in ("any", "tool"):
        raise invalid("tool_choice", "none or auto", "a demand for a tool without any in `tools`")
    return tools


def spoken(choice: Choice, *, parallel: bool) -> Block | None:
    """`tool_choice` as Anthropic takes it; None where it would say nothing."""
    if choice.kind is None and parallel:
        return None
    block: Block = {"type": choice.kind or "auto"}
    if choice.name is not None:
        block["name"] = choice.name
    if not parallel and choice.kind != "none":
        block["disable_parallel_tool_use"] = True
    return block


def _allowed(allowed: _Allowed) -> Choice:
    kind = {"auto": "auto", "required": "any"}.get(allowed.mode or "")
    if kind is None:
        raise invalid("tool_choice.allowed_tools.mode", "auto or required", "neither")
    names: list[str] = []
    for index, tool in enumerate(allowed.tools or []):
        if tool.function is None or not tool.function.name:
            path = f"tool_choice.allowed_tools.tools[{index}].function.name"
            raise missing(path, "the name of a function")
        names.append(tool.function.name)
    return Choice(kind, allowed=tuple(names))


def _tool(value: Raw, path: str, notes: Notes, *, strict: bool) -> Tool:
    members = read_object(value, path)
    sort = text_of(members, "type", path)
    if sort == "function" or (sort is None and "function" in members):
        return _function(members, path, notes, strict=strict)
    if sort is None:
        raise missing(f"{path}.type", "a string, such as function")
    if not _OWN.fullmatch(sort):
        raise unsupported(
            f"{path}.type",
            f"`{path}.type` must be function or a tool of Anthropic's, such as web_search_20250305.",
        )
    return Tool({**members}, None)


def _function(members: Mapping[str, Raw], path: str, notes: Notes, *, strict: bool) -> Tool:
    function = read_given(members.get("function", NULL), _Function, f"{path}.function") or _Function()
    if not function.name:
        raise missing(f"{path}.function.name", "the name of the function")
    block: Block = {"name": function.name}
    if function.description is not None:
        block["description"] = function.description
    block["input_schema"] = _input_schema(function.parameters, f"{path}.function.parameters")
    if function.strict:
        held = held_to(function.parameters) if strict else None
        if held is None:
            notes.drop("tools", f"{path}.function.strict")
        else:
            block["strict"] = True
            block["input_schema"] = held
    for name, value in members.items():
        if name in _BESIDE and is_given(value):
            block[name] = value
        elif name not in ("type", "function") and is_given(value):
            notes.drop("tools", f"{path}.{name[:64]}")
    return Tool(block, function.name)


def _input_schema(parameters: Raw, path: str) -> Raw | Block:
    if not is_given(parameters):
        return {"type": "object", "properties": {}}
    members = read_object(parameters, path)
    return parameters if "type" in members else {"type": "object", **members}


_KINDS = {"none": "none", "auto": "auto", "required": "any"}
