"""Compare what was measured with what the catalogue expects. Pure functions: figures in, reasons out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from loadtest.catalogue import Expected, Range
from loadtest.truth.readings import Measured
from loadtest.truth.wording import count, counts, figure

Agreement = Literal["agrees", "disagrees", "too noisy"]

TO_A_TENTH = ("traceback_entries_per_request", "cyclic_objects_per_request", "log_bytes_added_per_request")
"""What is counted exactly, and compared to a tenth: a request that is still on its way out at a reading is no leak."""


def judge_row(expected: Expected, measured: Measured) -> tuple[Agreement, str]:
    """Return whether one variant behaves as expected, and if not, why.

    A counted figure agrees when it lies in its range. The bytes agree when their whole 95% CI lies in the range,
    and disagree when none of it does. An interval of which a part lies in the range decides nothing: it is too noisy.
    """
    reasons = [
        f"{name} is {count(value)}, expected {counts(expected[name])}"
        for name in TO_A_TENTH
        if not _lies_in(value := round(getattr(measured, name), 1), expected[name])
    ]
    retained, reason = _judge_bytes(expected["bytes_per_request"], measured)
    if reasons or retained == "disagrees":
        return "disagrees", "; ".join([*reasons, reason] if reason else reasons)
    return retained, reason


def told_apart(expected_leaky: Expected, leaky: Measured, expected_fixed: Expected, fixed: Measured) -> str:
    """Return why a leaky variant cannot be distinguished from its fixed one, an empty string if it can.

    It can where its bytes, its objects in reference cycles or its log bytes are expected, and lie above those of the
    fixed one without an overlap of the intervals. Where both are expected to be flat, as on a Starlette that clears
    the traceback, no difference is expected.
    """
    if is_flat(expected_leaky) and is_flat(expected_fixed):
        return ""
    figures = ("bytes_per_request", "cyclic_objects_per_request", "log_bytes_added_per_request")
    pairs = zip(figures, _intervals(leaky), _intervals(fixed), strict=True)
    if any(expected_leaky[figure][0] > 0 and ours[0] > theirs[1] for figure, ours, theirs in pairs):
        return ""
    return "not distinguished from its fixed variant: neither bytes nor objects in cycles nor log bytes are higher"


def is_flat(expected: Expected) -> bool:
    """Whether every range includes zero."""
    return all(low <= 0 <= high for low, high in expected.values())


def _judge_bytes(expected: Range, measured: Measured) -> tuple[Agreement, str]:
    low, high = measured.ci95
    found = f"bytes_per_request is {figure(measured.bytes_per_request, measured.ci95)}"
    if expected[0] <= low and high <= expected[1]:
        return "agrees", ""
    if high < expected[0] or expected[1] < low:
        return "disagrees", f"{found}, expected {counts(expected)}"
    return "too noisy", f"too noisy: {found}, and only a part of that lies in {counts(expected)}"


def _lies_in(value: float, expected: Range) -> bool:
    return expected[0] <= value <= expected[1]


def _intervals(measured: Measured) -> Iterator[Range]:
    yield measured.ci95
    yield measured.cyclic_range
    yield measured.log_range
