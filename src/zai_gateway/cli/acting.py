"""Who acts at the terminal: the operator, in the workspace that the command names."""

from zai_gateway.accounts.actor import operator
from zai_gateway.cli.doors import Books

OPERATOR = operator()


def workspace_of(books: Books, ref: str | None) -> str:
    """The id of the workspace that `--workspace` names, or of the oldest one.

    Raises OperatorError or Failure.
    """
    if ref is None:
        return books.accounts.the_workspace().id
    return books.accounts.workspaces.find(OPERATOR, ref).id


def member_of(books: Books, workspace: str, ref: str) -> str:
    """The id of the member that `--member` names. Raises OperatorError or Failure."""
    return books.accounts.members.show(OPERATOR, workspace, ref).id
