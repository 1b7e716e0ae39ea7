"""An estimate with its interval, by a bootstrap over what was measured. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 1
"""Fixed, so that two evaluations of one run do not differ."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% CI."""

    value: float
    ci95: Interval


def draws(count: int, resamples: int = RESAMPLES) -> NDArray[np.intp]:
    """Return which of `count` measurements each resample has: the same ones each time, so that pairs stay pairs."""
    return np.random.default_rng(SEED).integers(count, size=(resamples, count))


def interval(drawn: NDArray[np.float64]) -> Interval:
    """Return the 95% CI of a figure that was computed for each resample."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def interval_of_median(values: Sequence[float], resamples: int = 5 * RESAMPLES) -> Interval | None:
    """Return the 95% CI of the median; None with fewer than two values, which show no spread."""
    if len(values) < 2:  # noqa: PLR2004
        return None
    return interval(np.median(np.asarray(values)[draws(len(values), resamples)], axis=1))


def rounded(value: Any, digits: int = 3) -> Any:
    """Return a figure, or each of several, with no more digits than it is known to."""
    if isinstance(value, Mapping):
        return {name: rounded(one, digits) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one, digits) for one in value]
    return round(value, digits) if isinstance(value, float) else value
