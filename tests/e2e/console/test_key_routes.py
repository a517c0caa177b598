"""API keys over plain HTTP: done once, over nothing unseen, by whoever may, and no secret shown twice."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.console.keys_of import OPERATOR, SECRET, hidden, issued, kept, named, newcomer
from tests.e2e.console.site import Answer, Site
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.terms import KeyChanges

UNKNOWN = f"key_{'0' * 26}"
KEY_PAGES = ("", "/edit", "/rotate")
ACTS = ("/edit", "/rotate", "/revoke", "/restore")


class TestOnce:
    """A form that is sent twice."""

    def test_a_form_issues_one_key_and_shows_it_once(self, site: Site) -> None:
        form = site.ask(site.path("/keys/new"), Role.OWNER)
        fields = {"id": hidden(form, "id"), "name": "sent-often", "cap": "5"}

        def send(_: int) -> Answer:
            return site.post(site.path("/keys/new"), fields, Role.OWNER)

        site.token(Role.OWNER)
        with ThreadPoolExecutor(4) as threads:
            answers = sorted(threads.map(send, range(4)), key=lambda answer: answer.status)
        assert [answer.status for answer in answers] == [200, 409, 409, 409]
        secrets = [set(SECRET.findall(answer.text)) for answer in answers]
        assert [len(each) for each in secrets] == [1, 0, 0, 0]
        assert "was issued already" in answers[1].text
        (key,) = named(site, "sent-often")
        assert (key.id, key.cap) == (fields["id"], 5_000_000_000)
        (secret,) = secrets[0]
        assert site.gateway.ask("/me", secret).status == 200

    def test_a_decimal_comma_is_refused_beside_its_field(self, site: Site) -> None:
        fields = {"id": hidden(site.ask(site.path("/keys/new"), Role.OWNER), "id"), "name": "half-a-dollar"}
        answer = site.post(site.path("/keys/new"), {**fields, "cap": "0,50"}, Role.OWNER)
        assert (answer.status, "&#39;0,50&#39; is not an amount" in answer.text) == (422, True)
        assert named(site, "half-a-dollar") == ()
        assert site.post(site.path("/keys/new"), {**fields, "cap": "1,250.50"}, Role.OWNER).status == 200
        (key,) = named(site, "half-a-dollar")
        assert key.cap == 1_250_500_000_000

    def test_asking_for_the_head_of_a_form_sends_none(self, site: Site) -> None:
        for path in ("/keys/new", "/members/new", "/members/budgets/set", "/settings/management-keys/new"):
            assert site.send("HEAD", site.path(path), site.token(Role.OWNER)).status == 200, path

    def test_the_same_form_with_other_words_makes_no_second_key(self, site: Site) -> None:
        fields = {"id": hidden(site.ask(site.path("/keys/new"), Role.OWNER), "id"), "name": "first-words"}
        assert site.post(site.path("/keys/new"), fields, Role.OWNER).status == 200
        again = site.post(site.path("/keys/new"), {**fields, "name": "other-words"}, Role.OWNER)
        assert again.status == 409
        assert "first-words" in again.text
        assert named(site, "other-words") == ()

    def test_an_id_that_no_form_carries_is_refused(self, site: Site) -> None:
        for id in ("", "x", "key_1", f"ws_{'0' * 26}"):
            answer = site.post(site.path("/keys/new"), {"id": id, "name": "no-form"}, Role.OWNER)
            assert answer.status == 422
            assert "load the page again" in answer.text
        assert named(site, "no-form") == ()

    def test_an_id_of_elsewhere_tells_nothing_of_it(self, site: Site) -> None:
        theirs = issued(site, "theirs-alone", site.another_workspace("Somewhere").id)
        answer = site.post(site.path("/keys/new"), {"id": theirs.id, "name": "taken"}, Role.OWNER)
        assert answer.status == 422
        assert "theirs-alone" not in answer.text
        assert theirs.prefix not in answer.text

    def test_a_key_is_rotated_once_and_its_new_secret_shown_once(self, site: Site) -> None:
        key = issued(site, "to-rotate")
        path = site.path(f"/keys/{key.id}/rotate")
        fields = {"seen": hidden(site.ask(path, Role.OWNER), "seen"), "overlap": "1h"}
        first, second = (site.post(path, fields, Role.OWNER) for _ in range(2))
        assert (first.status, second.status) == (200, 422)
        assert len(set(SECRET.findall(first.text))) == 1
        assert not SECRET.search(second.text)
        assert "was rotated since you saw it" in second.text
        assert [old.prefix for old in kept(site, key.id).predecessors] == [key.prefix]

    def test_a_revoked_key_can_be_taken_back_at_once(self, site: Site) -> None:
        key = issued(site, "to-revoke")
        path = site.path(f"/keys/{key.id}")
        for _ in range(2):
            assert site.post(f"{path}/revoke", {}, Role.OWNER).location == path
        assert kept(site, key.id).revoked_ms is not None
        assert "Take it back" in site.ask(path, Role.OWNER).text
        for page in ("/edit", "/rotate"):
            assert site.ask(path + page, Role.OWNER).location == path
        for _ in range(2):
            assert site.post(f"{path}/restore", {}, Role.OWNER).location == path
        assert kept(site, key.id).revoked_ms is None


class TestStale:
    """A page that is older than what it is about."""

    def test_a_change_over_one_that_was_not_seen_is_refused(self, site: Site) -> None:
        key = issued(site, "stale", cap=1_000_000_000)
        path = site.path(f"/keys/{key.id}/edit")
        fields = {"seen": hidden(site.ask(path, Role.OWNER), "seen"), "name": "stale", "cap": "100"}
        with site.accounts() as accounts:
            accounts.api_keys.update(OPERATOR, site.workspace.id, key.id, KeyChanges(cap=2))
        for _ in range(2):
            answer = site.post(path, fields, Role.OWNER)
            assert answer.status == 422
            assert "changed by somebody else meanwhile" in answer.text
            assert 'value="100"' in answer.text
            assert hidden(answer, "seen") == fields["seen"]
        assert kept(site, key.id).cap == 2

    def test_a_change_that_is_sent_twice_is_made_once(self, site: Site) -> None:
        key = issued(site, "twice")
        path = site.path(f"/keys/{key.id}/edit")
        fields = {"seen": hidden(site.ask(path, Role.OWNER), "seen"), "name": "twice-named"}
        assert [site.post(path, fields, Role.OWNER).status for _ in range(2)] == [303, 303]
        assert kept(site, key.id).name == "twice-named"

    def test_who_lost_the_role_does_nothing_more(self, site: Site) -> None:
        key = issued(site, "beyond-reach")
        token, member = newcomer(site, Role.ADMIN, "Rosalind")
        path = site.path(f"/keys/{key.id}")
        page = site.send("GET", f"{path}/edit", token)
        fields = {"seen": hidden(page, "seen"), "name": "reached"}
        with site.accounts() as accounts:
            accounts.members.update(OPERATOR, site.workspace.id, member, MemberChanges(role=Role.VIEWER))
        answers = [site.send("POST", path + act, token, {**fields, "overlap": "1h"}) for act in ACTS]
        assert [answer.status for answer in answers] == [403] * len(ACTS)
        assert kept(site, key.id) == key
        with site.accounts() as accounts:
            accounts.members.remove(OPERATOR, site.workspace.id, member)
        assert site.send("GET", path, token).status == 404
        assert site.send("POST", f"{path}/revoke", token, {}).status == 404
        assert kept(site, key.id) == key


class TestWho:
    """Who sees and does what."""

    def test_nobody_is_led_to_the_sign_in(self, site: Site) -> None:
        key = issued(site, "closed")
        for page in ("/keys", "/keys/new", *(f"/keys/{key.id}{rest}" for rest in KEY_PAGES)):
            answer = site.ask(site.path(page))
            assert answer.status == 303
            assert answer.location.startswith("/sign-in?next=")
        for act in ACTS:
            answer = site.post(site.path(f"/keys/{key.id}{act}"), {})
            assert (answer.status, answer.location) == (303, "/sign-in")
        assert kept(site, key.id) == key

    def test_a_viewer_looks_and_changes_nothing(self, site: Site) -> None:
        key = issued(site, "looked-at")
        shown = site.ask(site.path(f"/keys/{key.id}"), Role.VIEWER)
        assert shown.status == 200
        assert not re.search("/(edit|rotate|revoke|restore)", shown.text)
        assert "/keys/new" not in site.ask(site.path("/keys"), Role.VIEWER).text
        for page in ("/keys/new", f"/keys/{key.id}/edit", f"/keys/{key.id}/rotate"):
            assert site.ask(site.path(page), Role.VIEWER).status == 403
        acts = ("/keys/new", *(f"/keys/{key.id}{act}" for act in ACTS))
        fields = {"id": UNKNOWN, "name": "viewers", "seen": key.prefix, "overlap": "1h"}
        assert [site.post(site.path(act), fields, Role.VIEWER).status for act in acts] == [403] * len(acts)
        assert kept(site, key.id) == key
        assert named(site, "viewers") == ()

    def test_a_member_sees_its_own_keys_and_no_trace_of_others(self, site: Site) -> None:
        others = issued(site, "somebody-elses", tags=("hidden-tag",))
        own = issued(site, "katherines", member=site.actor(Role.MEMBER).id)
        listed = site.ask(site.path("/keys"), Role.MEMBER)
        assert own.name in listed.text
        assert others.name not in listed.text
        for path in ("?q=somebody", "?q=hidden", f"?q={others.prefix}", "?member=workspace"):
            assert others.name not in site.ask(site.path(f"/keys{path}"), Role.MEMBER).text
        assert site.ask(site.path(f"/keys/{own.id}"), Role.MEMBER).status == 200
        unknown = self._refusals(site, UNKNOWN)
        assert self._refusals(site, others.id) == unknown
        assert kept(site, others.id) == others

    def test_a_key_of_another_workspace_is_not_there(self, site: Site) -> None:
        place = site.another_workspace("Far away").id
        theirs = issued(site, "far-away", place)
        assert self._refusals(site, theirs.id, Role.OWNER) == self._refusals(site, UNKNOWN, Role.OWNER)
        with site.accounts() as accounts:
            assert accounts.api_keys.show(OPERATOR, place, theirs.id) == theirs

    def test_a_members_new_key_is_its_own_whatever_the_form_says(self, site: Site) -> None:
        page = site.ask(site.path("/keys/new"), Role.MEMBER)
        for absent in ('name="member"', 'name="allowance"', 'name="period"'):
            assert absent not in page.text
        fields = {"id": hidden(page, "id"), "name": "forged-owner", "cap": "5", "period": "daily"}
        forged = {**fields, "member": site.actor(Role.ADMIN).id, "allowance": "100"}
        assert site.post(site.path("/keys/new"), forged, Role.MEMBER).status == 200
        (key,) = named(site, "forged-owner")
        assert (key.member, key.cap) == (site.actor(Role.MEMBER).id, 5_000_000_000)
        assert key.unbounded_allowance is None

    def test_a_name_is_no_way_to_a_key(self, site: Site) -> None:
        issued(site, "by-name")
        assert site.ask(site.path("/keys/by-name"), Role.OWNER).status == 404
        assert site.post(site.path("/keys/by-name/revoke"), {}, Role.OWNER).status == 404

    def test_other_sites_and_other_sessions_change_nothing(self, site: Site) -> None:
        key = issued(site, "guarded")
        path, token = site.path(f"/keys/{key.id}/revoke"), site.token(Role.OWNER)
        attempts: tuple[Callable[[], Answer], ...] = (
            lambda: site.send("POST", path, token, {}, {"sec-fetch-site": "cross-site"}),
            lambda: site.send("POST", path, token, {"csrf": "0" * 64}),
            lambda: site.send("GET", path, token),
        )
        assert [attempt().status for attempt in attempts] == [403, 403, 404]
        assert kept(site, key.id) == key

    @staticmethod
    def _refusals(site: Site, id: str, role: Role = Role.MEMBER) -> list[tuple[int, str]]:
        """What each route says of the key, without what is of the request alone."""
        path, fields = site.path(f"/keys/{id}"), {"seen": "x", "name": "x", "overlap": "1h"}
        answers = [
            *(site.ask(path + page, role) for page in KEY_PAGES),
            *(site.post(path + act, fields, role) for act in ACTS),
        ]
        assert {answer.status for answer in answers} == {404}
        texts = (re.sub(r"req_\w+|[0-9a-f]{64}", "", answer.text) for answer in answers)
        return [(answer.status, text.replace(id, "")) for answer, text in zip(answers, texts, strict=True)]
