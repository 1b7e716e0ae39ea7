"""docs/check-matrix.md: the confusion matrix, and each mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from loadtest.matrix.judged import Judged

HEAD = """\
# How often `sadpath check` is right

`make matrix` writes this page. Every variant of every twin that answers over HTTP is checked as a path of one running
lab, on each Python and on two Starlettes; on the Python that runs the command also alone, in a fresh service. What is
expected comes from the twin itself, and [truth-table.md](truth-table.md) verifies it by other means: a leak is growth
of more than 100 bytes per request. An object is *named* if the leak was put down to an object of the lab, by the name
that it has in the source.

"""


def write_page(path: Path, rows: Sequence[Judged], environment: Mapping[str, object]) -> None:
    """Write the page."""
    versions = ", ".join(f"{name} {value}" for name, value in environment.items())
    path.write_text(HEAD + "\n".join(_lines(rows)) + f"\n\nMeasured with {versions}.\n", encoding="utf-8")


def _lines(rows: Sequence[Judged]) -> Iterator[str]:
    yield "| expected | found leaks | found flat | inconclusive | named |"
    yield "|---|---|---|---|---|"
    for expected in ("leaks", "flat"):
        ours = [row for row in rows if row.expected == expected]
        found = Counter(row.found for row in ours)
        leaks = [row for row in ours if row.found == "leaks"]
        named = f"{sum(row.is_named for row in leaks)} of {len(leaks)}" if expected == "leaks" else ""
        yield f"| {expected} | {found['leaks']} | {found['flat']} | {found['inconclusive']} | {named} |"
    yield ""
    yield "| on | variants | right | wrong | inconclusive |"
    yield "|---|---|---|---|---|"
    for runtime, group in by_runtime(rows).items():
        right = sum(row.found == row.expected for row in group)
        undecided = sum(row.found == "inconclusive" for row in group)
        yield f"| {runtime} | {len(group)} | {right} | {len(group) - right - undecided} | {undecided} |"
    yield ""
    yield from _others(rows)


def by_runtime(rows: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Return the rows of each runtime, those of variants alone apart."""
    groups: dict[str, list[Judged]] = {}
    for row in rows:
        groups.setdefault(f"{row.runtime}{', alone' if row.alone else ''}", []).append(row)
    return groups


def _others(rows: Sequence[Judged]) -> Iterator[str]:
    """Yield a line for each variant that was not decided as expected, or whose object was not named."""
    odd = [row for row in rows if row.found != row.expected or (row.found == "leaks" and not row.is_named)]
    if not odd:
        yield "Each variant was decided as expected, and each object named."
        return
    yield "| not as expected | on | expected | found | held by |"
    yield "|---|---|---|---|---|"
    for row in odd:
        on = f"{row.runtime}{', alone' if row.alone else ''}"
        yield f"| {row.variant} | {on} | {row.expected} | {row.found} | {row.held_by or '–'} |"
