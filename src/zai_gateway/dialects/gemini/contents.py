"""A conversation as Gemini's: `systemInstruction`, and `contents` that alternate between user and model."""

from zai_gateway.dialects.gemini.asked import MOST_ELEMENTS, Dropped, required_text, unsupported
from zai_gateway.dialects.gemini.media import content_parts
from zai_gateway.dialects.gemini.replay import Replay
from zai_gateway.dialects.gemini.results import Call, MediaPlaces, Result, result_of
from zai_gateway.dialects.gemini.traits import Traits
from zai_gateway.wire.fields import Fields, invalid
from zai_gateway.wire.values import Json


class Conversation:
    """What was said so far, as it is sent."""

    def __init__(self, traits: Traits, dropped: Dropped, *, on_vertex: bool) -> None:
        self._traits = traits
        self._on_vertex = on_vertex
        self._dropped = dropped
        self._calls: list[Call] = []
        self._results: list[Result] = []
        """Those that are not in `contents` yet: the results of one turn's calls stand together."""
        self.instructions: list[Json] = []
        """Parts of the system instruction: it has no place among the contents."""
        self.contents: list[Json] = []

    def add(self, message: Fields) -> None:
        """The next message. Raises Failure for what is malformed, or cannot be sent."""
        role = required_text(message, "role")
        if role in ("tool", "function"):
            self._results.append(self._result(message))
            return
        self.close()
        match role:
            case "system" | "developer":
                texts = self._texts(message)
                if texts and self.contents:
                    # It moves to the others in front.
                    self._dropped.note("messages.role")
                self.instructions += texts
            case "user":
                self._say("user", content_parts(message, self._dropped))
            case "assistant":
                if message.has("audio"):
                    raise unsupported(message.at("audio"), "Gemini knows no sound of an earlier answer.")
                replay = Replay(message, self._calls, self._dropped)
                self._say("model", replay.parts(self._traits.needs_signatures))
            case _:
                wanted = "system, developer, user, assistant or tool"
                raise invalid(message.at("role"), wanted, "another word")
        if message.has("name"):
            self._dropped.note("messages.name")

    def close(self) -> None:
        """Ends the results of a turn, in the order of their calls."""
        if self._results:
            ordered = sorted(self._results, key=lambda result: result.position)
            self._results = []
            self._say("user", [part for result in ordered for part in result.parts])

    def _result(self, message: Fields) -> Result:
        inside = self._traits.media_in_results
        places = MediaPlaces(blobs=inside, files=inside and self._on_vertex)
        return result_of(message, self._calls, places, self._dropped)

    def _texts(self, message: Fields) -> list[Json]:
        parts = content_parts(message, self._dropped)
        for index, part in enumerate(parts):
            if "text" not in part:
                path = f"{message.at('content')}[{index}]"
                raise unsupported(path, f"`{path}` must be text: Gemini's instructions hold nothing else.")
        return list[Json](parts)

    def _say(self, role: str, parts: list[dict[str, Json]]) -> None:
        # Gemini refuses a content without parts; a message without any says nothing.
        if parts:
            self.contents.append({"role": role, "parts": list[Json](parts)})


def conversation_of(body: Fields, traits: Traits, dropped: Dropped, *, on_vertex: bool) -> Conversation:
    """The messages of a request. Raises Failure for what is malformed, or cannot be sent."""
    conversation = Conversation(traits, dropped, on_vertex=on_vertex)
    for message in body.objects("messages", MOST_ELEMENTS) or []:
        conversation.add(message)
    conversation.close()
    if not conversation.contents:
        raise unsupported("messages", "Gemini answers nothing but instructions: add a message of the user's.")
    return conversation
