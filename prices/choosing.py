"""Choosing: which of the listed models are text chat models or make embeddings of text, and which neither."""

import re
from typing import Any

from models_dev_source import modalities

_OTHER_PRICES = {"audio", "search"}
"""Words in the names of OpenAI's chat models whose answers have fees or tokens beyond the text's."""

_EMBEDS = re.compile(r"(^|[^a-z])embed(ding|dings)?([^a-z]|$)")
"""In the names of models that make embeddings, where no source says what a model does."""

_NOT_CHAT = re.compile(
    r"(^|[^a-z])(embed\w*|embedqa|embedcode|bge|gte|rerank\w*|retriever|nemoretriever|whisper|parakeet|tts|stt|asr"
    r"|ocr|transcri\w+|livetranslate|moderation|realtime|voice\w*|audio|speech|orpheus|lyria|imagine|image\w*|flux"
    r"|diffusion|veo|sora|video|imagen|esm2|esmfold|detection|bevformer|cosmos|pii|decider"
    r"|davinci|babbage|ada|curie|computer-use|robotics)([^a-z]|$)"
)
"""Words in the names of models that are no chat models, where no source says so."""


def embeds(id: str, litellm: dict[str, Any]) -> bool:
    """Whether the model makes embeddings of text, by LiteLLM's record of it, or by its name without one."""
    if litellm:
        return litellm.get("mode") == "embedding"
    return _EMBEDS.search(id.lower()) is not None


def left_out(vendor: str, id: str, litellm: dict[str, Any], models_dev: dict[str, Any]) -> str | None:
    """Why the model is not in the catalogue; None where it is. The rows are the sources' records of it."""
    if litellm and litellm.get("mode") not in ("chat", "embedding"):
        return f"mode {litellm.get('mode')}"
    return None if embeds(id, litellm) else _no_text_chat(vendor, id, litellm, models_dev)


def _no_text_chat(vendor: str, id: str, litellm: dict[str, Any], models_dev: dict[str, Any]) -> str | None:
    if id.startswith("ft:"):
        return "a fine-tuned model bears its owner's name"
    endpoints: list[str] | None = litellm.get("supported_endpoints")
    if endpoints is not None and "/v1/chat/completions" not in endpoints:
        return "not at /v1/chat/completions"
    if vendor in ("openai", "azure") and _OTHER_PRICES & set(id.split("-")):
        return "has fees or tokens beyond the text's"
    answers = modalities(models_dev, "output")
    if answers not in ((), ("text",)):
        return f"answers in {', '.join(answers)}"
    if vendor != "openai" and _NOT_CHAT.search(id.lower()):
        return "no chat model, by its name"
    if vendor == "openai" and not litellm.get("max_input_tokens"):
        return "no source gives its limits"
    return None
