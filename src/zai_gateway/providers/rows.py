"""The rows in the order in which they are listed: one for each vendor, `custom` and the demo."""

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
    *(OPENAI, AZURE, OPENROUTER, GROQ, MISTRAL, DEEPSEEK, XAI, TOGETHER, FIREWORKS, CEREBRAS, PERPLEXITY),
    *(NVIDIA, SAMBANOVA, MOONSHOT, ZHIPU, ALIBABA, HUGGINGFACE),
    *(OLLAMA, VLLM, LMSTUDIO, LLAMACPP, CUSTOM, DEMO),
)
