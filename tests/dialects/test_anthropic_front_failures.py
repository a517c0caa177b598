"""Failures as Anthropic's clients read them."""

import json

import pytest

from tests.dialects.anthropic_clients import faults
from zai_gateway.dialects.anthropic_front import error_body
from zai_gateway.dialects.anthropic_front.paths import in_anthropics_words
from zai_gateway.errors import Code, Failure


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_the_type_goes_by_the_status(status: int, kind: str) -> None:
    told = json.loads(error_body(Failure(Code.UPSTREAM_FAILED, "No."), status, "req_1"))
    assert told == {"type": "error", "error": {"type": kind, "message": "No."}, "request_id": "req_1"}
    if kind != "request_too_large":  # the API's documentation knows it, the SDK does not declare it
        assert faults("ErrorResponse", told) == []


def test_a_prompt_that_is_too_long_is_called_so() -> None:
    failure = Failure(Code.CONTEXT_LENGTH_EXCEEDED, "This model takes 10 tokens.")
    told = json.loads(error_body(failure, 400, None))
    assert told["error"]["message"] == "prompt is too long: This model takes 10 tokens."
    own = Failure(Code.CONTEXT_LENGTH_EXCEEDED, "Prompt is too long: 9 > 8")
    assert json.loads(error_body(own, 400, None))["error"]["message"] == "Prompt is too long: 9 > 8"


def test_paths_have_dots() -> None:
    failure = Failure(Code.INVALID_REQUEST, "`a[0].b[12]` must be x.", param="a[0].b[12]")
    told = in_anthropics_words(failure)
    assert (told.param, told.message) == ("a.0.b.12", "`a.0.b.12` must be x.")


@pytest.mark.parametrize("status", [503, 529])
def test_a_provider_that_is_overloaded_is_called_so_whatever_the_status_is_here(status: int) -> None:
    failure = Failure(Code.UPSTREAM_FAILED, "Overloaded.")
    failure.upstream = {"status": status}
    assert json.loads(error_body(failure, 502, None))["error"]["type"] == "overloaded_error"
