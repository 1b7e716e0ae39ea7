"""The page for people, `docs/truth-table.md`: what was expected, what was measured, what changed between versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import attrgetter

from experiments.measurement import machine_in_words
from experiments.pages import bytes_range, counts, render
from experiments.twins.variants import TwinRow, VariantFigures, grouped
from loadtest.catalogue import Range, Twin

SAME_COUNT = 0.5
"""Counts that lie no further apart are called the same: those of one request differ by one at least."""

SAME_BYTES, SAME_PART = 256.0, 0.1
"""Bytes are called the same where they lie no further apart than this part of the larger, or than so many bytes."""

Rows = Sequence[TwinRow[VariantFigures]]
Version = Callable[[TwinRow[VariantFigures]], str]


python_of: Version = attrgetter("python")
starlette_of: Version = attrgetter("starlette")


@dataclass(frozen=True)
class Extent:
    """Within what the figures of several rows lie: entries, bytes with all their intervals, cycles, log bytes."""

    entries: Range
    bytes_retained: Range
    cyclic: Range
    log: Range

    @classmethod
    def of(cls, rows: Rows) -> Extent | None:
        """Return within what the figures of these rows lie, None where none was measured."""
        found = [row.found for row in rows if row.found]
        if not found:
            return None
        counted = [
            [one.traceback_entries_per_request for one in found],
            [one.cyclic_objects_per_request for one in found],
            [one.log_bytes_added_per_request for one in found],
        ]
        entries, cyclic, log = ((min(values), max(values)) for values in counted)
        return cls(entries, _around([one.ci95 for one in found]), cyclic, log)

    @property
    def ranges(self) -> tuple[Range, Range, Range, Range]:
        """All four."""
        return self.entries, self.bytes_retained, self.cyclic, self.log

    def is_like(self, other: Extent) -> bool:
        """Whether the two are the same, as far as people care."""
        apart = max(SAME_BYTES, SAME_PART * max(map(abs, (*self.bytes_retained, *other.bytes_retained))))
        gaps = (max(0.0, a[0] - b[1], b[0] - a[1]) for a, b in zip(self.ranges, other.ranges, strict=True))
        return all(gap <= bound for gap, bound in zip(gaps, (SAME_COUNT, apart, SAME_COUNT, SAME_COUNT), strict=True))

    def around(self, other: Extent) -> Extent:
        """Return within what both lie."""
        return Extent(*map(_around, zip(self.ranges, other.ranges, strict=True)))

    @property
    def in_short(self) -> str:
        """Only what there is: a variant that leaves nothing is flat."""
        parts = [f"{counts(self.entries)} entries"] if self.entries[1] > SAME_COUNT else []
        parts += [f"{bytes_range(self.bytes_retained)} bytes"] if self.bytes_retained[0] > SAME_BYTES else []
        parts += [f"{counts(self.cyclic)} in cycles"] if self.cyclic[1] > SAME_COUNT else []
        return ", ".join(parts) or "nothing"


def _around(ranges: Sequence[Range]) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


Groups = Mapping[str, Extent]
"""What was measured on each version, by version."""


@dataclass(frozen=True)
class Difference:
    """A variant that does not leave the same behind on all versions of one thing; `on` has those of the other thing."""

    name: str
    on: str
    groups: Groups


def between(rows: Rows, version: Version, other: Version) -> list[Difference]:
    """Return which variants differ between versions; those that do so alike on several of the `other` thing as one."""
    found: list[Difference] = []
    for (name, on), ours in grouped(rows, lambda row: (row.variant_name, other(row))).items():
        groups = {one: seen for one, group in grouped(ours, version).items() if (seen := Extent.of(group))}
        if all(first.is_like(second) for first, second in combinations(groups.values(), 2)):
            continue
        alike = next((one for one in found if one.name == name and _are_alike(one.groups, groups)), None)
        if alike:
            both = {one: alike.groups[one].around(seen) for one, seen in groups.items()}
            found[found.index(alike)] = Difference(name, f"{alike.on}, {on}", both)
        else:
            found.append(Difference(name, on, groups))
    return found


def _are_alike(some: Groups, others: Groups) -> bool:
    return some.keys() == others.keys() and all(seen.is_like(others[version]) for version, seen in some.items())


def truth_page(twins: Sequence[Twin], rows: Rows, environment: Mapping[str, str]) -> str:
    """Return the page of a whole table, all `rows` of all `twins`, as Markdown."""
    by_twin = grouped(rows, lambda row: row.twin)
    return render(
        "truth-table.md",
        twins=twins,
        rows=rows,
        fastapi=environment["fastapi"],
        machine=machine_in_words(),
        pythons=list(grouped(rows, python_of)),
        starlettes=list(grouped(rows, starlette_of)),
        wrong=[row for row in rows if not row.agrees],
        between_starlettes=between(rows, starlette_of, python_of),
        between_pythons=between(rows, python_of, starlette_of),
        overview=list(_overview(rows)),
        extent=Extent.of,
        logged=lambda twin: any(row.found and row.found.log_bytes_added_per_request for row in by_twin[twin.slug]),
        groups_of=lambda twin: _groups(twin, by_twin[twin.slug]),
    )


def _overview(rows: Rows) -> Iterator[tuple[str, str, Rows]]:
    """Yield the rows of each variant, apart where versions are expected to differ, and on which they were measured."""
    for name, ours in grouped(rows, lambda row: row.variant_name).items():
        for group in grouped(ours, lambda row: str(row.expected)).values():
            yield name, _on(group, ours), group


def _on(rows: Rows, among: Rows) -> str:
    """Return on which versions these rows were measured, where it is not all of them."""
    parts = []
    for name, version in (("Starlette", starlette_of), ("Python", python_of)):
        ours = list(grouped(rows, version))
        if len(ours) < len(grouped(among, version)):
            parts.append(f"{name} {', '.join(ours)}")
    return "; ".join(parts) or "all"


def _groups(twin: Twin, rows: Rows) -> list[tuple[str, str, Rows]]:
    """Return the rows of each variant and Starlette, in the order of the catalogue."""
    order = [variant.slug for variant in twin.variants]
    groups = grouped(rows, lambda row: (row.variant, row.starlette))
    return [(*key, ours) for key, ours in sorted(groups.items(), key=lambda item: order.index(item[0][0]))]
