"""What the tests of the OpenAI SDK send, sync or async: messages, a tool, an image, a shape to answer in."""

from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.chat.chat_completion_message_function_tool_call_param import Function
from pydantic import BaseModel

MODEL = "openai/gpt-5.4-mini"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
ASKED_FOR_WEATHER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "The weather in Chennai?"}]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
WITH_IMAGE: list[ChatCompletionMessageParam] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        ],
    }
]


class City(BaseModel):
    """A shape to answer in."""

    name: str
    inhabitants: int


def turn(call: str, arguments: str, result: str) -> list[ChatCompletionMessageParam]:
    """What follows a call of the tool in the conversation: the call with its id, and its result."""
    function: Function = {"name": "get_weather", "arguments": arguments}
    return [
        {"role": "assistant", "tool_calls": [{"id": call, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": call, "content": result},
    ]
