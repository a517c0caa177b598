"""Commands that let people in: links to set up, to accept an invitation, and to set another password."""

from typing import Annotated

import typer

from zai_gateway.accounts.identity import IssuedLink
from zai_gateway.cli.acting import OPERATOR, workspace_of
from zai_gateway.cli.doors import Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.welcome import console_url
from zai_gateway.documents.people import issued_link_document
from zai_gateway.errors import OperatorError

_PublicUrl = Annotated[
    str | None,
    typer.Option(
        "--public-url",
        metavar="URL",
        show_default=False,
        help="What the link begins with. Else ZAI_PUBLIC_URL, or http://127.0.0.1:8011.",
    ),
]


class People:
    """What an operator does for people who sign in."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def setup_link(self, data: Data = None, public_url: _PublicUrl = None, as_json: AsJson = False) -> None:
        """Make a link by which the first owner signs up, while nobody has."""
        with self._composition.books(data) as books:
            issued = books.accounts.people.setup_link()
        if issued is None:
            raise OperatorError(
                "Somebody has signed up already. Invite others with 'zai admin member invite', and let "
                "whoever forgot a password set another with 'zai admin person reset-password'."
            )
        self._tell(issued, public_url, "makes whoever opens it an owner", as_json)

    def invite(
        self,
        ref: Annotated[
            str, typer.Argument(metavar="MEMBER", help="Its id, address or unique name.", show_default=False)
        ],
        *,
        data: Data = None,
        workspace: InWorkspace = None,
        public_url: _PublicUrl = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a link by which a member signs up, or comes into one more workspace; it ends earlier ones."""
        with self._composition.books(data) as books:
            issued = books.accounts.people.invite(OPERATOR, workspace_of(books, workspace), ref)
        self._tell(issued, public_url, "makes whoever opens it that member", as_json)

    def reset_password(
        self,
        email: Annotated[
            str, typer.Argument(metavar="EMAIL", help="What the person signs in with.", show_default=False)
        ],
        *,
        data: Data = None,
        public_url: _PublicUrl = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a link by which a person sets another password; it ends earlier ones."""
        with self._composition.books(data) as books:
            issued = books.accounts.people.reset_link(OPERATOR, email)
        self._tell(issued, public_url, "signs in whoever opens it", as_json)

    def _tell(self, issued: IssuedLink, public_url: str | None, what_it_does: str, as_json: bool) -> None:
        base = console_url(self._composition.public_url if public_url is None else public_url)
        told = issued_link_document(issued, base)
        if as_json:
            self._screen.document(told)
            return
        self._screen.say(told.url)
        self._screen.note(
            f"This link {what_it_does}, once, until {told.expires_at}. It is shown only now: hand it over "
            "safely."
        )
