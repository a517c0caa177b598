"""What a browser says of itself, in the few words by which its owner knows it again."""

from collections.abc import Sequence

_BROWSERS: Sequence[tuple[str, str]] = (
    # Each says that it is those below it, too.
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Sequence[tuple[str, str]] = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_MOST = 40


def browser_of(agent: str) -> str:
    """`Firefox on Windows`, from a User-Agent header; its beginning where nothing in it is known."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), None)
    system = next((name for sign, name in _SYSTEMS if sign in agent), None)
    if browser is None:
        return agent[:_MOST].strip() or "Unknown browser"
    return browser if system is None else f"{browser} on {system}"
