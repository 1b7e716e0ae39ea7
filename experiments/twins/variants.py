"""One variant on one runtime: what is expected, what was found, whether that agrees. Pure: figures in, reasons out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Generic, Literal, TypeVar

from experiments.pages import count, counts, figure
from loadtest.catalogue import Expected, Range, Twin
from sadpath.verdict.samples import Series, judge_samples

Found = TypeVar("Found")
Key = TypeVar("Key")
Value = TypeVar("Value")
Agreement = Literal["agrees", "disagrees", "too noisy"]

TO_A_TENTH = ("traceback_entries_per_request", "cyclic_objects_per_request", "log_bytes_added_per_request")
"""What is counted exactly, and compared to a tenth: a request that is still on its way out at a reading is no leak."""


@dataclass(frozen=True)
class TwinRow(Generic[Found]):
    """One variant on one Python and one Starlette: what is expected, what was found, and whether that agrees.

    A row that could not be measured has nothing found, and a reason. `alone` is whether the variant had a service to
    itself, where others share one.
    """

    twin: str
    variant: str
    python: str
    starlette: str
    expected: Expected | None = None
    found: Found | None = None
    agrees: bool = False
    reason: str = ""
    alone: bool = False

    @property
    def variant_name(self) -> str:
        """The twin and the variant, as tests are named after them."""
        return f"{self.twin}/{self.variant}"

    @property
    def runtime_name(self) -> str:
        """What it was measured on, in words."""
        return f"Python {self.python}, Starlette {self.starlette}"

    @property
    def on(self) -> str:
        """The same, and whether the variant was alone."""
        return f"{self.runtime_name}{', alone' if self.alone else ''}"

    @property
    def name(self) -> str:
        """The row in words; no two rows have the same."""
        return f"{self.variant_name} on {self.on}"


def grouped(rows: Iterable[Value], key: Callable[[Value], Key]) -> dict[Key, list[Value]]:
    """Return the rows by key, in their order."""
    groups: dict[Key, list[Value]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


@dataclass(frozen=True)
class RoundReading:
    """What `POST /lab/settle` returned after a round, and what the round itself was like.

    `requests` counts those to the variant since the process began. `bytes_in_use` is None where the allocators of the
    process do not report it; then `anonymous_bytes` is used. `log_bytes` is the length of the last answer's log
    record, None where an answer has none, and `median_ms` the median duration of the round's requests.
    """

    requests: int
    bytes_in_use: int | None
    anonymous_bytes: int
    traceback_entries: int
    collected_objects: int
    log_bytes: int | None
    median_ms: float


@dataclass(frozen=True)
class VariantFigures:
    """What one request through a variant leaves behind, as measured.

    `ci95` is the 95% CI of the bytes; `bytes_are_exact` is whether these were bytes in use, and not pages of
    memory. `cyclic_range` and `log_range` are the lowest and the highest figure of a round. `entries_left` are the
    traceback entries that were alive at the end, less those before the first request.
    """

    requests: int
    traceback_entries_per_request: float
    bytes_per_request: float
    ci95: Range
    bytes_are_exact: bool
    cyclic_objects_per_request: float
    cyclic_range: Range
    log_bytes_added_per_request: float
    log_range: Range
    entries_left: int
    median_ms_first_round: float
    median_ms_last_round: float


def figures_of(entries_before: int, readings: Sequence[RoundReading]) -> VariantFigures:
    """Make the figures of the readings between rounds, the first of them after the warm-up.

    Memory alone goes to the verdict, which gives its slope and its interval; what is counted needs no statistics.
    Raises `ValueError` with too few readings or requests for an interval.
    """
    requests = [reading.requests for reading in readings]
    in_use = [reading.bytes_in_use for reading in readings if reading.bytes_in_use is not None]
    bytes_are_exact = len(in_use) == len(readings)
    memory = in_use if bytes_are_exact else [reading.anonymous_bytes for reading in readings]
    verdict = judge_samples([Series(requests, memory)])
    if math.isnan(verdict.bytes_per_request):
        raise ValueError(verdict.reason)
    entries = [reading.traceback_entries for reading in readings]
    cyclic, cyclic_range = _growth(requests, [reading.collected_objects for reading in readings])
    log, log_range = _growth(requests, [reading.log_bytes or 0 for reading in readings])
    return VariantFigures(
        requests=requests[-1],
        traceback_entries_per_request=_growth(requests, entries)[0],
        bytes_per_request=verdict.bytes_per_request,
        ci95=verdict.ci95,
        bytes_are_exact=bytes_are_exact,
        cyclic_objects_per_request=cyclic,
        cyclic_range=cyclic_range,
        log_bytes_added_per_request=log,
        log_range=log_range,
        entries_left=entries[-1] - entries_before,
        median_ms_first_round=readings[1].median_ms,
        median_ms_last_round=readings[-1].median_ms,
    )


def _growth(requests: Sequence[int], counts: Sequence[int]) -> tuple[float, Range]:
    """Return by how much an exact count grew for each request: in all, and in the lowest and the highest round."""
    points = list(zip(requests, counts, strict=True))
    rounds = [(after - before) / (end - start) for (start, before), (end, after) in pairwise(points)]
    return (counts[-1] - counts[0]) / (requests[-1] - requests[0]), (min(rounds), max(rounds))


def judge_figures(expected: Expected, found: VariantFigures) -> tuple[Agreement, str]:
    """Return whether one variant behaves as expected, and if not, why.

    A counted figure agrees when it lies in its range. The bytes agree when their whole 95% CI lies in the range,
    and disagree when none of it does. An interval of which a part lies in the range decides nothing: it is too noisy.
    """
    reasons = []
    for name in TO_A_TENTH:
        (low, high), value = expected[name], round(getattr(found, name), 1)
        if not low <= value <= high:
            reasons.append(f"{name} is {count(value)}, expected {counts(expected[name])}")
    retained, reason = _judge_bytes(expected["bytes_per_request"], found)
    if reasons or retained == "disagrees":
        return "disagrees", "; ".join(filter(None, [*reasons, reason]))
    return retained, reason


def _judge_bytes(expected: Range, found: VariantFigures) -> tuple[Agreement, str]:
    low, high = found.ci95
    is_figure = f"bytes_per_request is {figure(found.bytes_per_request, found.ci95)}"
    if expected[0] <= low and high <= expected[1]:
        return "agrees", ""
    if high < expected[0] or expected[1] < low:
        return "disagrees", f"{is_figure}, expected {counts(expected)}"
    return "too noisy", f"too noisy: {is_figure}, and only a part of that lies in {counts(expected)}"


def unlike_their_pair(
    twins: Sequence[Twin], rows: Sequence[TwinRow[VariantFigures]]
) -> Iterator[TwinRow[VariantFigures]]:
    """Yield the rows of leaky variants, no longer agreeing, that cannot be distinguished from their fixed ones.

    The rows are those of one runtime. Where a row has no figures it has a reason of its own.
    """
    by_variant = {row.variant_name: row for row in rows}
    for twin in twins:
        leaky, fixed = (by_variant.get(f"{twin.slug}/{slug}") for slug in (twin.leaky, twin.fixed))
        if leaky and fixed and (reason := why_not_told_apart(leaky, fixed)):
            yield replace(leaky, agrees=False, reason="; ".join(filter(None, [leaky.reason, reason])))


def why_not_told_apart(leaky: TwinRow[VariantFigures], fixed: TwinRow[VariantFigures]) -> str:
    """Return why a leaky variant cannot be distinguished from its fixed one, an empty string if it can.

    It can where its bytes, its objects in reference cycles or its log bytes are expected, and lie above those of the
    fixed one without an overlap of the intervals. Where both are expected to be flat, as on a Starlette that clears
    the traceback, no difference is expected.
    """
    if not (leaky.found and fixed.found and leaky.expected and fixed.expected):
        return ""
    if _is_flat(leaky.expected) and _is_flat(fixed.expected):
        return ""
    ours, theirs = _intervals(leaky.found), _intervals(fixed.found)
    if any(leaky.expected[name][0] > 0 and ours[name][0] > theirs[name][1] for name in ours):
        return ""
    return "not distinguished from its fixed variant: neither bytes nor objects in cycles nor log bytes are higher"


def _is_flat(expected: Expected) -> bool:
    """Whether every range includes zero."""
    return all(low <= 0 <= high for low, high in expected.values())


def _intervals(found: VariantFigures) -> Mapping[str, Range]:
    return {
        "bytes_per_request": found.ci95,
        "cyclic_objects_per_request": found.cyclic_range,
        "log_bytes_added_per_request": found.log_range,
    }
