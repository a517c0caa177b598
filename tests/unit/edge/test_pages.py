"""What can be read at the door: models, identity, health; and HEAD for each of them."""

from collections.abc import Iterator

import pytest

from tests.unit.edge.behind import MODELS, Behind, caller, standing
from tests.unit.edge.served import Served, served
from zai_gateway.edge.paths import PATHS
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.budgets import Budget, Period, window_start
from zai_gateway.spend.store import Standing

NOTHING_KNOWN = dict.fromkeys(
    (
        *("context_window", "max_output_tokens", "input_modalities", "output_modalities"),
        *("price", "priced_by"),
    )
)


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    with served(behind) as running:
        yield running


@pytest.mark.parametrize("path", [path for path, methods in PATHS.items() if "HEAD" in methods])
def test_head_gives_the_headers_of_get_without_its_body(path: str, door: Served) -> None:
    path = path.replace("{id}", "openai/gpt-5.4")
    head, get = door.get(path, method="HEAD"), door.get(path)
    assert (head.status, head.body) == (get.status, b"")
    assert get.status == 200
    assert _but_for_the_id(head.headers) == _but_for_the_id(get.headers)


def _but_for_the_id(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [row for row in headers if row[0] not in ("x-request-id", "date")]


@pytest.mark.parametrize("id", ["openai/gpt-5.4", "openai%2Fgpt-5.4", "openai%2fgpt%2D5.4", "gpt-5.4"])
def test_a_model_is_found_by_its_plain_and_its_encoded_id(id: str, door: Served) -> None:
    got = door.get(f"/v1/models/{id}")
    assert (got.status, got.json()["id"]) == (200, "openai/gpt-5.4")


def test_an_id_with_more_slashes_and_spaces_is_found_too(door: Served) -> None:
    assert door.get("/v1/models/openai%2Fo9%2Fdeep%20research").json()["id"] == "openai/o9/deep research"
    assert door.get("/v1/models/openai/o9/deep%20research?x=y").json()["id"] == "openai/o9/deep research"


def test_health_needs_no_key_and_readiness_follows_the_directory(door: Served, behind: Behind) -> None:
    assert door.get("/healthz", headers="").json() == {"status": "ok"}
    assert door.get("/readyz", headers="").json() == {"status": "ready"}
    behind.callers.ready = False
    refused = door.get("/readyz", headers="")
    assert (refused.status, refused.json()["error"]["code"]) == (503, "store_unavailable")
    assert door.get("/healthz", headers="").status == 200


def test_a_store_that_is_down_is_a_503_that_says_when_to_come_back(door: Served, behind: Behind) -> None:
    behind.standings.trouble = StoreUnavailable()
    got = door.get("/v1/me")
    assert (got.status, got.json()["error"]["code"]) == (503, "store_unavailable")
    assert got.header("retry-after") == "1"


def test_me_is_the_references_block(door: Served) -> None:
    expected = {
        "auth": "api_key",
        "org": {
            "id": "ws_1",
            "name": "My Workspace",
            "slug": "my-ws",
            "rate_limits": {"rpm": None, "tpm": None, "concurrency": None},
        },
        "api_key": {
            "id": "key_1",
            "name": "production-key",
            "prefix": "zk_live_0PkU",
            "spend_micro_usd": 18234,
            "spend_cap_micro_usd": 5000000,
            "fallback_model": "openai/gpt-5.4-mini",
            "spend_period": "total",
            "spend_resets_at": None,
            "unconfirmed_micro_usd": 0,
            "rate_limits": {"rpm": None, "tpm": None, "concurrency": None},
        },
    }
    assert door.get("/v1/me").json() == door.get("/v1/whoami").json() == expected


def test_me_answers_over_the_cap_and_has_nulls_where_there_is_nothing() -> None:
    behind = Behind(known=caller(cap=None, fallback=None))
    behind.standings.rows = (standing(9_000_000_000, risk=5, held=7), standing(1, budget="another"))
    with served(behind) as door:
        block = door.get("/v1/me").json()["api_key"]
    assert block["spend_micro_usd"] == 9_000_000
    assert block["spend_cap_micro_usd"] is None
    assert block["fallback_model"] is None
    # Rounded up, as every amount is: never less than the caps count.
    assert block["unconfirmed_micro_usd"] == 1


@pytest.mark.parametrize(
    ("period", "resets_at"),
    [
        (Period.TOTAL, None),
        (Period.DAILY, "2026-01-02T00:00:00Z"),
        (Period.WEEKLY, "2026-01-05T00:00:00Z"),
        (Period.MONTHLY, "2026-02-01T00:00:00Z"),
    ],
)
def test_me_says_when_the_cap_counts_anew(
    period: Period, resets_at: str | None, door: Served, behind: Behind
) -> None:
    noon = 1_767_268_800_000  # 2026-01-01 12:00 UTC, a Thursday
    budget = Budget(id="bud_1", owner="key_1", period=period)
    behind.standings.rows = (Standing(budget, window_start(period, noon), spent=1, risk=0, held=0),)
    block = door.get("/v1/me").json()["api_key"]
    assert (block["spend_period"], block["spend_resets_at"]) == (period.value, resets_at)


def test_me_is_zero_before_anything_was_spent(door: Served, behind: Behind) -> None:
    behind.standings.rows = ()
    assert door.get("/v1/me").json()["api_key"]["spend_micro_usd"] == 0


def test_models_are_listed_by_all_their_names(door: Served) -> None:
    listed = door.get("/v1/models").json()
    assert listed["object"] == "list"
    ids = [row["id"] for row in listed["data"]]
    assert ids == sorted(ids)
    assert ids == [
        "anthropic/claude-4.5-sonnet",
        "anthropic/claude-sonnet-4-5",
        "openai/gpt-5.4",
        "openai/gpt-5.4-mini",
        "openai/o9/deep research",
    ]
    assert listed["data"][0] == {
        "id": "anthropic/claude-4.5-sonnet",
        "object": "model",
        "created": MODELS[0].released,
        "owned_by": "anthropic",
        **NOTHING_KNOWN,
    }
    assert door.get("/v1/models/anthropic/claude-4.5-sonnet").json() == listed["data"][0]


def test_models_outside_the_allowlist_are_not_listed_and_are_403() -> None:
    with served(Behind(known=caller(allow=("anthropic/*",)))) as door:
        owners = {row["owned_by"] for row in door.get("/v1/models").json()["data"]}
        refused = door.get("/v1/models/openai/gpt-5.4")
        unknown = door.get("/v1/models/openai/gpt-5.5")
    assert owners == {"anthropic"}
    assert (refused.status, refused.json()["error"]["code"]) == (403, "model_not_allowed")
    assert refused.json()["error"]["param"] == "model"
    assert "anthropic/*" in refused.json()["error"]["message"]
    assert (unknown.status, unknown.json()["error"]["code"]) == (404, "model_not_found")


def test_models_of_a_provider_without_a_key_do_not_exist() -> None:
    with served(Behind(known=caller(providers=("anthropic",)))) as door:
        assert door.get("/v1/models/openai/gpt-5.4").status == 404


def test_an_unknown_model_is_told_what_is_close(door: Served) -> None:
    error = door.get("/v1/models/openai/gpt-54-mini").json()["error"]
    assert "openai/gpt-5.4-mini" in error["message"]
    assert error["param"] == "model"
    assert door.get("/v1/models/" + "x" * 5_000).status == 404
    assert door.get("/v1/models/%ff%fe").status == 404
