"""A site: a real gateway, people of all roles who signed up there, and what a test puts into its books."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPConnection, HTTPResponse
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

from tests.e2e.gateway_process import PATIENCE, GatewayProcess, Operator
from zai_gateway.accounts.actor import Actor, Role, operator
from zai_gateway.accounts.identity import Origin
from zai_gateway.accounts.records import Workspace
from zai_gateway.accounts.service import Accounts
from zai_gateway.app.house import opened
from zai_gateway.clock import SystemClock
from zai_gateway.edge.visiting import csrf_token
from zai_gateway.settings import Environment

PASSWORD = "plain words for a test"
COOKIE = "zai_session"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HERE = Origin(address="127.0.0.1", agent=AGENT)
Fields: TypeAlias = Mapping[str, str] | list[tuple[str, str]]


class Answer:
    """What the console said, as it came over HTTP: nothing is followed."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.cookies = response.headers.get_all("set-cookie") or []
        self.text = response.read().decode()

    @property
    def location(self) -> str:
        """Where it leads to; empty where it leads nowhere."""
        return self.headers.get("location", "")


class Site:
    """One gateway, its operator, and the people of its first workspace."""

    def __init__(self, operator: Operator, gateway: GatewayProcess) -> None:
        self.operator = operator
        self.gateway = gateway
        self._tokens: dict[Role, str] = {}

    @property
    def url(self) -> str:
        """Where the console is; no slash at its end."""
        return self.gateway.base_url.removesuffix("/v1")

    @contextmanager
    def accounts(self) -> Generator[Accounts]:
        """The services on the site's books, beside the gateway that runs."""
        environment = Environment(self.operator.environment)
        with opened(self.operator.data, environment, SystemClock()) as house:
            yield house.accounts

    @cached_property
    def workspace(self) -> Workspace:
        """The first one, in which everybody is."""
        with self.accounts() as accounts:
            return accounts.the_workspace()

    def path(self, rest: str = "") -> str:
        """A path in the first workspace."""
        return f"/w/{self.workspace.slug}{rest}"

    def token(self, role: Role) -> str:
        """The session of the person who is the first workspace's owner, admin, member or viewer."""
        if Role.OWNER not in self._tokens:
            self._tokens[Role.OWNER] = self._set_up()
        if role not in self._tokens:
            self._tokens[role] = self.join(role, self.workspace.id, email_of(role), name_of(role))
        return self._tokens[role]

    def actor(self, role: Role) -> Actor:
        """The same person, for calls of the services."""
        token = self.token(role)
        with self.accounts() as accounts:
            session = accounts.people.session(token)
            assert session is not None
            return accounts.people.actor(session.person.id, self.workspace.id, "127.0.0.1")

    def join(self, role: Role, workspace: str, email: str, name: str) -> str:
        """Invites a new person into a workspace, who accepts; the session that begins with it."""
        with self.accounts() as accounts:
            member = accounts.members.add(operator(), workspace, name, email, role)
            link = accounts.people.invite(operator(), workspace, member.id)
            return accounts.people.accept_new(link.token, name=name, password=PASSWORD, origin=HERE).token

    def another_workspace(self, name: str = "Elsewhere") -> Workspace:
        """A workspace in which none of them is."""
        with self.accounts() as accounts:
            return accounts.workspaces.create(operator(), name)

    def ask(self, path: str, role: Role | None = None, **headers: str) -> Answer:
        """A GET, as the person with that role, or as nobody; an underscore in a header's name is a hyphen."""
        return self.send("GET", path, None if role is None else self.token(role), headers=headers)

    def post(self, path: str, fields: Fields, role: Role | None = None, **headers: str) -> Answer:
        """A form, sent by a page of the console itself."""
        return self.send("POST", path, None if role is None else self.token(role), fields, headers)

    def send(
        self,
        method: str,
        path: str,
        token: str | None = None,
        fields: Fields | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any request, with the session of `token`."""
        sent = {"user-agent": AGENT}
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        body = None
        if fields is not None:
            pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
            if token is not None and all(name != "csrf" for name, _ in pairs):
                pairs.append(("csrf", csrf_token(token)))
            body = urlencode(pairs)
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
            sent.setdefault("sec-fetch-site", "same-origin")
        if token is not None:
            sent["cookie"] = f"{COOKIE}={token}"
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def _set_up(self) -> str:
        """Becomes the first owner by a set-up link, as a browser does."""
        with self.accounts() as accounts:
            link = accounts.people.setup_link()
            assert link is not None
        form = {"name": name_of(Role.OWNER), "email": email_of(Role.OWNER), "password": PASSWORD}
        answer = self.post(link.path, {**form, "workspace": "Analytical Engines"})
        assert answer.status == 303, answer.text
        (cookie,) = (each for each in answer.cookies if each.startswith(f"{COOKIE}="))
        return cookie.split(";")[0].removeprefix(f"{COOKIE}=")


def name_of(role: Role) -> str:
    """What the person with that role is called."""
    names = {Role.OWNER: "Ada", Role.ADMIN: "Grace", Role.MEMBER: "Katherine", Role.VIEWER: "Hedy"}
    return names[role]


def email_of(role: Role) -> str:
    """The person's e-mail address."""
    return f"{name_of(role).lower()}@example.com"
