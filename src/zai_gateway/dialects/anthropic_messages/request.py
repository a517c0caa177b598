"""A request of the hub as Anthropic's Messages API takes it."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from zai_gateway.dialects.anthropic_messages.conversation import conversation
from zai_gateway.dialects.anthropic_messages.notes import Notes
from zai_gateway.dialects.anthropic_messages.reading import (
    NULL,
    Block,
    Written,
    is_given,
    read_given,
    read_object,
    unsupported,
)
from zai_gateway.dialects.anthropic_messages.sampling import sampling, stops
from zai_gateway.dialects.anthropic_messages.structure import must_answer, structure_of
from zai_gateway.dialects.anthropic_messages.thinking import Thinking, thinking_of
from zai_gateway.dialects.anthropic_messages.tools import choice_of, permitted, spoken, tools_of
from zai_gateway.dialects.anthropic_messages.unsaid import note_refused, note_unsaid
from zai_gateway.dialects.dialect import Encoded, EncodePlan
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.surrogates import legible

PATH = "/messages"
"""Behind the provider's base URL."""
COUNT_PATH = "/messages/count_tokens"
_LAST_RESORT = 4096
"""Output tokens, where nobody says a limit: Anthropic requires one, and every model makes as many."""
_VERSION = "anthropic_version"
"""Where the body says it (Vertex AI, Bedrock), the address names the model, and the body must not."""
_OWN = (
    *("context_management", "mcp_servers", "container", "inference_geo", "speed", "diagnostics"),
    "output_format",
)
"""Members that only Anthropic has, sent as they are."""
_COUNTED = frozenset(
    (
        *("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"),
        *("cache_control", "mcp_servers", "context_management", _VERSION),
    )
)
"""What a count of tokens takes of a request."""


def encode(request: ChatRequest, plan: EncodePlan) -> Encoded:
    """The request for an upstream that speaks Anthropic's Messages API.

    Raises Failure for what cannot be said to it: UNSUPPORTED_PARAMETER for what OpenAI's API knows and
    Anthropic's does not, INVALID_REQUEST for a malformed shape, each with the field at fault.
    """
    return _Writing(request, plan).encoded()


def encode_count(request: ChatRequest, plan: EncodePlan) -> Encoded:
    """The same request as a question for how many tokens go in (`POST /v1/messages/count_tokens`)."""
    writing = _Writing(request, plan)
    writing.write()
    # Here even Vertex AI and its like read the model in the body.
    body = {"model": plan.model} | {name: value for name, value in writing.body.items() if name in _COUNTED}
    return Encoded(body=_WRITER.encode(body), dropped=(), stop=())


class _Limit(Struct, frozen=True):
    tokens: int
    lowered: bool
    """Whether the client asked for more."""


