"""Where a field stands, in the words of Anthropic's own errors: `messages.0.content.1.source`."""

import re

from zai_gateway.errors import Code, Failure


def in_anthropics_words(failure: Failure) -> Failure:
    """The same refusal with its field's path as Anthropic writes it, dots in the place of brackets."""
    if failure.param is None or "[" not in failure.param:
        return failure
    path = _INDEX.sub(r".\1", failure.param)
    message = failure.message.replace(f"`{failure.param}`", f"`{path}`")
    return Failure(failure.code, message, param=path)


def unknown(path: str) -> Failure:
    """The refusal of a member that Anthropic's API does not have, and that means something else here."""
    return Failure(Code.INVALID_REQUEST, f"`{path}` is no field of Anthropic's Messages API.", param=path)


_INDEX = re.compile(r"\[([0-9]+)\]")
