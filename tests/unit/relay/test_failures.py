"""An upstream's error in the gateway's own words: no part of a secret in it, and nothing without end."""

import pytest

from zai_gateway.relay.failures import refusal
from zai_gateway.wire.events import UpstreamProblem

SECRET = "sk-proj-Jb3kQz8vXw5tYr2uN7mP1RSYA"  # a stand-in, no real key


def told(message: str) -> str:
    return refusal(UpstreamProblem(status=401, message=message), "OpenAI", SECRET).message


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"Incorrect API key provided: {SECRET}.", "Incorrect API key provided: [redacted]."),
        (
            f"Incorrect API key provided: sk-proj-{'*' * 120}RSYA. You can find it at example.com.",
            "Incorrect API key provided: [redacted]. You can find it at example.com.",
        ),
        ("Invalid key (sk-pr***YA)", "Invalid key ([redacted])"),
        ("Invalid key 'sk-proj-...RSYA'", "Invalid key '[redacted]'"),
        ("Bearer ****1RSYA, refused", "Bearer [redacted], refused"),
        ("token=sk-proj-Jb3***", "token=[redacted]"),
        ("Cut inside it: sk-proj-Jb3kQz8…", "Cut inside it: [redacted]"),
    ],
)
def test_a_secret_is_struck_out_whole_masked_or_cut(said: str, kept: str) -> None:
    assert told(said) == f"OpenAI: {kept}"


@pytest.mark.parametrize("said", ["This is **bold** and ***.", "Wait...", "5 *** 6", "sk... and more…"])
def test_what_only_looks_like_a_mask_stays(said: str) -> None:
    assert told(said) == f"OpenAI: {said}"


def test_names_in_an_error_are_short_and_hold_no_secret() -> None:
    long = "x" * 190 + SECRET + "y" * 1_000_000
    failure = refusal(
        UpstreamProblem(status=400, message="No.", type=long, code=long, param=long), "OpenAI", SECRET
    )
    assert failure.upstream is not None
    for name in (failure.param, failure.upstream["type"], failure.upstream["code"]):
        assert isinstance(name, str)
        assert 190 <= len(name) <= 210
        assert "sk-proj" not in name