class _Writing:
    """One request on its way."""

    def __init__(self, request: ChatRequest, plan: EncodePlan) -> None:
        self._request = request
        self._plan = plan
        self._notes = Notes()
        said = _members(request)
        self._values: Mapping[str, Raw] = {
            name: value for name, value in said.items() if name not in plan.drop
        }
        for name in said:
            if name in plan.drop:
                note_refused(name, said[name], self._notes)
        self._watched: tuple[str, ...] = ()
        self._answer_tool: str | None = None
        self.body: Block = {}

    def encoded(self) -> Encoded:
        self.write()
        return Encoded(
            body=_WRITER.encode(self.body),
            dropped=self._notes.dropped(self._request.values),
            stop=self._watched,
            answer_tool=self._answer_tool,
        )

    def write(self) -> None:
        """Fills the body, in the order in which prompts are cached: tools, system, messages."""
        values, notes, plan = self._values, self._notes, self._plan
        limit = self._limit()
        said = conversation(values.get("messages", NULL), notes, late_system=plan.late_system)
        lowered = limit.lowered
        thinking = thinking_of(values, limit.tokens, plan, notes, lowered=lowered)
        if said.resumes_unreasoned and _is_budget_of_ours(thinking):
            notes.drop("reasoning" if "reasoning" in values else "reasoning_effort")
            thinking = Thinking(None, None, False)
        if _VERSION not in dict(plan.extra):
            self.body["model"] = plan.model
        self.body["max_tokens"] = limit.tokens
        if self._request.stream:
            self.body["stream"] = True
        self._write_tools(thinking)
        if said.system:
            system: list[Written] = [*said.system]
            self.body["system"] = system
        turns: list[Written] = [{"role": turn.role, "content": [*turn.content]} for turn in said.turns]
        self.body["messages"] = turns
        if thinking.member is not None:
            self.body["thinking"] = thinking.member
        self.body |= sampling(values, plan, notes, thinking_on=thinking.on)
        sent, self._watched = stops(self._request, plan)
        if sent:
            self.body["stop_sequences"] = sent
        self._write_the_rest()

    def _limit(self) -> _Limit:
        asked, planned = self._request.output_limit, self._plan.output_limit
        if planned is not None:
            return _Limit(planned, asked is not None and planned < asked)
        return _Limit(asked or self._plan.most_output or _LAST_RESORT, False)

    def _write_tools(self, thinking: Thinking) -> None:
        values, plan = self._values, self._plan
        choice = choice_of(values.get("tool_choice", NULL))
        tools = tools_of(values.get("tools", NULL), self._notes, strict=plan.native_schema)
        tools = permitted(tools, choice)
        if thinking.on and choice.kind in ("any", "tool"):
            instead = "auto, or turn reasoning off" if plan.forced_tools else "auto"
            raise unsupported(
                "tool_choice",
                "Anthropic's models cannot be made to call a tool while they reason: set `tool_choice` to "
                f"{instead}.",
            )
        parallel = read_given(values.get("parallel_tool_calls", NULL), bool, "parallel_tool_calls")
        config = read_given(values.get("output_config", NULL), dict[str, Raw], "output_config") or {}
        # Anthropic's own words for it, where they stand too, say it better.
        shaped = "format" in config or is_given(values.get("output_format", NULL))
        wanted = NULL if shaped else values.get("response_format", NULL)
        structure = structure_of(wanted, tools, plan, thinking=thinking.on)
        answering = must_answer(structure, choice, tools)
        blocks: list[Written] = [tool.block for tool in tools]
        if answering is not None and structure.answer_tool is not None:
            blocks.append(structure.answer_tool)
            self._answer_tool = str(structure.answer_tool["name"])
            choice = answering
        if blocks:
            self.body["tools"] = blocks
            spoken_choice = spoken(choice, parallel=parallel is not False)
            if spoken_choice is not None:
                self.body["tool_choice"] = spoken_choice
        self._write_output_config({**config}, structure.format, thinking.effort)

    def _write_output_config(self, config: Block, form: Written, effort: str | None) -> None:
        if form is not None:
            config["format"] = form
        if effort is not None:
            config["effort"] = effort
        if config:
            self.body["output_config"] = config

    def _write_the_rest(self) -> None:
        values = self._values
        if is_given(values.get("cache_control", NULL)):
            self.body["cache_control"] = {**read_object(values["cache_control"], "cache_control")}
        for name in _OWN:
            if is_given(values.get(name, NULL)):
                self.body[name] = values[name]
        user = self._user()
        if user is not None:
            self.body["metadata"] = {"user_id": user}
        self._write_tier()
        extra = dict(self._plan.extra)
        for name, value in values.items():
            if name not in extra:
                note_unsaid(name, value, self._notes)
        for name, text in extra.items():
            self.body[name] = Raw(text)

    def _user(self) -> str | None:
        """Whom the client calls its user; of its other notes on the request Anthropic keeps none."""
        metadata = read_given(self._values.get("metadata", NULL), dict[str, Raw], "metadata") or {}
        for name in metadata:
            if name != "user_id":
                self._notes.drop("metadata")
        named = read_given(metadata.get("user_id", NULL), str, "metadata.user_id")
        for name in ("safety_identifier", "user"):
            named = read_given(self._values.get(name, NULL), str, name) or named
        return named

    def _write_tier(self) -> None:
        tier = self._plan.service_tier or read_given(
            self._values.get("service_tier", NULL), str, "service_tier"
        )
        if tier is None:
            return
        known = _TIERS.get(tier)
        if known is None:
            self._notes.drop("service_tier")
        else:
            self.body["service_tier"] = known


def _members(request: ChatRequest) -> Mapping[str, Raw]:
    """The body's members, with whole surrogates where it has half ones."""
    text = legible(request.body)
    return request.values if text is request.body else read_object(text, "")


def _is_budget_of_ours(thinking: Thinking) -> bool:
    return isinstance(thinking.member, dict) and thinking.member.get("type") == "enabled"


_TIERS = {
    "auto": "auto",
    "default": "standard_only",
    "standard": "standard_only",
    "standard_only": "standard_only",
}
_WRITER = msgspec.json.Encoder()
