"""What lies over the growth of a service's memory, in bytes: one sample a second, none of it a leak."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]

MIB = 2.0**20
SPREAD = MIB / 4
"""Standard deviation of the noise."""

BESIDE = MIB / 16
"""Standard deviation of the white noise over a shape."""


def white(rng: np.random.Generator, count: int) -> Floats:
    """Independent from sample to sample."""
    return rng.normal(0, SPREAD, count)


def autoregressive(kept: float) -> Noise:
    """Return noise of the first order, AR(1): each sample keeps this share of the one before."""

    def noise(rng: np.random.Generator, count: int) -> Floats:
        """As wide as the white noise, but each sample keeps so much of the one before."""
        samples = white(rng, count)
        for index in range(1, count):
            samples[index] = kept * samples[index - 1] + np.sqrt(1 - kept**2) * samples[index]
        return samples

    return noise


def sawtooth(rng: np.random.Generator, count: int) -> Floats:
    """Garbage in reference cycles, until the garbage collector frees it after 3 to 12 samples."""
    every = rng.integers(3, 13)
    return (np.arange(count) + rng.integers(0, every)) % every * SPREAD + rng.normal(0, BESIDE, count)


def warm_up(rng: np.random.Generator, count: int) -> Floats:
    """Caches of 10 MB that fill, ever more slowly, with a time constant of a tenth of the run to the whole of it."""
    share = rng.uniform(0.1, 1.0)
    return 10e6 * (1 - np.exp(-np.arange(count) / (share * count))) + rng.normal(0, BESIDE, count)


def step(rng: np.random.Generator, count: int) -> Floats:
    """A cache of 16 MiB that is filled at once, at any time."""
    return np.where(np.arange(count) >= rng.integers(1, count), 16 * MIB, 0.0) + rng.normal(0, BESIDE, count)


NOISES: Mapping[str, Noise] = {
    "White noise": white,
    "AR(1) noise, 0.7": autoregressive(0.7),
    "AR(1) noise, 0.9": autoregressive(0.9),
    "A sawtooth, as of the garbage collector": sawtooth,
    "A warm-up that saturates": warm_up,
    "A step": step,
}
"""Each by its heading."""
