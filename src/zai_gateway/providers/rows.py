"""The rows in the order in which they are listed: one for each vendor, `custom` and the demo."""

from zai_gateway.providers.google import GEMINI, VERTEX
from zai_gateway.providers.model_hosts import (
    CEREBRAS,
    FIREWORKS,
    GROQ,
    HUGGINGFACE,
    NVIDIA,
    OPENROUTER,
    SAMBANOVA,
    TOGETHER,
)
from zai_gateway.providers.model_makers import (
    ALIBABA,
    ANTHROPIC,
    AZURE,
    DEEPSEEK,
    MISTRAL,
    MOONSHOT,
    OPENAI,
    PERPLEXITY,
    XAI,
    ZHIPU,
)
from zai_gateway.providers.own_machines import CUSTOM, DEMO, LLAMACPP, LMSTUDIO, OLLAMA, VLLM

PROVIDERS = (
    *(OPENAI, ANTHROPIC, GEMINI, VERTEX, AZURE),
    *(OPENROUTER, GROQ, MISTRAL, DEEPSEEK, XAI, TOGETHER, FIREWORKS, CEREBRAS, PERPLEXITY),
    *(NVIDIA, SAMBANOVA, MOONSHOT, ZHIPU, ALIBABA, HUGGINGFACE),
    *(OLLAMA, VLLM, LMSTUDIO, LLAMACPP, CUSTOM, DEMO),
)

MAKERS = (
    *(OPENAI, ANTHROPIC, GEMINI, VERTEX, AZURE, MISTRAL),
    *(DEEPSEEK, XAI, PERPLEXITY, MOONSHOT, ZHIPU, ALIBABA),
)
"""Those that serve models of their own."""
HOSTS = (OPENROUTER, GROQ, TOGETHER, FIREWORKS, CEREBRAS, NVIDIA, SAMBANOVA, HUGGINGFACE)
"""Those that serve models of others."""
OWN = (OLLAMA, VLLM, LMSTUDIO, LLAMACPP, CUSTOM, DEMO)
"""Those that run wherever one wants them."""
