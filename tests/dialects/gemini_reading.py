"""A reader of Gemini's requests: what OpenAI's shape says in their place, written apart from the dialect.

It reads what recorded clients sent, in camelCase or snake_case, and knows nothing of how the dialect writes.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeGuard

_SNAKE = re.compile(r"_([a-z])")
_OPAQUE = ("args", "response", "parametersJsonSchema", "responseJsonSchema", "responseSchema", "parameters")
"""Members whose inside is the client's own, whatever its names look like."""
_OWN_TOOLS = {
    "googleSearch": "google_search",
    "urlContext": "url_context",
    "codeExecution": "code_execution",
    "fileSearch": "file_search",
    "mcpServers": "mcp_servers",
}
_TYPES = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object"}


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def camel(value: Any, inside: str = "") -> Any:
    """The same with every name that is Gemini's in camelCase."""
    if is_list(value):
        return [camel(each, inside) for each in value]
    if not is_object(value) or inside in _OPAQUE:
        return value
    return {
        (name := _SNAKE.sub(lambda found: found[1].upper(), key)): camel(each, name)
        for key, each in value.items()
    }


def plain_schema(schema: Any) -> Any:
    """A `Schema` of Gemini's as the JSON schema that says the same."""
    if is_list(schema):
        return [plain_schema(each) for each in schema]
    if not is_object(schema):
        return schema
    plain: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "type" and isinstance(value, str | int):
            plain["type"] = value.lower() if isinstance(value, str) else _TYPES[value]
        elif name == "properties":
            plain[name] = {key: plain_schema(each) for key, each in value.items()}
        else:
            plain[name] = plain_schema(value)
    return plain


def told(request: dict[str, Any]) -> dict[str, Any]:
    """A request of Gemini's in one spelling, without what says nothing."""
    whole: dict[str, Any] = camel(request)
    contents: list[dict[str, Any]] = whole.get("contents") or []
    for content in contents:
        for part in content["parts"]:
            if part.get("thought") is False:
                del part["thought"]
    return {name: value for name, value in whole.items() if value not in (None, {}, [])}


def hub_request(request: dict[str, Any], model: str) -> dict[str, Any]:
    """The request of OpenAI's shape that says what this one of Gemini's says."""
    gemini = told(request)
    config: dict[str, Any] = gemini.get("generationConfig") or {}
    hub: dict[str, Any] = {"model": model, "messages": list(_messages(gemini))}
    for theirs, ours in (
        ("temperature", "temperature"),
        ("topP", "top_p"),
        ("maxOutputTokens", "max_tokens"),
        ("candidateCount", "n"),
        ("stopSequences", "stop"),
        ("seed", "seed"),
        ("presencePenalty", "presence_penalty"),
        ("frequencyPenalty", "frequency_penalty"),
        ("responseLogprobs", "logprobs"),
        ("logprobs", "top_logprobs"),
    ):
        if theirs in config:
            hub[ours] = config[theirs]
    if "topK" in config:
        hub["top_k"] = int(config["topK"])
    if "responseModalities" in config:
        hub["modalities"] = [each.lower() for each in config["responseModalities"]]
    hub |= _format(config) | _reasoning(config.get("thinkingConfig")) | _tools(gemini)
    for theirs, ours in (("safetySettings", "safety_settings"), ("cachedContent", "cached_content")):
        if theirs in gemini:
            hub[ours] = gemini[theirs]
    return hub


def _messages(gemini: dict[str, Any]) -> Iterator[dict[str, Any]]:
    system = gemini.get("systemInstruction")
    if system:
        parts = system["parts"] if isinstance(system["parts"], list) else [system["parts"]]
        yield {"role": "system", "content": [_content_part(part) for part in parts]}
    calls: list[tuple[str, str]] = []
    for content in gemini["contents"]:
        if content["role"] == "model":
            yield _assistant(content["parts"], calls)
        else:
            yield from _user(content["parts"], calls)


