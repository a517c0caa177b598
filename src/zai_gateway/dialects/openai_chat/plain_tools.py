"""The tools of a request as OpenAI's vendors take them, and the choice among them."""

import re

from zai_gateway.dialects.openai_chat.omissions import Omissions, unsayable
from zai_gateway.dialects.openai_chat.plain_schemas import plain_function
from zai_gateway.wire.chat import MOST_TOOLS
from zai_gateway.wire.fields import Fields


def plain_tools(request: Fields, omissions: Omissions) -> dict[str, object]:
    """The new values of `tools` and of what chooses among them; None for what goes. Raises Failure.

    Anthropic's tools are part of its models, and another one would do without what was asked for. Only its
    search among tools goes without harm: every tool is shown at once.
    """
    tools = request.objects("tools", MOST_TOOLS)
    if tools is None:
        return _no_choice(request)
    plain = [_plain(tool, omissions) for tool in tools]
    kept = [tool for tool in plain if tool]
    if not kept:
        return {"tools": None, **_no_choice(request)}
    return {} if kept == [tool.values for tool in tools] else {"tools": kept}


def _plain(tool: Fields, omissions: Omissions) -> dict[str, object]:
    """A tool without what only Anthropic reads; nothing for one that goes."""
    sort = tool.text("type") or "function"
    if sort not in ("function", "custom") and not omissions.spares(sort):
        if _SEARCH.fullmatch(sort):
            omissions.name(sort)
            return {}
        if _ANTHROPICS.fullmatch(sort):
            raise unsayable(tool.at("type"), "only Anthropic's models have this tool.")
    for name in _NOTICED:
        if tool.has(name) and not omissions.spares(name):
            omissions.name(name)
    kept: dict[str, object] = {
        name: value
        for name, value in tool.values.items()
        if name not in _ANTHROPICS_MEMBERS or omissions.spares(name)
    }
    return kept | plain_function(tool, omissions)


def _no_choice(request: Fields) -> dict[str, object]:
    """A choice among no tools says nothing, and is refused; one that demands a tool is left to be."""
    gone: dict[str, object] = {}
    if request.raw("tool_choice") in (b'"auto"', b'"none"'):
        gone["tool_choice"] = None
    if request.has("parallel_tool_calls"):
        gone["parallel_tool_calls"] = None
    return gone


_ANTHROPICS_MEMBERS = (
    *("cache_control", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming"),
)
_NOTICED = ("input_examples", "cache_control")
_SEARCH = re.compile(r"tool_search_tool_(bm25|regex)(_20[0-9]{6})?", re.ASCII)
_ANTHROPICS = re.compile(r"[a-z][a-z0-9_]{0,60}_20[0-9]{6}|mcp_toolset", re.ASCII)
"""Anthropic's own tools carry the date of their version, written like this."""
