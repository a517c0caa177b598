"""docs/providers.md says what the rows and the tests' results say now."""

from vendors.page import PAGE, rendered
from vendors.recorded import RECORDED
from zai_gateway.providers.registry import PROVIDERS

_OTHERWISE = {"anthropic", "gemini", "vertex"}
"""Their recorded traffic is played to their dialects (tests/dialects)."""


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(), "run: make providers"


def test_the_page_tells_of_every_row_and_every_quirk() -> None:
    page = rendered()
    for row in PROVIDERS:
        assert f"| `{row.name}` |" in page
        assert all(f"- {quirk}\n" in page for quirk in row.quirks)
        assert row.name == "demo" or (row.base_url or row.address_hint or "") in page
        assert all(f"`{name}`" in page for name in (*row.never_sent, *row.unbounded))
        assert row.key_variable is None or f"`{row.key_variable}`" in page


def test_the_page_tells_how_much_was_recorded() -> None:
    known = {row.name for row in PROVIDERS}
    assert known - set(RECORDED) == {"nvidia", "vllm", "lmstudio", "custom", "demo", *_OTHERWISE}
    assert "| all | 1045 | 626 | 347 | 66 | 6 | 1039 | 163 | 23 |" in rendered()
