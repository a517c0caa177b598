"""A request that came from another front, in OpenAI's own words: the hub's extensions turned or taken out.

Turned: `reasoning`, a budget too, into `reasoning_effort`; a tool's result that is an error into a text that
begins with `Error: `, since OpenAI has no flag; images and files of tool results, which may hold text alone,
into the user's message behind them, with a text that names the call; a document of text into text; `user`, of
more characters than OpenAI takes, into its hash.

Left out without a word, since nobody notices: reasoning of earlier answers (another vendor's is never sent),
the order of blocks, what vendors say beside calls and texts. Left out and named: what shapes the answer or
its price, but leaves it right, as cache marks, and `strict` of a schema that OpenAI refuses to hold to.
Refused: what the answer would be wrong without.
"""

from collections.abc import Mapping
from hashlib import sha256

import msgspec
from msgspec import Raw

from zai_gateway.dialects.openai_chat.omissions import Omissions, unsayable
from zai_gateway.dialects.openai_chat.plain_messages import plain_messages
from zai_gateway.dialects.openai_chat.plain_schemas import plain_format
from zai_gateway.dialects.openai_chat.plain_tools import plain_tools
from zai_gateway.wire.fields import Fields, invalid
from zai_gateway.wire.values import kind

LOW_BUDGET = 2048
"""Reasoning tokens: a budget up to here is an effort of `low`."""
MEDIUM_BUDGET = 8192
"""Up to here `medium`; above `high`."""
LONGEST_USER = 64
"""Characters of `user` (OpenAI's reference, "safety_identifier")."""

_Changes = dict[str, object]
"""New values of members by their names; None takes a member out."""


def plainly(hub: bytes, takes: frozenset[str], *, reasons: bool = True) -> tuple[bytes, tuple[str, ...]]:
    """The body for an upstream of OpenAI's dialect, and the names of what was left out that can be noticed.

    `takes` names the extensions that the vendor understands, wherever they stand, such as `reasoning`,
    `reasoning_content`, `reasoning_details`, `cache_control` or `top_k`: they stay as they are, and so does
    `strict` beside every schema where it names that. A request
    that has no extension comes back as the same bytes. `reasons`: whether the model may reason; one of which
    it is known that it never does refuses to be told how hard.

    Raises Failure: UNSUPPORTED_PARAMETER for what cannot be left out, INVALID_REQUEST for a malformed shape.
    """
    request = Fields.of_body(hub)
    omissions = Omissions(takes)
    changes = _parameters(request, omissions)
    changes |= _reasoning(request, omissions)
    if not reasons and (request.has("reasoning_effort") or "reasoning_effort" in changes):
        if changes.get("reasoning_effort", "") is not None:
            omissions.name("thinking" if request.has("thinking") else "reasoning_effort")
        changes["reasoning_effort"] = None
    changes |= plain_format(request, omissions)
    changes |= plain_tools(request, omissions)
    messages = plain_messages(request, omissions)
    if messages is not None:
        changes["messages"] = messages
    if not changes:
        return hub, omissions.named
    return _WRITER.encode(_changed(request.values, changes)), omissions.named


def _changed(values: Mapping[str, Raw], changes: _Changes) -> dict[str, object]:
    wanted: dict[str, object] = {**values, **changes}
    return {name: value for name, value in wanted.items() if value is not None}


def _parameters(request: Fields, omissions: Omissions) -> _Changes:
    changes: _Changes = {}
    for name, value in request.values.items():
        if omissions.spares(name):
            continue
        if name in _REFUSED and bytes(value) not in _NOTHING:
            raise unsayable(name, _REFUSED[name])
        if name in _NOTICED and bytes(value) not in _NOTHING:
            omissions.name(name)
        if name in _REFUSED or name in _NOTICED or name in _UNNOTICED:
            changes[name] = None
    if request.has("output_config") and not omissions.spares("output_config"):
        config = Fields.of(request.values["output_config"], "output_config")
        # The effort and the schema stand in the hub's own words beside it.
        if not {"effort", "format"}.issuperset(config.values):
            omissions.name("output_config")
    user = request.text("user") if request.size("user") > LONGEST_USER + 2 else None
    if user is not None and len(user) > LONGEST_USER:
        changes["user"] = sha256(user.encode(errors="replace")).hexdigest()
    return changes


def _reasoning(request: Fields, omissions: Omissions) -> _Changes:
    changes: _Changes = {}
    effort = request.text("reasoning_effort")
    if effort == "none" and request.has("thinking"):
        # Many models refuse to be told not to reason; with one that reasons, only tokens are lost.
        changes["reasoning_effort"] = effort = None
        if not omissions.spares("thinking"):
            omissions.name("thinking")
    raw = request.raw("reasoning")
    if raw is None:
        return changes if "reasoning" not in request.values else {**changes, "reasoning": None}
    asked = Fields.of(raw, "reasoning")
    if omissions.spares("reasoning"):
        return changes | (_as_one(asked, effort, omissions) if effort is not None else {})
    changes["reasoning"] = None
    if asked.flag("exclude"):
        omissions.name("thinking.display" if request.has("thinking") else "reasoning.exclude")
    if effort is None and not omissions.spares("thinking"):
        effort = _effort(asked)
        if effort == "none":
            omissions.name("reasoning")
        elif effort is not None:
            changes["reasoning_effort"] = effort
    return changes


def _as_one(asked: Fields, effort: str, omissions: Omissions) -> _Changes:
    """`reasoning` for a vendor that takes it, and refuses an effort beside it."""
    if asked.has("max_tokens"):
        omissions.name("reasoning_effort")
        return {"reasoning_effort": None}
    return {"reasoning_effort": None, "reasoning": {"effort": effort, **asked.values}}


def _effort(asked: Fields) -> str | None:
    """The effort that `reasoning` asks for; None where that is left to the model."""
    effort = asked.text("effort")
    if effort is not None or asked.flag("enabled") is False:
        return effort or "none"
    budget = asked.raw("max_tokens")
    if budget is None:
        return None
    tokens = _tokens(budget)
    return "low" if tokens <= LOW_BUDGET else "medium" if tokens <= MEDIUM_BUDGET else "high"


def _tokens(budget: bytes) -> int:
    try:
        return msgspec.json.decode(budget, type=int)
    except msgspec.MsgspecError:
        raise invalid("reasoning.max_tokens", "a number of tokens", kind(budget)) from None


_UNNOTICED = ("thinking", "output_config", "output_format", "betas", "anthropic_version")
"""What stands elsewhere too, or says nothing to another vendor."""
_NOTICED = ("top_k", "cache_control", "context_management", "speed", "diagnostics")
_REFUSED = {
    "mcp_servers": "Anthropic alone calls MCP servers by itself. Call them in the client, as tools.",
    "container": "only Anthropic runs code in containers. Leave it out.",
    "inference_geo": "it promises no place where requests are worked on. Leave it out.",
}
_NOTHING = (b"null", b"{}", b"[]", b'""', b'"standard"')
_WRITER = msgspec.json.Encoder()
