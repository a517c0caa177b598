"""What can be set, run or met stands in the documents, and what the documents link to is there."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import ROOT, project_files
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.dialects.openai_chat import SPLICED
from zai_gateway.providers.registry import PROVIDERS
from zai_gateway.settings import Environment, Limits

# Read by libraries: the one for TLS, the one that writes to the terminal, and PostgreSQL's.
READ_ELSEWHERE = {"SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR"} | {
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
}


class Asked(dict[str, str]):
    """An environment without variables, which remembers the names that it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]  # records, gives nothing
        self.names.add(key)
        return default


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    asked = Asked()
    environment = Environment(asked)
    for name, part in vars(Environment).items():
        if isinstance(part, property):
            getattr(environment, name)
    environment.encryption_key()
    rows = re.findall(r"^\| (`[A-Z].*?) \|", _text("docs/settings.md"), re.M)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert documented == asked.names | READ_ELSEWHERE


def test_the_documented_limits_are_those_in_force() -> None:
    settings, limits = _text("docs/settings.md"), Limits()
    assert f"| {limits.body_bytes >> 20} MiB | 413 |" in settings
    assert f"| {limits.head_bytes >> 10} KiB | 431 |" in settings
    for seconds in (limits.head_seconds, limits.body_seconds, limits.answer_seconds, limits.drain_seconds):
        assert f"| {seconds:g} s |" in settings


def test_every_field_that_is_spliced_or_refused_is_documented() -> None:
    spliced, refused_of_some = map(_named, ("docs/splices.md", "docs/providers.md"))
    assert set(SPLICED) <= spliced
    refused = {each.parameter for model in Catalogue.load().models("openai") for each in model.refuses}
    assert refused <= set(SPLICED)
    for row in PROVIDERS:
        assert {*row.never_sent, *row.unbounded} <= spliced | refused_of_some, row.name


def test_every_provider_is_documented() -> None:
    page = _text("docs/providers.md")
    assert [row.title for row in PROVIDERS if row.title not in page] == []
    assert "](docs/providers.md)" in _text("README.md")


def test_make_help_tells_of_every_target_that_a_person_runs() -> None:
    makefile = _text("Makefile")
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)$", makefile, re.M)).split())
    told = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.M))
    assert {"run", "test", "check", "install", "help", "lock", "prices", "providers", "wheel"} <= told
    # `dev` is a step of others.
    assert {name for name in phony if name.isalpha()} - told == {"dev"}


def test_links_between_documents_lead_somewhere() -> None:
    broken = [f"{page}: {target}" for page, target in _links() if not (page.parent / target).exists()]
    assert broken == []


def _links() -> Iterator[tuple[Path, str]]:
    for page in project_files():
        if page.suffix == ".md":
            for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
                if "://" not in target and not target.startswith("mailto:"):
                    yield page, target


def _named(page: str) -> set[str]:
    """The fields that a page names."""
    return set(re.findall(r"`([a-z_]+)`", _text(page)))


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
