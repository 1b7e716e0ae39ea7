"""Several rows in one line: how far their figures lie apart, and what differs between versions. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from typing import TypeVar

from loadtest.catalogue import Range
from loadtest.truth.readings import Measured
from loadtest.truth.row import TruthRow

Key = TypeVar("Key")

SAME_COUNT = 0.5
"""Counts that lie no further apart are called the same: those of one request differ by one at least."""

SAME_BYTES = 256.0
SAME_PART = 0.1
"""Bytes are called the same where they lie no further apart than this part of the larger, or than so many bytes."""


@dataclass(frozen=True)
class Summary:
    """Within what the figures of several rows lie. That of the bytes holds all their intervals."""

    entries: Range
    bytes_kept: Range
    cyclic: Range
    log: Range

    def is_like(self, other: Summary) -> bool:
        """Whether two summaries are the same, as far as people care."""
        bytes_apart = max(SAME_BYTES, SAME_PART * max(map(abs, (*self.bytes_kept, *other.bytes_kept))))
        bounds = {"bytes_kept": bytes_apart}
        return all(
            _gap(getattr(self, one.name), getattr(other, one.name)) <= bounds.get(one.name, SAME_COUNT)
            for one in fields(self)
        )

    def around(self, other: Summary) -> Summary:
        """Return within what both lie."""
        return Summary(*(_around([getattr(one, part.name) for one in (self, other)]) for part in fields(self)))


Groups = Mapping[str, Summary]
"""What was measured on each version, by version."""


@dataclass(frozen=True)
class Difference:
    """A variant that does not leave the same behind on all versions of one thing; `on` has those of the other thing."""

    name: str
    on: str
    groups: Groups


def summary(rows: Sequence[TruthRow]) -> Summary | None:
    """Return within what the figures of these rows lie, None where none was measured."""
    found = [row.measured for row in rows if row.measured]
    if not found:
        return None
    return Summary(
        _around((one.traceback_entries_per_request, one.traceback_entries_per_request) for one in found),
        _around(one.ci95 for one in found),
        _around((one.cyclic_objects_per_request, one.cyclic_objects_per_request) for one in found),
        _around(_log(one) for one in found),
    )


def between(
    rows: Sequence[TruthRow], version: Callable[[TruthRow], str], other: Callable[[TruthRow], str]
) -> list[Difference]:
    """Return which variants differ between versions; those that do so alike on several of the `other` thing as one."""
    found: list[Difference] = []
    for (name, on), ours in grouped(rows, lambda row: (row.variant_name, other(row))).items():
        groups = {one: seen for one, group in grouped(ours, version).items() if (seen := summary(group)) is not None}
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


def grouped(rows: Sequence[TruthRow], key: Callable[[TruthRow], Key]) -> dict[Key, list[TruthRow]]:
    """Return the rows by key, in their order."""
    groups: dict[Key, list[TruthRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _around(ranges: Iterable[Range]) -> Range:
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)


def _log(found: Measured) -> Range:
    return found.log_bytes_added_per_request, found.log_bytes_added_per_request


def _gap(one: Range, other: Range) -> float:
    return max(0.0, one[0] - other[1], other[0] - one[1])
