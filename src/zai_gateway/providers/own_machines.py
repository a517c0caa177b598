"""Servers that people run themselves, custom providers, and the demo."""

from zai_gateway.providers.common import OPEN_ENDED, ROUTING
from zai_gateway.providers.provider import Auth, Provider, Surface
from zai_gateway.wire.usage import Counting

OLLAMA = Provider(
    name="ollama",
    title="Ollama",
    base_url="http://127.0.0.1:11434/v1",
    key_optional=True,
    local=True,
    keys_url="https://ollama.com",
    key_variable="OLLAMA_API_KEY",
    limit_names=("max_tokens",),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=("Its cloud is at `https://ollama.com/v1`, and needs a key.",),
)
VLLM = Provider(
    name="vllm",
    title="vLLM",
    base_url="http://127.0.0.1:8000/v1",
    key_optional=True,
    local=True,
    keys_url="https://docs.vllm.ai",
    understands=frozenset({"reasoning_content", "top_k"}),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
)
LMSTUDIO = Provider(
    name="lmstudio",
    title="LM Studio",
    base_url="http://127.0.0.1:1234/v1",
    key_optional=True,
    local=True,
    keys_url="https://lmstudio.ai/docs",
    limit_names=("max_tokens",),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
)
LLAMACPP = Provider(
    name="llamacpp",
    title="llama.cpp",
    base_url="http://127.0.0.1:8080/v1",
    key_optional=True,
    local=True,
    keys_url="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    limit_names=("max_tokens", "max_completion_tokens"),
    counting=Counting(cache_apart=False),
    understands=frozenset({"reasoning_content", "top_k"}),
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=(
        "Its list of models is public, even where it wants a key.",
        "Some refusals of a request have the status 500.",
    ),
)
CUSTOM = Provider(
    name="custom",
    title="Custom",
    base_url="",
    address_hint="https://HOST/v1",
    key_optional=True,
    never_sent=ROUTING,
    unbounded=OPEN_ENDED,
    quirks=(
        "Any server of this dialect, and any number of them, each under a prefix of its own.",
        "Where its counts contradict each other, the dearer reading is booked.",
    ),
)
DEMO = Provider(
    name="demo",
    title="Demo",
    base_url="demo:",
    surface=Surface.DEMO,
    auth=Auth.NONE,
    models_path=None,
    key_path=None,
    never_sent=ROUTING,
    quirks=("In the gateway itself, free, and always there.",),
)
