"""What was spent, as the control plane tells of it: sums, entries, pages and CSV, for who may know them."""

from tests.bookings import Booker, outcome
from tests.unit.accounts.people import OPERATOR
from tests.unit.edge.control.calling import call, cookie
from tests.unit.edge.control.stage import Cast, Stage
from zai_gateway.accounts.terms import KeyChanges


def book(stage: Stage, cast: Cast, number: int) -> str:
    """Books so many requests on a key of the member's own, each at 1,500 nano-USD; gives the key's id."""
    wanted = KeyChanges(name="=mine", member=cast.members["member"])
    key = stage.accounts.api_keys.create(OPERATOR, cast.ours.workspace, wanted).key
    booker = Booker(stage.store.spend, key, "worker of the member")
    booker.open(0)
    for each in range(number):
        booker.book(f"req {each}", outcome(1_500), stage.clock.now_ms() + each)
    return key.id


async def test_sums_are_rounded_once_and_a_member_sees_its_own(cast: Cast, stage: Stage) -> None:
    mine = book(stage, cast, 3)
    path = f"GET /api/workspaces/{cast.ours.workspace}/usage"
    owner, member = cookie(cast.sessions["owner"]), cookie(cast.sessions["member"])
    stage.clock.move(60)
    of_all = (await call(stage.app, f"{path}/totals", owner)).json["totals"]["sums"]
    assert (of_all["requests"], of_all["cost_micro_usd"], of_all["unconfirmed_micro_usd"]) == (4, 6, 2)
    own = (await call(stage.app, f"{path}/totals", member)).json["totals"]["sums"]
    assert (own["requests"], own["cost_micro_usd"]) == (3, 5)
    rows = (await call(stage.app, f"{path}/breakdown?by=key", owner)).json["rows"]
    assert [(row["id"], row["sums"]["cost_micro_usd"]) for row in rows] == [(mine, 5), (cast.ours.key, 1)]
    (slice,) = (await call(stage.app, f"{path}/timeline?span=hour&since=1h&key={mine}", owner)).json["slices"]
    assert (slice["id"], slice["sums"]["requests"]) == (None, 3)
    (took,) = (await call(stage.app, f"{path}/latency?key={mine}", owner)).json["slices"]
    assert took["total"]["count"] == 3
    foreign = await call(stage.app, f"{path}/totals?key={cast.theirs.key}", owner)
    assert foreign.json["totals"]["sums"]["requests"] == 0


async def test_entries_come_in_pages_newest_first(cast: Cast, stage: Stage) -> None:
    mine = book(stage, cast, 5)
    stage.clock.move(60)
    path = f"GET /api/workspaces/{cast.ours.workspace}/usage/recent?key={mine}&limit=2"
    owner, seen, next = cookie(cast.sessions["owner"]), list[str](), ""
    while True:
        page = (await call(stage.app, path + next, owner)).json
        seen += [each["request_id"] for each in page["entries"]]
        if page["next"] is None:
            break
        next = f"&before={page['next'].replace(' ', '%20')}"
    assert seen == [f"req {each}" for each in reversed(range(5))]


async def test_a_file_for_spreadsheets(cast: Cast, stage: Stage) -> None:
    mine = book(stage, cast, 2)
    stage.clock.move(60)
    path = f"GET /api/workspaces/{cast.ours.workspace}/usage.csv?key={mine}"
    owner = cookie(cast.sessions["owner"])
    for of, lines in (("breakdown", 2), ("timeline", 2), ("recent", 3)):
        got = await call(stage.app, f"{path}&of={of}", owner)
        assert got.header("content-disposition") == f'attachment; filename="usage-{of}.csv"'
        assert got.header("content-type") == "text/csv; charset=utf-8"
        assert got.body.count(b"\r\n") == lines
        assert mine.encode() in got.body or of == "timeline"


async def test_times_that_cannot_be_asked_are_refused_by_name(cast: Cast, stage: Stage) -> None:
    path = f"GET /api/workspaces/{cast.ours.workspace}/usage"
    owner = cookie(cast.sessions["owner"])
    for query, param in (
        ("totals?since=yesterday", "since"),
        ("totals?since=2026-01-02&until=2026-01-01", "until"),
        ("timeline?since=30d&span=hour", "span"),
        ("totals?since=2001-01-01", "since"),
        ("recent?before=x", "before"),
    ):
        got = await call(stage.app, f"{path}/{query}", owner)
        assert (got.status, got.json["error"]["param"]) == (400, param), got.body


async def test_what_is_unconfirmed_is_resolved_once(cast: Cast, stage: Stage) -> None:
    path, owner = f"/api/workspaces/{cast.ours.workspace}/spend", cookie(cast.sessions["owner"])
    pending = (await call(stage.app, f"GET {path}/pending", owner)).json
    assert (pending["unconfirmed_micro_usd"], pending["unconfirmed_attempts"]) == (2, 1)
    (told,) = (await call(stage.app, f"GET {path}/unconfirmed", owner)).json["unconfirmed"]
    assert told["request_id"] == cast.ours.request
    body = {"request_id": cast.ours.request, "cost_micro_usd": 2}
    done = (await call(stage.app, f"POST {path}/resolve", owner, body)).json
    assert (done["cost_micro_usd"], done["freed_micro_usd"]) == (2, 1)
    assert (await call(stage.app, f"POST {path}/resolve", owner, body)).status == 404


async def test_the_audit_tells_of_it_in_pages(cast: Cast, stage: Stage) -> None:
    path, owner = f"/api/workspaces/{cast.ours.workspace}", cookie(cast.sessions["owner"])
    await call(stage.app, f"POST {path}/keys", owner, {"name": "audited"})
    query = f"GET {path}/audit?deed=key.create&search=audited"
    (record,) = (await call(stage.app, query, owner)).json["records"]
    assert (record["object_name"], record["address"]) == ("audited", "203.0.113.7")
    assert record["actor_id"] == cast.members["owner"]
    first = (await call(stage.app, f"GET {path}/audit?limit=2", owner)).json
    second = (await call(stage.app, f"GET {path}/audit?limit=2&before={first['next']}", owner)).json
    ids = [each["id"] for each in (*first["records"], *second["records"])]
    assert len(set(ids)) == 4