def _user(parts: list[dict[str, Any]], calls: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    results = [part for part in parts if "functionResponse" in part]
    others = [part for part in parts if "functionResponse" not in part]
    for part in results:
        message = _result(part["functionResponse"], calls)
        if others and part is results[-1]:
            # What stands beside a result was brought by it: models before Gemini 3 take it no other way.
            message["content"] = [*_as_parts(message["content"]), *map(_content_part, others)]
        yield message
    if others and not results:
        yield {"role": "user", "content": [_content_part(part) for part in others]}


def _result(response: dict[str, Any], calls: list[tuple[str, str]]) -> dict[str, Any]:
    known: Any = response.get("id")
    found: tuple[Any, str] = (known, response["name"])
    for call in calls:
        if call[1] == response["name"] and known in (None, call[0]):
            found = call
            calls.remove(call)
            break
    message: dict[str, Any] = {"role": "tool", "tool_call_id": found[0]}
    given = response["response"]
    if list(given) == ["error"] and isinstance(given["error"], str):
        message |= {"content": given["error"], "is_error": True}
    else:
        message["content"] = json.dumps(given, ensure_ascii=False)
    media = [_content_part(part) for part in response.get("parts", [])]
    if media:
        message["content"] = [*(_as_parts(message["content"]) if given else []), *media]
    return message


def _as_parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _assistant(parts: list[dict[str, Any]], calls: list[tuple[str, str]]) -> dict[str, Any]:
    """The message, with the order of its parts told in full: `extra_content.google.parts`."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    order: list[dict[str, Any]] = []
    served = any("functionResponse" in part for part in parts)
    for part in parts:
        if "functionCall" in part and not served:
            known = part["functionCall"].get("id")
            made = known or f"call_reader-0-{len(calls)}"
            calls.append((made, part["functionCall"]["name"]))
            listed = message.setdefault("tool_calls", [])
            order.append({"call": len(listed)})
            listed.append(_call(part, made))
        elif part.get("thought"):
            listed = message.setdefault("reasoning_details", [])
            order.append({"thought": len(listed)})
            listed.append(_thought(part, len(listed)))
        elif "text" in part:
            entry: dict[str, Any] = {"text": len(part["text"])}
            if "thoughtSignature" in part:
                entry["thought_signature"] = part["thoughtSignature"]
            order.append(entry)
            message["content"] += part["text"]
        else:
            listed = message.setdefault("provider_blocks", [])
            order.append({"block": len(listed)})
            listed.append({"type": "part", "format": "google-gemini-v1", "index": len(listed), **part})
    message["extra_content"] = {"google": {"parts": order}}
    return message


def _call(part: dict[str, Any], id: str) -> dict[str, Any]:
    called = part["functionCall"]
    arguments = json.dumps(called.get("args", {}), ensure_ascii=False)
    call: dict[str, Any] = {"id": id, "type": "function"}
    call["function"] = {"name": called["name"], "arguments": arguments}
    if "thoughtSignature" in part:
        call["extra_content"] = {"google": {"thought_signature": part["thoughtSignature"]}}
    return call


def _thought(part: dict[str, Any], index: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"format": "google-gemini-v1", "index": index}
    if "text" not in part:
        return entry | {"type": "reasoning.encrypted", "data": part["thoughtSignature"]}
    entry |= {"type": "reasoning.text", "text": part["text"]}
    return entry | {"signature": part.get("thoughtSignature")}


def _content_part(part: dict[str, Any]) -> dict[str, Any]:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    if "inlineData" in part:
        mime, data = part["inlineData"]["mimeType"], part["inlineData"]["data"]
        sort, _, format = mime.partition("/")
        if sort == "audio":
            return {"type": "input_audio", "input_audio": {"data": data, "format": format}}
        return _at_address(sort, f"data:{mime};base64,{data}", None)
    where = part["fileData"]
    mime = where.get("mimeType")
    return _at_address((mime or "").partition("/")[0], where["fileUri"], mime)


def _at_address(sort: str, url: str, mime: str | None) -> dict[str, Any]:
    known = {} if mime is None else {"mime_type": mime}
    if sort in ("image", "video"):
        return {"type": f"{sort}_url", f"{sort}_url": {"url": url} | known}
    return {"type": "file", "file": {"file_data": url} | known}


def _format(config: dict[str, Any]) -> dict[str, Any]:
    if "responseMimeType" not in config:
        return {}
    schema = config.get("responseJsonSchema")
    if "responseSchema" in config:
        schema = plain_schema(config["responseSchema"])
    if schema is None:
        return {"response_format": {"type": "json_object"}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


def _reasoning(config: dict[str, Any] | None) -> dict[str, Any]:
    if not config:
        return {}
    reasoning: dict[str, Any] = {"exclude": not config.get("includeThoughts", False)}
    if config.get("thinkingBudget") is not None:
        reasoning["max_tokens"] = config["thinkingBudget"]
    if "thinkingLevel" in config:
        reasoning["effort"] = config["thinkingLevel"].lower()
    return {"reasoning": reasoning}


def _tools(gemini: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = dict(gemini.get("toolConfig") or {})
    calling: dict[str, Any] = config.pop("functionCallingConfig", None) or {}
    hub: dict[str, Any] = {"tool_config": config} if config else {}
    given: list[dict[str, Any]] = gemini.get("tools") or []
    tools = [each for tool in given for each in _tool(tool, calling)]
    if tools:
        hub["tools"] = tools
    choice = _choice(calling)
    if choice is not None:
        hub["tool_choice"] = choice
    return hub


def _tool(tool: dict[str, Any], calling: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in tool.items():
        if name != "functionDeclarations":
            if value is not None:
                yield {"type": _OWN_TOOLS[name], _OWN_TOOLS[name]: value}
            continue
        for declared in value:
            function: dict[str, Any] = {"name": declared["name"]}
            if "description" in declared:
                function["description"] = declared["description"]
            if "parameters" in declared:
                function["parameters"] = plain_schema(declared["parameters"])
            if declared.get("parametersJsonSchema") is not None:
                function["parameters"] = declared["parametersJsonSchema"]
            if "responseJsonSchema" in declared:
                function["response"] = declared["responseJsonSchema"]
            if calling.get("mode") == "VALIDATED":
                function["strict"] = True
            yield {"type": "function", "function": function}


def _choice(calling: dict[str, Any]) -> Any:
    names = calling.get("allowedFunctionNames")
    if names is not None and len(names) == 1:
        return {"type": "function", "function": {"name": names[0]}}
    if names is not None:
        tools = [{"type": "function", "function": {"name": name}} for name in names]
        return {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}}
    return {"AUTO": "auto", "VALIDATED": None, "NONE": "none", "ANY": "required", None: None}[
        calling["mode"].upper() if "mode" in calling else None
    ]
