"""The page for people, `docs/truth-table.md`: what was expected, what was measured, what changed between versions."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from loadtest.catalogue import Twin
from loadtest.truth import wording
from loadtest.truth.row import TruthRow
from loadtest.truth.summary import SAME_BYTES, SAME_COUNT, Difference, Summary, between, grouped, summary

TEST = "test_what_a_request_leaves_behind"

WHAT = ("expected", "measured")

_TEMPLATES = Environment(
    loader=PackageLoader("loadtest.truth", "templates"),
    autoescape=False,  # noqa: S701 - Markdown of our own
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def write_page(path: Path, twins: Sequence[Twin], rows: Sequence[TruthRow], environment: Mapping[str, str]) -> None:
    """Write the page of a whole table: all `rows` of all `twins`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(twins, rows, environment), encoding="utf-8")


def page(twins: Sequence[Twin], rows: Sequence[TruthRow], environment: Mapping[str, str]) -> str:
    """Return the page as Markdown."""
    pythons, starlettes = list(grouped(rows, _python)), list(grouped(rows, _starlette))
    return _TEMPLATES.get_template("truth-table.md").render(
        twins=twins,
        rows=rows,
        fastapi=environment["fastapi"],
        machine=f"{platform.system()} {platform.machine()}",
        pythons=pythons,
        starlettes=starlettes,
        wrong=[row for row in rows if not row.agrees],
        between_starlettes=_differences(between(rows, _starlette, _python), starlettes, "Python"),
        between_pythons=_differences(between(rows, _python, _starlette), pythons, "Starlette"),
        overview=_overview(rows),
        table_of=lambda twin: _twin_table(twin, [row for row in rows if row.twin == twin.slug], pythons),
        names=wording.table(
            ("pattern", "from", "twin and variant", "module", "test"),
            [line for twin in twins for line in _names(twin)],
            figures_from=5,
        ),
    )


def _overview(rows: Sequence[TruthRow]) -> str:
    """Return one line for each variant, or several where versions are expected to differ."""
    expected_and_measured = [f"{figure}: {what}" for figure in ("entries", "bytes", "cycles") for what in WHAT]
    headings = ("variant", "on", *expected_and_measured, "agrees")
    lines = []
    for ours in grouped(rows, lambda row: row.variant_name).values():
        groups = list(grouped(ours, lambda row: str(row.expected)).values())
        lines += [_overview_line(group, _on(group, ours)) for group in groups]
    return wording.table(headings, lines, figures_from=2)


def _on(rows: Sequence[TruthRow], among: Sequence[TruthRow]) -> str:
    """Return on which versions these rows were measured, where it is not all of them."""
    parts = []
    for name, version in (("Starlette", _starlette), ("Python", _python)):
        ours = list(grouped(rows, version))
        if len(ours) < len(grouped(among, version)):
            parts.append(f"{name} {', '.join(ours)}")
    return "; ".join(parts) or "all"


def _overview_line(rows: Sequence[TruthRow], on: str) -> list[str]:
    expected, seen = rows[0].expected, summary(rows)
    cells = [wording.NONE] * 6
    if expected and seen:
        cells = [wording.counts(expected["traceback_entries_per_request"]), wording.counts(seen.entries)]
        cells += [wording.bytes_range(expected["bytes_per_request"]), wording.bytes_range(seen.bytes_kept)]
        cells += [wording.counts(expected["cyclic_objects_per_request"]), wording.counts(seen.cyclic)]
    return [f"`{rows[0].variant_name}`", on, *cells, _agreeing(rows)]


def _twin_table(twin: Twin, rows: Sequence[TruthRow], pythons: Sequence[str]) -> str:
    """Return one line for each variant and Starlette, with the bytes on each Python."""
    logs = any(row.measured and row.measured.log_bytes_added_per_request for row in rows)
    headings = ["variant", "Starlette", "entries", "cycles", *["log bytes"] * logs]
    headings += [f"bytes on {python}" for python in pythons]
    groups = grouped(rows, lambda row: (row.variant, row.starlette))
    order = {variant.slug: number for number, variant in enumerate(twin.variants)}
    lines = []
    for (variant, starlette), ours in sorted(groups.items(), key=lambda item: order[item[0][0]]):
        seen = summary(ours)
        counted = [wording.counts(seen.entries), wording.counts(seen.cyclic)] if seen else [wording.NONE] * 2
        if logs:
            counted.append(wording.bytes_range(seen.log) if seen else wording.NONE)
        lines.append([f"`{variant}`", starlette, *counted, *(_bytes_of(ours, python) for python in pythons)])
    return wording.table(headings, lines, figures_from=2)


def _bytes_of(rows: Sequence[TruthRow], python: str) -> str:
    found = next((row.measured for row in rows if row.python == python), None)
    return wording.figure(found.bytes_per_request, found.ci95) if found else wording.NONE


def _differences(found: Sequence[Difference], versions: Sequence[str], other: str) -> str:
    """Return what differs as a table, an empty string if nothing does."""
    lines = [[f"`{one.name}`", one.on, *(_in_short(one.groups.get(version)) for version in versions)] for one in found]
    return wording.table(("variant", other, *versions), lines, figures_from=len(versions) + 2) if lines else ""


def _in_short(seen: Summary | None) -> str:
    """Return only what there is: a variant that leaves nothing is flat."""
    if seen is None:
        return wording.NONE
    parts = [f"{wording.counts(seen.entries)} entries"] if seen.entries[1] > SAME_COUNT else []
    parts += [f"{wording.bytes_range(seen.bytes_kept)} bytes"] if seen.bytes_kept[0] > SAME_BYTES else []
    parts += [f"{wording.counts(seen.cyclic)} in cycles"] if seen.cyclic[1] > SAME_COUNT else []
    return ", ".join(parts) or "nothing"


def _names(twin: Twin) -> Iterator[list[str]]:
    module = f"{twin.slug.replace('-', '_')}.py"
    for variant in twin.variants:
        name = f"{twin.slug}/{variant.slug}"
        yield [twin.title, twin.origin, f"`{name}`", f"[{module}](../service/twins/{module})", f"`{TEST}[{name}]`"]


def _agreeing(rows: Sequence[TruthRow]) -> str:
    return f"{sum(row.agrees for row in rows)} of {len(rows)}"


def _python(row: TruthRow) -> str:
    return row.python


def _starlette(row: TruthRow) -> str:
    return row.starlette
