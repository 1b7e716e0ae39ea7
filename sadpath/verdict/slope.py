"""The slope of memory against requests, and its bootstrap.

The slope is Theil and Sen's median of pairwise slopes, which a few outliers do not move. Its confidence interval comes
from a circular block bootstrap of the residuals (Politis and Romano 1992), because samples of memory are
autocorrelated: a test that takes them as independent reports leaks in noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_POINTS = 80
"""Points that a series is thinned to before its pairwise slopes are computed."""

RESAMPLES = 600
"""Bootstrap samples behind an interval."""


def resampled_slopes(requests: Floats, memory: Floats, rng: np.random.Generator) -> Floats:
    """Return the slope of a series, and after it those of `RESAMPLES` series with its residuals drawn in blocks."""
    slope = theil_sen(requests, memory)
    line = np.median(memory - slope * requests) + slope * requests
    residuals = memory - line
    count = len(memory)
    block = math.ceil(math.sqrt(count))
    starts = rng.integers(0, count, size=(RESAMPLES, math.ceil(count / block)))
    picks = (starts[:, :, None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :count] % count
    again = theil_sen(requests, line + residuals[picks])
    widened = slope + _widening(starts.shape[1], residuals) * (again - slope)
    return np.concatenate([[slope], widened])


def _widening(blocks: int, residuals: Floats) -> float:
    """Return by how much the interval of a bootstrap is to be widened: for few blocks, and for noise that drifts.

    A line through so many blocks leaves two degrees of freedom fewer. `make calibrate` measures what comes of it.
    """
    return student_t(blocks - 2) / NORMAL / (1 - _persistence(residuals))


def _persistence(residuals: Floats) -> float:
    """Return the correlation of neighbours, not below 0: what a short series hides of a drifting noise."""
    residuals = residuals - residuals.mean()
    energy = float(residuals @ residuals)
    return max(0.0, float(residuals[1:] @ residuals[:-1]) / energy) if energy else 0.0


def theil_sen(requests: Floats, memory: Floats) -> Floats:
    """Return the median of all pairwise slopes of each row of `memory`; no two `requests` are equal."""
    i, j = np.triu_indices(len(requests), 1)
    return np.asarray(np.median((memory[..., j] - memory[..., i]) / (requests[j] - requests[i]), axis=-1))


def thinned(requests: Sequence[float], memory: Sequence[float]) -> tuple[Floats, Floats]:
    """Return requests and memory, as medians: of the samples that a pause in the load left at the same request, and of
    neighbours where there are more than `MAX_POINTS`.
    """
    served, first = np.unique(requests, return_index=True)
    level = np.asarray(memory, dtype=float)
    if len(served) < len(level):
        level = np.array([np.median(part) for part in np.split(level, first[1:])])
    bins = min(len(served), MAX_POINTS)
    return _medians(served, bins), _medians(level, bins)


def _medians(series: Floats, bins: int) -> Floats:
    return np.array([np.median(part) for part in np.array_split(series, bins)])


# fmt: off
QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on
"""The 97.5% quantiles for 1, 2, … 30 degrees of freedom."""

NORMAL = 1.960
"""The same quantile of the normal distribution."""


def student_t(degrees: int) -> float:
    """Return the 97.5% quantile, too wide by at most 4.2% for more degrees of freedom than the table has."""
    return QUANTILES[min(max(degrees, 1), len(QUANTILES)) - 1]
