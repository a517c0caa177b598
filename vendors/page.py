"""Writes docs/providers.md: what the rows say, and what the recorded traffic showed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vendors.recorded import RECORDED, Kind, Recorded
from zai_gateway.providers.common import OPEN_ENDED, ROUTING
from zai_gateway.providers.registry import PROVIDERS, Auth, Provider

PAGE = Path(__file__).parents[1] / "docs" / "providers.md"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_HEAD = """\
# Providers

Written by `make providers` from the rows in `src/zai_gateway/providers` and from what the tests find in
recorded traffic; not by hand.

A model is called `PREFIX/MODEL`. Add a provider key with `zai admin provider add PREFIX`; where the address
column names none, give `--base-url`. Any other server of OpenAI's chat completions is a `custom` provider
under a prefix of your own: `zai admin provider add custom --name mybox --base-url https://HOST/v1` serves
`mybox/MODEL`.

| provider | prefix | address | key | list of models |
|---|---|---|---|---|
"""

_SIGNED = {
    Auth.BEARER: "`authorization: Bearer`",
    Auth.API_KEY: "`api-key`",
    Auth.X_API_KEY: "`x-api-key`",
    Auth.GOOGLE_API_KEY: "`x-goog-api-key`",
    Auth.SERVICE_ACCOUNT: "`authorization: Bearer`, a token that a service account signs",
    Auth.NONE: "none",
}

_TRAFFIC = """\

## What recorded traffic showed

Exchanges that others recorded with these vendors are played through the running gateway again, each as one
with its own vendor (`tests/flow/test_corpus.py`): the answer must reach the client but for the splices of
[splices.md](splices.md), and the ledger must say what the vendor reported. A request is *refused here* where
the gateway refuses it by itself, as the vendor did; all others were fed, and all that were fed passed.

A *bill* is an answer that says what it cost: that is what is booked. It is usage times the catalogue's price
of its day within 0.1 %, or *explained* in `tests/unit/providers/bills.py`, mostly by the price of the vendor
behind the router. Nothing that a key with a cap may ask for used more than its worst case
(`tests/unit/providers/test_recorded_bounds.py`).

| prefix | recorded | answers | streams | failures | refused here | passed | bills | explained |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
"""

_QUIRKS = f"""\

## Where they differ

Each is handled; this is what to expect. Refused with a 400 whoever the provider is: what would change
the route behind the gateway ({_names(ROUTING)}),
and on a key with a cap, the demo aside, what nothing bounds
({_names(OPEN_ENDED)}), and sound or video for a model
that may hear: no price here says what sound costs, so that where no bill is stated it is booked as text.
"""


def rendered(providers: Sequence[Provider] = PROVIDERS) -> str:
    """The whole page."""
    rows = "".join(_row(row) for row in providers)
    known = {row.name for row in providers}
    traffic = "".join(_traffic(prefix, recorded) for prefix, recorded in RECORDED.items() if prefix in known)
    others = [recorded for prefix, recorded in RECORDED.items() if prefix not in known]
    traffic += _traffic(f"`custom`, {len(others)} vendors", _sum(others), code=False)
    traffic += _traffic("all", _sum(list(RECORDED.values())), code=False)
    return _HEAD + rows + _TRAFFIC + traffic + _QUIRKS + "".join(map(_section, providers))


def _row(row: Provider) -> str:
    address = f"`{row.base_url}`" if row.base_url else f"yours, such as `{row.address_hint}`"
    if row.name == "demo":
        address = "in the gateway"
    models = f"`{row.models_path}`" if row.models_path else "the catalogue's"
    title = f"[{row.title}]({row.keys_url})" if row.keys_url else row.title
    return f"| {title} | `{row.name}` | {address} | {_key(row)} | {models} |\n"


def _key(row: Provider) -> str:
    words = [_SIGNED[row.auth]]
    if row.key_variable:
        words.append(f"`{row.key_variable}`")
    if row.key_optional:
        words.append("may be left out")
    return ", ".join(words)


def _traffic(prefix: str, recorded: Recorded, *, code: bool = True) -> str:
    counts = [recorded.counts[kind] for kind in (Kind.ANSWER, Kind.STREAM, Kind.FAILURE, Kind.REFUSED_HERE)]
    passed = recorded.recorded - recorded.counts[Kind.REFUSED_HERE]
    cells: list[str | int] = [f"`{prefix}`" if code else prefix, recorded.recorded, *counts, passed]
    cells += [recorded.stated, recorded.explained]
    return f"| {' | '.join(map(str, cells))} |\n"


def _sum(all_of: list[Recorded]) -> Recorded:
    counts = {kind: sum(each.counts[kind] for each in all_of) for kind in Kind}
    return Recorded(
        counts=counts,
        stated=sum(each.stated for each in all_of),
        explained=sum(each.explained for each in all_of),
    )


def _section(row: Provider) -> str:
    lines = [*row.quirks, *_facts(row)]
    return f"\n### {row.title}\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def _facts(row: Provider) -> Iterator[str]:
    """What follows from the fields of a row."""
    if row.bills_by_statement:
        yield f"What it says it billed (`{'.'.join(_statement(row))}`) is what is booked."
    if not row.limit_honoured or row.limit_passed_by:
        who = "its models" if not row.limit_honoured else _names(row.limit_passed_by)
        kept = f" ({_names(row.limit_kept_by)} excepted)" if row.limit_kept_by else ""
        yield f"On a key with a cap, the worst case of {who}{kept} is the model's own maximum of output."
    if not row.asks_stream_usage:
        yield "`stream_options` is never sent to it."
    if len(row.limit_names) == 1:
        yield f"The limit on output tokens is sent as `{row.limit_names[0]}`."
    if row.standard_tier:
        yield f"On a key with a cap, an open `service_tier` is sent as `{row.standard_tier}`."
    for name, members in row.covered.items():
        yield f"On a key with a cap, `{name}` may have {_names(members)}, and nothing else."
    if row.files_have_fees:
        yield "On a key with a cap, files (PDF) are refused where the model itself does not take them."
    if more := [name for name in row.never_sent if name not in ROUTING]:
        yield f"Refused too: {_names(more)}."
    if more := [name for name in row.unbounded if name not in OPEN_ENDED]:
        yield f"Refused on a key with a cap too: {_names(more)}."


def _statement(row: Provider) -> tuple[str, ...]:
    assert row.counting.statement is not None
    return ("usage", *row.counting.statement.path)


def main() -> None:
    PAGE.write_text(rendered(), encoding="utf-8")


if __name__ == "__main__":
    main()
