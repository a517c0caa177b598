"""The table of errors: every code has its row, its type and its paragraph, and retries get true advice."""

import re
from pathlib import Path

import msgspec
import pytest

from zai_gateway.edge.error_table import TABLE, error_page, page_for
from zai_gateway.edge.page import Page
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.failure import STATUSES, TYPES, error_event, error_object
from zai_gateway.wire.fronts import Front

DOCS = Path(__file__).parents[3] / "docs" / "errors.md"


def page(failure: Failure) -> tuple[Page, dict[str, str]]:
    made = error_page(failure)
    return made, dict(made.headers)


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_status_a_type_and_one_shape(code: Code) -> None:
    made, headers = page(Failure(code, "It broke.", param="model", detail="Short"))
    assert made.status == STATUSES[code]
    assert headers["content-type"] == "application/json"
    assert msgspec.json.decode(made.body) == {
        "detail": "Short",
        "error": {"message": "It broke.", "type": TYPES[code], "param": "model", "code": code.value},
    }


def test_the_documentation_has_every_code_with_its_status_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{3})\b", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted((code.value, str(status)) for code, status in STATUSES.items())


@pytest.mark.parametrize("code", Code)
def test_sdks_are_told_not_to_retry_what_cannot_succeed(code: Code) -> None:
    _, headers = page(Failure(code, "It broke."))
    status = STATUSES[code]
    sdks_retry = status in (408, 409, 429) or status >= 500
    helps = TABLE[code].retry_helps
    assert headers.get("x-should-retry") == ("false" if sdks_retry and not helps else None)


@pytest.mark.parametrize("code", [Code.BUDGET_BUSY, Code.STORE_UNAVAILABLE, Code.SHUTTING_DOWN])
def test_a_refusal_for_the_moment_says_for_how_long(code: Code) -> None:
    assert page(Failure(code, "Later."))[1]["retry-after"] == "1"


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (0.12, {"retry-after": "1", "retry-after-ms": "120"}),
        (0.0001, {"retry-after": "1", "retry-after-ms": "1"}),
        (1.0, {"retry-after": "1"}),
        (1.2, {"retry-after": "2"}),
        (60, {"retry-after": "60"}),
        (60.1, {"retry-after": "61", "x-should-retry": "false"}),
        (86_400, {"retry-after": "86400", "x-should-retry": "false"}),
        (0, {}),
        (-5, {}),
        (float("inf"), {}),
        (float("nan"), {}),
    ],
)
def test_a_wait_becomes_headers(wait: float, expected: dict[str, str]) -> None:
    _, headers = page(Failure(Code.UPSTREAM_RATE_LIMITED, "Later.", retry_after=wait))
    assert {name: value for name, value in headers.items() if name != "content-type"} == expected


def test_what_is_larger_than_its_rate_limit_is_not_tried_again() -> None:
    _, headers = page(Failure(Code.RATE_LIMITED, "Too large.", retry_after=float("inf")))
    assert headers == {"content-type": "application/json", "x-should-retry": "false"}


def test_notices_stand_beside_the_advice() -> None:
    failure = Failure(Code.RATE_LIMITED, "Later.", retry_after=2)
    failure.notices = (("x-ratelimit-limit-requests", "5"),)
    assert page(failure)[1].items() >= {("retry-after", "2"), ("x-ratelimit-limit-requests", "5")}
    plain = Failure(Code.UPSTREAM_REFUSED, "No.")
    plain.notices = failure.notices
    assert page(plain)[1]["x-ratelimit-limit-requests"] == "5"


def test_a_long_wait_without_a_status_that_is_retried_is_only_a_wait() -> None:
    _, headers = page(Failure(Code.SPEND_CAP_REACHED, "Spent.", retry_after=3_600))
    assert headers["retry-after"] == "3600"
    assert "x-should-retry" not in headers


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_an_upstreams_status_is_kept(status: int) -> None:
    failure = Failure(Code.UPSTREAM_REFUSED, "openai: no.")
    failure.status = status
    failure.upstream = {"status": status, "type": "invalid_request_error", "code": None}
    made, _ = page(failure)
    assert made.status == status
    assert msgspec.json.decode(made.body)["error"]["upstream"] == {
        "status": status,
        "type": "invalid_request_error",
        "code": None,
    }


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Code.UPSTREAM_FAILED, {"status": 401, "type": None, "code": "invalid_api_key"}),
        (Code.UPSTREAM_FAILED, {"status": 402, "type": None, "code": None}),
        (Code.UPSTREAM_FAILED, {"status": 403, "type": None, "code": None}),
        (Code.UPSTREAM_RATE_LIMITED, {"status": 429, "type": None, "code": "insufficient_quota"}),
    ],
)
def test_what_only_the_workspaces_owner_can_mend_is_not_retried(
    code: Code, said: dict[str, str | int | None]
) -> None:
    failure = Failure(code, "openai: no.")
    failure.upstream = said
    assert page(failure)[1]["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 405, 406, 410, 411, 415, 421, 422, 424, 451, 499]
)
def test_what_an_upstream_would_refuse_again_is_not_retried(status: int) -> None:
    failure = Failure(Code.UPSTREAM_FAILED, "openai: no.")
    failure.upstream = {"status": status, "type": None, "code": None}
    made, headers = page(failure)
    assert (made.status, headers["x-should-retry"]) == (502, "false")


@pytest.mark.parametrize("status", [None, 200, 408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_passes_by_itself_is_retried(status: int | None) -> None:
    failure = Failure(Code.UPSTREAM_FAILED, "openai: oh.")
    failure.upstream = {"status": status, "type": "server_error", "code": None}
    assert "x-should-retry" not in page(failure)[1]


def test_a_401_says_how_to_authenticate() -> None:
    assert page(Failure(Code.INVALID_API_KEY, "Invalid API key"))[1]["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("code", Code)
def test_anthropics_clients_get_their_shape_and_the_same_advice(code: Code) -> None:
    failure = Failure(code, "It broke.", param="model", retry_after=0.5)
    failure.notices = (("x-ratelimit-limit-requests", "5"),)
    made = page_for(Front.ANTHROPIC, failure, "req_1")
    assert made.status == STATUSES[code]
    told = msgspec.json.decode(made.body)
    assert sorted(told) == ["error", "request_id", "type"]
    assert (told["type"], told["request_id"]) == ("error", "req_1")
    assert sorted(told["error"]) == ["message", "type"]
    assert dict(made.headers) == {**page(failure)[1], "request-id": "req_1"}
    assert page_for(Front.OPENAI, failure, "req_1").headers == error_page(failure).headers


def test_the_event_of_a_stream_holds_the_same_object_as_the_body() -> None:
    failure = Failure(Code.UPSTREAM_FAILED, 'a "quoted"\nline', param="x")
    failure.upstream = {"status": 500}
    event = error_event(failure)
    assert b"\n" not in event
    assert msgspec.json.decode(event) == {"error": msgspec.to_builtins(error_object(failure))}
    assert msgspec.json.decode(event)["error"] == msgspec.json.decode(error_page(failure).body)["error"]
