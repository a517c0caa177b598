"""The voice of one request for embeddings: what stands between it and an upstream of either dialect."""

from collections.abc import Callable

from zai_gateway.dialects import gemini, openai_embeddings
from zai_gateway.dialects.dialect import Decoder, Encoded, EncodePlan, StreamPlan
from zai_gateway.dialects.gemini.embedding import (
    Asked,
    decode_embeddings,
    encode_embeddings,
    encode_one_embedding,
    read_embeddings,
)
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat import Habits
from zai_gateway.dialects.problem import decode_error
from zai_gateway.providers.provider import Dialect
from zai_gateway.relay.route import Route
from zai_gateway.relay.voices import Voice
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.embeddings import EmbeddingRequest
from zai_gateway.wire.events import Answer, Reported, UpstreamProblem

_ONE_TEXT = ":embedContent"
_PREDICTION = ":predict"


def embedding_voice(
    request: EmbeddingRequest, route: Route, url: str, on_estimate: Callable[[], None]
) -> Voice:
    """What says `request` at `url`; `on_estimate` is called where the answer does not say what it used.

    Raises Failure for what the dialect of `route` cannot express.
    """
    if route.dialect is Dialect.GEMINI:
        return _Gemini(read_embeddings(request.body), url, on_estimate)
    return _Passed(request, on_estimate)


class _Whole:
    """What never is streamed."""

    def __init__(self, on_estimate: Callable[[], None]) -> None:
        self._on_estimate = on_estimate

    def marked(self, answer: Answer | UpstreamProblem) -> Answer | UpstreamProblem:
        """The answer, marked where its usage is an estimate."""
        if isinstance(answer, Answer) and answer.reported is None:
            self._on_estimate()
        return answer

    def decoder(self, _naming: Naming, _plan: StreamPlan, _habits: Habits) -> Decoder:
        raise AssertionError("embeddings are never streamed")

    def ending(self, _decoder: Decoder, _plan: StreamPlan, _reported: Reported | None) -> bytes:
        raise AssertionError("embeddings are never streamed")


class _Passed(_Whole):
    """To OpenAI's dialect: bytes pass through."""

    error = staticmethod(decode_error)

    def __init__(self, request: EmbeddingRequest, on_estimate: Callable[[], None]) -> None:
        super().__init__(on_estimate)
        self._request = request

    def encode(self, _request: ChatRequest, plan: EncodePlan) -> Encoded:
        return openai_embeddings.encode(self._request, plan.model)

    def answer(self, body: bytes, naming: Naming, plan: StreamPlan) -> Answer | UpstreamProblem:
        return self.marked(openai_embeddings.decode_answer(body, self._request, naming.model, plan.counting))


class _Gemini(_Whole):
    """To Gemini, or to Vertex AI by whichever method the address names."""

    error = staticmethod(gemini.decode_error)

    def __init__(self, asked: Asked, url: str, on_estimate: Callable[[], None]) -> None:
        super().__init__(on_estimate)
        self._asked = asked
        self._url = url

    def encode(self, _request: ChatRequest, plan: EncodePlan) -> Encoded:
        asked = self._asked
        if self._url.endswith(_ONE_TEXT):
            body = encode_one_embedding(asked)
        else:
            body = encode_embeddings(asked, plan.model, vertex=self._url.endswith(_PREDICTION))
        return Encoded(body=body, dropped=asked.dropped, stop=())

    def answer(self, body: bytes, naming: Naming, _plan: StreamPlan) -> Answer | UpstreamProblem:
        return self.marked(decode_embeddings(body, self._asked, naming.model))
