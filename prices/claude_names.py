"""Claude's names: the id that Anthropic or Vertex AI gives a model, and the other spellings of it."""

import re

_NAME = re.compile(
    r"claude-(?:(?P<family>[a-z]+)-)?(?P<major>\d)(?:-(?P<minor>\d))?(?:-(?P<old_family>(?!latest)[a-z]+))?"
    r"(?P<version>-v\d)?(?P<day>[-@](?:20\d{6}|default|latest))?"
)


def grouped(ids: list[str], *, dated: bool) -> dict[str, list[str]]:
    """Of all ids the one that names each model, with every other name of it.

    Models since 4.6 have no date in their id. Those of 4.1 and 4.5 have one, and at Anthropic another id
    without it, which means the same and is preferred unless `dated`; before there are several of a name, or
    none without a date (https://platform.claude.com/docs/en/about-claude/models/model-ids-and-versions).
    """
    snapshots: dict[str, list[str]] = {}
    for id in sorted(ids):
        snapshots.setdefault(_stem(id), []).append(id)
    found: dict[str, list[str]] = {}
    for stem, same in snapshots.items():
        snapshots_of_it = [id for id in same if _has_day(id)]
        plain = _numbers(stem) >= ((4, 6) if dated else (4, 1))
        own = [stem] if plain or not snapshots_of_it else snapshots_of_it
        if stem not in same and not plain and not snapshots_of_it:
            own = same[:1]
        for id in own:
            found[id] = _other_platform(id)
        found[own[-1]] += [name for name in (*same, *_spellings(stem)) if name not in own]
        found[own[-1]] = list(dict.fromkeys(found[own[-1]]))
    return found


def _stem(id: str) -> str:
    found = _NAME.fullmatch(id)
    if found is None:
        return id
    stem = id.removesuffix(found["day"] or "")
    # Opus and Sonnet 4 are `claude-opus-4-0` without a date.
    return stem.removesuffix("-0") if found["major"] == "4" else stem


def _has_day(id: str) -> bool:
    return re.search(r"[-@]20\d{6}$", id) is not None


def _numbers(stem: str) -> tuple[int, int]:
    found = _NAME.fullmatch(stem)
    return (int(found["major"]), int(found["minor"] or 0)) if found and found["family"] else (0, 0)


def _other_platform(id: str) -> list[str]:
    """The same snapshot as the other of the two, Anthropic or Vertex AI, writes it."""
    if not _has_day(id):
        return []
    return [f"{id[:-9]}{'@' if id[-9] == '-' else '-'}{id[-8:]}"]


def _spellings(stem: str) -> list[str]:
    """`claude-sonnet-4-5` as itself, `claude-4.5-sonnet`, `claude-4-5-sonnet` and `claude-sonnet-4.5`."""
    found = _NAME.fullmatch(stem)
    family = found and (found["family"] or found["old_family"])
    if found is None or not family or found["version"]:
        return []
    major, minor = found["major"], found["minor"]
    numbers = [f"{major}-{minor}", f"{major}.{minor}"] if minor else [major]
    names = [f"claude-{family}-{number}" for number in numbers]
    names += [f"claude-{number}-{family}" for number in numbers]
    if major == "3":
        names.append(f"{stem}-latest")
    return names
