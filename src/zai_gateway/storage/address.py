"""The address of a PostgreSQL database: what `--database` says, and what may be repeated of it."""

import re

import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from zai_gateway.errors import OperatorError

_SCHEMES = ("postgresql://", "postgres://")
_HOST = re.compile(r"[A-Za-z0-9._:,-]+|/[A-Za-z0-9._/-]+")
_PORT = re.compile(r"[0-9,]+")
_NAME = re.compile(r"[^@/:]+")
_HOW = "write postgresql://USER:PASSWORD@HOST:5432/DATABASE"


class Address(Struct, frozen=True):
    """Where a database is. Only `place` may be shown: the rest may hold a password."""

    url: str
    place: str
    """Database, host and port, in words."""

    def conninfo(self, connect_seconds: int) -> str:
        """What the driver connects with; what the address itself says wins over what is set here."""
        ours = {
            "client_encoding": "utf8",
            "fallback_application_name": "zai",
            "connect_timeout": connect_seconds,
            # A firewall forgets a connection on which nothing goes, and tells nobody.
            "keepalives_idle": 30,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        return make_conninfo("", **(ours | conninfo_to_dict(self.url)))

    def __repr__(self) -> str:
        return f"Address({self.place!r})"


def read_address(url: str) -> Address:
    """Reads a connection URI (PostgreSQL's documentation, section 34.1.1.2).

    Raises OperatorError, in words that repeat nothing of it: a password that is not percent-encoded may stand
    in any part.
    """
    if not url.startswith(_SCHEMES):
        raise OperatorError(f"The --database is no address of a PostgreSQL database: {_HOW}.")
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        raise _unreadable() from None
    host, port = str(parts.get("host") or parts.get("hostaddr") or ""), str(parts.get("port") or "")
    name = str(parts.get("dbname") or "")
    if not name:
        raise OperatorError(f"The --database names no database: {_HOW}.")
    if not (_matches(_HOST, host) and _matches(_PORT, port) and _NAME.fullmatch(name)):
        raise _unreadable()
    where = " ".join(each for each in (host or "this host", f"port {port}" if port else "") if each)
    return Address(url, f"{name} on {where}")


def _matches(pattern: re.Pattern[str], text: str) -> bool:
    return not text or pattern.fullmatch(text) is not None


def _unreadable() -> OperatorError:
    return OperatorError(
        f"The --database cannot be read: {_HOW}, with every character of the password that is not a letter "
        "or a digit percent-encoded (%40 for @)."
    )
