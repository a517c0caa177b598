"""The table of the console: every page of a workspace, and whose it is; written apart from the code."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from tests.unit.edge.control.stage import Place


class Row(Struct, frozen=True, kw_only=True):
    """A page, asked for in one way."""

    route: str
    """The method, and the path below that of the workspace."""
    who: str
    """o owner, a admin, m member, v viewer; everybody else of the workspace is refused."""
    thing: str = ""
    """The field of a Place whose id stands in the path."""
    query: str = ""
    missing: str = ""
    """For whom the thing is not there, since it is not its own: as one of another workspace."""

    def target(self, slug: str, things: Place) -> str:
        """The method, and what to ask for, with the ids of `things`."""
        method, _, path = self.route.partition(" ")
        if self.thing:
            begin, _, rest = path.partition("{")
            path = begin + getattr(things, self.thing) + rest.partition("}")[2]
        return f"{method} /w/{slug}{path}{self.query}"


def rows(who: str, *routes: str, thing: str = "", query: str = "", missing: str = "") -> Sequence[Row]:
    return [Row(route=route, who=who, thing=thing, query=query, missing=missing) for route in routes]


ALL, READERS, ADMINS, WRITERS = "oamv", "oav", "oa", "oam"
NAME, MODEL = "?name=ours", "?model=openai/gpt-5.4"

ROWS: Sequence[Row] = (
    *rows(ALL, "GET ", "GET /tick", "GET /connect"),
    *rows(ALL, "GET /keys"),
    *rows(WRITERS, "GET /keys/new", "POST /keys/new"),
    *rows(READERS, "GET /keys/{key}", thing="key", missing="m"),
    *rows(ADMINS, "GET /keys/{key}/edit", "POST /keys/{key}/edit", thing="key", missing="m"),
    *rows(ADMINS, "GET /keys/{key}/rotate", "POST /keys/{key}/rotate", thing="key", missing="m"),
    *rows(ADMINS, "POST /keys/{key}/revoke", "POST /keys/{key}/restore", thing="key", missing="m"),
    *rows(READERS, "GET /providers"),
    *rows(ADMINS, "GET /providers/new", "POST /providers/new"),
    *rows(READERS, "GET /providers/{id}", thing="provider_key"),
    *rows(ADMINS, "POST /providers/{id}/move", "POST /providers/{id}/switch", thing="provider_key"),
    *rows(ADMINS, "POST /providers/{id}/remove", "POST /providers/{id}/test", thing="provider_key"),
    *rows(ADMINS, "POST /providers/{id}/rename", "POST /providers/{id}/access", thing="provider_key"),
    *rows(ALL, "GET /models", "GET /models/suggestions", "GET /models/prices", "GET /models/names"),
    *rows(ALL, "GET /models/one", query=MODEL),
    *rows(ADMINS, "POST /models/one", "POST /models/one/remove", query=MODEL),
    *rows(ADMINS, "GET /models/names/edit", "POST /models/names/edit", "POST /models/names/remove"),
    *rows(ALL, "GET /usage", "GET /usage.csv", "GET /usage/requests", "GET /usage/unconfirmed"),
    *rows(ADMINS, "POST /usage/unconfirmed"),
    *rows(ALL, "GET /members"),
    *rows(ADMINS, "GET /members/new", "POST /members/new"),
    *rows(ALL, "GET /members/budgets"),
    *rows(ADMINS, "GET /members/budgets/set", "POST /members/budgets/set", "POST /members/budgets/remove"),
    *rows(ALL, "GET /members/{id}", thing="member"),
    *rows(ADMINS, "POST /members/{id}/edit", "POST /members/{id}/link", thing="member"),
    *rows(ADMINS, "POST /members/{id}/remove", thing="member"),
    *rows(READERS, "GET /audit", "GET /audit.csv"),
    *rows(ALL, "GET /settings"),
    *rows(ADMINS, "POST /settings/name", "POST /settings/rates"),
    *rows(ADMINS, "GET /settings/management-keys/new", "POST /settings/management-keys/new"),
    *rows(ADMINS, "POST /settings/management-keys/{id}/revoke", thing="management_key"),
)
WORDS: Mapping[str, str] = {"o": "owner", "a": "admin", "m": "member", "v": "viewer"}
