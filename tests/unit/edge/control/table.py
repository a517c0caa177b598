"""The table of the control plane: each call, who may make it, and an example; written apart from the code."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from tests.unit.edge.control.stage import MODEL, PASSWORD, Place

WS = "/api/workspaces/{workspace}"
YEAR = "9999-01-01"


class Case(Struct, frozen=True, kw_only=True):
    """A call in a workspace."""

    route: str
    """As the application has it."""
    who: str
    """o owner, a admin, m member, v viewer; `m404` a member for whom nothing is there."""
    scope: str | None
    """What a management key needs; None where none may."""
    body: Mapping[str, object] | None = None
    """Where a value is a text with @, that field of a Place stands there."""
    status: int = 200
    fill: Mapping[str, str] = {}
    """By the name of a part of the path: a word, or with @ the field of a Place that stands there."""
    names_a_thing: bool = True
    """Whether a part of the path, beside the workspace, is an id of what is there."""

    def path(self, place: Place) -> str:
        """The method and the path, in the workspace of `place`."""
        return self.crossed(place, place)

    def crossed(self, place: Place, things: Place) -> str:
        """The same with the ids of other things."""
        parts = {name: _meant(value, things) for name, value in self.fill.items()}
        return self.route.replace(":path}", "}").format_map({**parts, "workspace": place.workspace})

    def sends(self, place: Place) -> object:
        """The body."""
        return self.body and {name: _meant(value, place) for name, value in self.body.items()}


def _meant(value: object, place: Place) -> object:
    return getattr(place, value[1:]) if isinstance(value, str) and value.startswith("@") else value


def case(
    route: str,
    who: str,
    scope: str | None,
    body: Mapping[str, object] | None = None,
    *,
    status: int = 200,
    things: bool = True,
    **fill: str,
) -> Case:
    method, _, path = route.partition(" ")
    whole = f"{method} {WS}{path}"
    return Case(
        route=whole,
        who=who,
        scope=scope,
        body=body,
        status=status,
        fill=fill,
        names_a_thing=things and bool(fill),
    )


CASES: Sequence[Case] = (
    case("GET ", "o a m v", "workspaces:read"),
    case("PATCH ", "o a", "workspaces:write", {"name": "Renamed", "rpm": 5}),
    case("GET /members", "o a m v", "members:read"),
    case(
        "POST /members",
        "o a",
        "members:write",
        {"name": "New", "email": "new@example.com", "role": "member"},
        status=201,
    ),
    case("GET /members/{member}", "o a m v", "members:read", member="@member"),
    case("PATCH /members/{member}", "o a", "members:write", {"role": "viewer"}, member="@member"),
    case("DELETE /members/{member}", "o a", "members:write", member="@member"),
    case("GET /members/{member}/invitation", "o a m v", "members:read", member="@member"),
    case("POST /members/{member}/invitation", "o a", "members:write", status=201, member="@member"),
    case("GET /keys", "o a m v", "keys:read"),
    case("POST /keys", "o a m", "keys:write", {"name": "new", "spend_cap_micro_usd": 5_000_000}, status=201),
    case("GET /keys/{key}", "o a m404 v", "keys:read", key="@key"),
    case("PATCH /keys/{key}", "o a m404", "keys:write", {"spend_cap_micro_usd": 1}, key="@key"),
    case("DELETE /keys/{key}", "o a m404", "keys:write", key="@key"),
    case("POST /keys/{key}/rotate", "o a m404", "keys:write", {"overlap_seconds": 60}, key="@key"),
    case("POST /keys/{key}/restore", "o a m404", "keys:write", key="@revoked"),
    case("GET /budgets", "o a m v", "budgets:read"),
    case(
        "PUT /budgets/{owner_kind}/{owner}/{period}",
        "o a",
        "budgets:write",
        {"limit_micro_usd": 7},
        owner_kind="key",
        owner="@key",
        period="daily",
    ),
    case(
        "DELETE /budgets/{owner_kind}/{owner}/{period}",
        "o a",
        "budgets:write",
        owner_kind="workspace",
        owner="@workspace",
        period="monthly",
    ),
    case("GET /management-keys", "o a v", "management_keys:read"),
    case(
        "POST /management-keys",
        "o a",
        "management_keys:write",
        {"name": "new", "scopes": ["management_keys:write"], "expires_at": YEAR},
        status=201,
    ),
    case("DELETE /management-keys/{key}", "o a", "management_keys:write", key="@management_key"),
    case("GET /providers", "o a m v", "*"),
    case("GET /provider-keys", "o a v", "provider_keys:read"),
    case(
        "POST /provider-keys",
        "o a",
        "provider_keys:write",
        {"provider": "openai", "secret": "sk-new-canary-55aa"},
        status=201,
    ),
    case("PATCH /provider-keys/{key}", "o a", "provider_keys:write", {"enabled": False}, key="@provider_key"),
    case("GET /provider-keys/{key}/models", "o a v", "provider_keys:read", key="@provider_key"),
    case("DELETE /provider-keys/{key}", "o a", "provider_keys:write", key="@provider_key"),
    case("POST /provider-keys/{key}/test", "o a", "provider_keys:write", key="@provider_key"),
    case(
        "PUT /provider-keys/{key}/place",
        "o a",
        "provider_keys:write",
        {"before": "@provider_key"},
        key="@other_provider_key",
    ),
    case("GET /models", "o a m v", "models:read"),
    case("GET /prices", "o a m v", "prices:read"),
    case(
        "PUT /prices/{model:path}",
        "o a",
        "prices:write",
        {"input_micro_usd_per_million": 1, "output_micro_usd_per_million": 2},
        things=False,
        model=MODEL,
    ),
    case("DELETE /prices/{model:path}", "o a", "prices:write", things=False, model=MODEL),
    case("GET /virtual-models", "o a m v", "models:read"),
    case(
        "PUT /virtual-models/{name}",
        "o a",
        "models:write",
        {"targets": [{"model": MODEL}]},
        things=False,
        name="new",
    ),
    case("DELETE /virtual-models/{name}", "o a", "models:write", things=False, name="fast"),
    case("GET /usage/totals", "o a m v", "usage:read"),
    case("GET /usage/breakdown", "o a m v", "usage:read"),
    case("GET /usage/timeline", "o a m v", "usage:read"),
    case("GET /usage/latency", "o a m v", "usage:read"),
    case("GET /usage/recent", "o a m v", "usage:read"),
    case("GET /usage.csv", "o a m v", "usage:read"),
    case("GET /spend/pending", "o a m v", "usage:read"),
    case("GET /spend/unconfirmed", "o a v", "usage:read"),
    case("GET /spend/flagged", "o a v", "usage:read"),
    case(
        "POST /spend/resolve",
        "o a",
        None,
        {"request_id": "@request", "cost_micro_usd": 1},
    ),
    case("GET /audit", "o a v", "audit:read"),
    case("GET /audit.csv", "o a v", "audit:read"),
)

Example = tuple[Mapping[str, object] | None, int]
"""A body, and the status that it is answered with."""
OF_PERSONS: Mapping[str, Example] = {
    "GET /api/session": (None, 200),
    "DELETE /api/session": (None, 204),
    "GET /api/sessions": (None, 200),
    "DELETE /api/sessions": (None, 200),
    "PUT /api/password": ({"old_password": PASSWORD, "password": "another long pass phrase"}, 204),
    "PATCH /api/person": ({"name": "Another"}, 200),
}
"""Calls that any person may make who is signed in, and no key."""

OF_ANYBODY_HERE: Sequence[str] = ("GET /api/workspaces",)
"""Calls that any person and any key may make, each seeing its own."""

OPEN: Sequence[str] = (
    "POST /api/session",
    "POST /api/setup",
    "GET /api/setup/{token}",
    "GET /api/invitations/{token}",
    "GET /api/resets/{token}",
    "POST /api/invitations/{token}",
    "POST /api/resets/{token}",
)
"""Calls that need no session; what they need instead is tested one by one."""
