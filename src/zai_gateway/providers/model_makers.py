"""Vendors that serve models of their own."""

from zai_gateway.providers.common import AS_OPENAI, CLAUDES_OWN, OPEN_ENDED, ROUTING
from zai_gateway.providers.provider import Auth, Dialect, Provider, Surface
from zai_gateway.wire.usage import Counting, Statement

OPENAI = Provider(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    keys_url="https://platform.openai.com/api-keys",
    key_variable="OPENAI_API_KEY",
    limit_names=("max_completion_tokens", "max_tokens"),
    counting=AS_OPENAI,
    standard_tier="default",
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("Reasoning models refuse `max_tokens`, `temperature`, `top_p` and `stop`.",),
)
ANTHROPIC = Provider(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com/v1",
    auth=Auth.X_API_KEY,
    headers=(("anthropic-version", "2023-06-01"),),
    dialect=Dialect.ANTHROPIC_MESSAGES,
    keys_url="https://platform.claude.com/settings/keys",
    key_variable="ANTHROPIC_API_KEY",
    models_path="/models?limit=1000",
    # Where it runs (`inference_geo`) may cost more, and haste does.
    never_sent=(*ROUTING, *CLAUDES_OWN),
    # Tools of other servers, and containers in which code runs by the hour.
    unbounded=(*OPEN_ENDED, "mcp_servers", "container"),
    quirks=(
        "What its cache gave and took stands beside `input_tokens`; writes have one of two lifetimes.",
        "Thinking is among `output_tokens`, and within the limit, which every request has to have.",
        "Which models take a budget for it, an effort, or always think: `thinking` in the catalogue.",
        "Models since 4.7 refuse `temperature`, `top_p` and `top_k`; those from 4.1 to 4.6 take one of two.",
        "An account that keeps its requests in the US by default pays 10 % more: set a price of your own.",
    ),
)
AZURE = Provider(
    name="azure",
    title="Azure OpenAI",
    base_url="",
    address_hint="https://RESOURCE.openai.azure.com",
    surface=Surface.AZURE,
    auth=Auth.API_KEY,
    keys_url="https://ai.azure.com",
    key_variable="AZURE_OPENAI_API_KEY",
    address_variable="AZURE_OPENAI_ENDPOINT",
    # Its list names what could be deployed, not what is.
    models_path=None,
    # As at xAI itself; no recording shows otherwise.
    limit_passed_by=("grok-*",),
    limit_kept_by=("*-non-reasoning*",),
    # A deployment may be set to another one.
    standard_tier="default",
    never_sent=ROUTING,
    unbounded=(*OPEN_ENDED, "data_sources"),
    quirks=(
        "A model is called by the name of its deployment.",
        "`https://RESOURCE.openai.azure.com` stands for its v1 surface.",
        "`.../openai/deployments` and `https://RESOURCE.services.ai.azure.com/models` are older surfaces.",
        "A stream begins with a chunk without choices: the verdict of its content filter.",
        "An answer that the filter stopped has no message.",
        "Grok there reports more cached tokens than its prompt has, and a bill of zero: neither is believed.",
    ),
)
MISTRAL = Provider(
    name="mistral",
    title="Mistral",
    base_url="https://api.mistral.ai/v1",
    keys_url="https://console.mistral.ai/api-keys",
    key_variable="MISTRAL_API_KEY",
    # Its specification allows no fields beside its own, and has none for usage, which it gives unasked.
    asks_stream_usage=False,
    limit_names=("max_tokens",),
    counting=AS_OPENAI,
    never_sent=ROUTING,
    unbounded=(*OPEN_ENDED, "guardrails"),
    quirks=(
        "It refuses fields that it does not know, `stream_options` among them, and gives usage unasked.",
        "Reasoning models answer in parts: `content` is a list.",
        "The tokens of sound that went in stand in the total, not among `prompt_tokens`.",
    ),
)
DEEPSEEK = Provider(
    name="deepseek",
    title="DeepSeek",
    base_url="https://api.deepseek.com",
    keys_url="https://platform.deepseek.com/api_keys",
    key_variable="DEEPSEEK_API_KEY",
    limit_names=("max_tokens",),
    counting=AS_OPENAI,
    understands=frozenset({"reasoning_content"}),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("Cached tokens stand in `prompt_cache_hit_tokens`, at times nowhere else.",),
)
XAI = Provider(
    name="xai",
    title="xAI",
    base_url="https://api.x.ai/v1",
    keys_url="https://console.x.ai",
    key_variable="XAI_API_KEY",
    limit_names=("max_completion_tokens", "max_tokens"),
    # https://docs.x.ai/developers/cost-tracking: what was charged after all discounts, 10^10 ticks a USD.
    counting=Counting(
        reasoning_apart=True,
        cache_apart=False,
        statement=Statement(path=("cost_in_usd_ticks",), parts_per_usd=10**10),
    ),
    bills_by_statement=True,
    understands=frozenset({"strict"}),
    limit_honoured=False,
    limit_kept_by=("*-non-reasoning*",),
    # A deferred answer is billed without being given.
    never_sent=(*ROUTING, "deferred"),
    unbounded=(*OPEN_ENDED, "search_parameters"),
    quirks=(
        "`completion_tokens` leaves reasoning out; the total counts it.",
        "Every chunk of a stream carries the usage so far.",
        "An output limit bounds what is shown, not the reasoning before it.",
    ),
)
PERPLEXITY = Provider(
    name="perplexity",
    title="Perplexity",
    base_url="https://api.perplexity.ai",
    keys_url="https://console.perplexity.ai",
    key_variable="PERPLEXITY_API_KEY",
    # What stands there are the models of its other interface.
    models_path=None,
    key_path="/v1/models",
    limit_names=("max_tokens",),
    counting=Counting(
        reasoning_apart=True, cache_apart=False, statement=Statement(path=("cost", "total_cost"))
    ),
    bills_by_statement=True,
    never_sent=ROUTING,
    unbounded=(*OPEN_ENDED, "search_mode", "search_type"),
    # Its worst case has the fee of the largest context; what a `search_type` of `pro` reads has no bound.
    covered={"web_search_options": ("search_context_size", "user_location")},
    quirks=(
        "Each request has a fee beside its tokens, which grows with the search context that is asked for.",
        "`citation_tokens` (what it read on the way) and `reasoning_tokens` stand beside the other counts.",
        "It states its bill in steps of 0.00001 USD.",
        "It announced the end of its chat completions for September 2026.",
    ),
)
MOONSHOT = Provider(
    name="moonshot",
    title="Moonshot AI",
    base_url="https://api.moonshot.ai/v1",
    keys_url="https://platform.moonshot.ai/console/api-keys",
    key_variable="MOONSHOT_API_KEY",
    counting=AS_OPENAI,
    understands=frozenset({"reasoning_content"}),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("Cached tokens stand in `cached_tokens`; in a stream the usage may stand inside the choice.",),
)
ZHIPU = Provider(
    name="zhipu",
    title="Zhipu (Z.ai)",
    base_url="https://api.z.ai/api/paas/v4",
    keys_url="https://z.ai/manage-apikey/apikey-list",
    key_variable="ZHIPU_API_KEY",
    limit_names=("max_tokens",),
    counting=AS_OPENAI,
    understands=frozenset({"reasoning_content"}),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("A coding plan has an address of its own: `https://api.z.ai/api/coding/paas/v4`.",),
)
ALIBABA = Provider(
    name="alibaba",
    title="Alibaba Cloud",
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    keys_url="https://modelstudio.console.alibabacloud.com",
    key_variable="DASHSCOPE_API_KEY",
    limit_names=("max_tokens", "max_completion_tokens"),
    counting=AS_OPENAI,
    understands=frozenset({"reasoning_content"}),
    never_sent=ROUTING,
    unbounded=(
        *OPEN_ENDED,
        *("enable_search", "search_options", "enable_code_interpreter", "vl_high_resolution_images"),
    ),
    quirks=("Writes to its explicit cache stand in `prompt_tokens_details.cache_creation_input_tokens`.",),
)
