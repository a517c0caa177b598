"""Tools and the choice among them, as `tools` and `toolConfig`."""

from zai_gateway.dialects.gemini.asked import (
    MOST_ELEMENTS,
    Dropped,
    mapping,
    required_text,
    unsupported,
    value,
    verbatim,
)
from zai_gateway.dialects.gemini.traits import Traits
from zai_gateway.wire.fields import Fields, invalid, missing
from zai_gateway.wire.values import Json, kind

OWN_TOOLS = {
    "google_search": "googleSearch",
    "google_search_retrieval": "googleSearchRetrieval",
    "enterprise_web_search": "enterpriseWebSearch",
    "google_maps": "googleMaps",
    "url_context": "urlContext",
    "code_execution": "codeExecution",
    "file_search": "fileSearch",
    "retrieval": "retrieval",
    "computer_use": "computerUse",
    "mcp_servers": "mcpServers",
}
"""The tools that Google runs itself: the hub's `type`, under which its settings stand, and Gemini's name."""
_LISTS = ("mcp_servers",)


class Toolbox:
    """What a request says of tools."""

    def __init__(self) -> None:
        self.functions: list[dict[str, Json]] = []
        self.own: list[dict[str, Json]] = []
        self.strict = False
        """Whether a function's schema is to be kept to."""


def read_tools(body: Fields, dropped: Dropped) -> Toolbox:
    """The tools of a request. Raises Failure for what is none, or none of Gemini's."""
    box = Toolbox()
    for tool in body.objects("tools", MOST_ELEMENTS) or []:
        sort = tool.text("type") or "function"
        if sort == "function":
            if tool.has("input_examples"):
                dropped.note("input_examples")
            function = mapping(tool, "function")
            if function is None:
                raise missing(tool.at("function"), "an object")
            _declare(box, function)
        elif sort in OWN_TOOLS:
            box.own.append({OWN_TOOLS[sort]: _settings(tool, sort)})
        else:
            raise unsupported(
                tool.at("type"),
                f"`{tool.at('type')}` must be function or one of Google's own tools "
                f"({', '.join(OWN_TOOLS)}): Gemini has no other.",
            )
    for function in body.objects("functions", MOST_ELEMENTS) or []:
        _declare(box, function)
    search = mapping(body, "web_search_options")
    if search is not None:
        if not any("googleSearch" in tool for tool in box.own):
            box.own.append({"googleSearch": {}})
        for name in search.values:
            dropped.note(search.at(name))
    return box


def tools_of(box: Toolbox) -> list[Json]:
    """`tools`."""
    declared: list[Json] = [{"functionDeclarations": list[Json](box.functions)}] if box.functions else []
    return [*box.own, *declared]


def show_own_calls(config: dict[str, Json], box: Toolbox) -> None:
    """Asks to be told of what Google's own tools did: else Gemini 3 refuses functions beside them."""
    if box.own and box.functions:
        config.setdefault("includeServerSideToolInvocations", True)


def calling_of(body: Fields, box: Toolbox, traits: Traits) -> dict[str, Json]:
    """`functionCallingConfig`, empty where nothing was chosen; the choice may narrow what is in the box.

    Raises Failure for a choice that is malformed, or cannot be honoured.
    """
    name = "tool_choice" if body.has("tool_choice") else "function_call"
    begins = body.begins(name)
    if begins == b"":
        return {}
    if begins == b'"':
        modes = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
        mode = modes.get(body.text(name) or "")
        if mode is None:
            raise invalid(name, "none, auto, required or an object", "another word")
        return {"mode": mode}
    choice = mapping(body, name)
    assert choice is not None
    sort = choice.text("type") or "function"
    if sort == "function":
        named = mapping(choice, "function") if choice.has("function") else choice
        assert named is not None
        return _only([required_text(named, "name")], "ANY")
    if sort == "allowed_tools":
        return _allowed(choice, box, traits)
    raise unsupported(f"{name}.type", f"`{name}.type` must be function or allowed_tools.")


def tool_config(
    body: Fields, calling: dict[str, Json], box: Toolbox, traits: Traits, dropped: Dropped
) -> dict[str, Json]:
    """`toolConfig` with `calling` for its `functionCallingConfig`, empty where there is nothing to say.

    Raises Failure for what is malformed, or cannot be honoured.
    """
    config: dict[str, Json] = {}
    told = verbatim(body, "tool_config", "an object")
    if isinstance(told, dict):
        if "functionCallingConfig" in told or "function_calling_config" in told:
            raise unsupported("tool_config", "Say which functions may be called by `tool_choice`.")
        config |= told
    if box.strict and calling.get("mode", "AUTO") == "AUTO":
        if traits.validates_calls:
            calling["mode"] = "VALIDATED"
        else:
            dropped.note("strict")
    if calling:
        config["functionCallingConfig"] = calling
    if body.flag("parallel_tool_calls") is False:
        dropped.note("parallel_tool_calls")
    return config


def _declare(box: Toolbox, function: Fields) -> None:
    declared: dict[str, Json] = {"name": required_text(function, "name")}
    description = function.text("description")
    if description is not None:
        declared["description"] = description
    for name, theirs in (("parameters", "parametersJsonSchema"), ("response", "responseJsonSchema")):
        schema = value(function, name)
        if schema is not None:
            if not isinstance(schema, dict | bool):
                raise invalid(function.at(name), "a JSON schema", kind(function.begins(name)))
            declared[theirs] = schema
    box.strict = function.flag("strict") is True or box.strict
    box.functions.append(declared)


def _settings(tool: Fields, sort: str) -> Json:
    if sort in _LISTS:
        return verbatim(tool, sort, "a list") or []
    return verbatim(tool, sort, "an object") or {}


def _allowed(choice: Fields, box: Toolbox, traits: Traits) -> dict[str, Json]:
    allowed = mapping(choice, "allowed_tools") if choice.has("allowed_tools") else choice
    assert allowed is not None
    names: list[str] = []
    for tool in allowed.objects("tools", MOST_ELEMENTS) or []:
        function = mapping(tool, "function") if tool.has("function") else tool
        assert function is not None
        names.append(required_text(function, "name"))
    if not names:
        raise missing(allowed.at("tools"), "a list of at least one function")
    if allowed.text("mode") == "required":
        return _only(names, "ANY")
    if traits.validates_calls:
        return _only(names, "VALIDATED")
    # Where a choice cannot be narrowed, what may not be called is not offered.
    box.functions = [function for function in box.functions if function["name"] in names]
    return {"mode": "AUTO"}


def _only(names: list[str], mode: str) -> dict[str, Json]:
    return {"mode": mode, "allowedFunctionNames": list[Json](names)}
