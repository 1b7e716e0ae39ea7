"""What is decided of a service or of one of its error paths, with its evidence, and the thresholds that decide.

Pure, as all of this package: no clock, no input or output.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["leaks", "flat", "inconclusive"]

Suspect = tuple[int, int]
"""An exception object: the process that it is in, and its id there."""

FLAT_BELOW_EXACT = 100.0
"""Growth below this, in bytes per request, is flat where bytes in use are counted exactly. An exception that is kept
without its traceback takes 200.
"""

FLAT_BELOW_IN_PAGES = 256.0
"""The same where memory is only known in pages: sampled, or read from outside. The smallest leak of a reused exception
with a traceback is about 460.
"""

HIDDEN_IN_PAGES = float(2**20)
"""Bytes that may come to lie on pages that the process has anyway, before the first new page is seen."""

PROOF_ENTRIES_PER_REQUEST = 0.05
"""Growth of a traceback from which it is proof of a leak. Below it memory decides."""

MIN_ROUNDS = 3
"""Rounds from which there is a confidence interval worth the name."""

MIN_SAMPLES, MIN_REQUESTS = 8, 300
"""Samples, and requests in them, from which there is a verdict."""

MIN_OF_A_LEAK = 20
"""Rounds, or samples under load, with which memory alone can convict. A cache that fills grows in a straight line at
first.
"""

PARTS = 3
"""Parts of a run in each of which a leak has to grow. A step grows in one."""

LEVELS_OFF = 0.7
"""Growth in the second half of a run, as a share of that in the first, below which memory levels off."""


@dataclass(frozen=True)
class Verdict:
    """What was decided, with its evidence.

    `bytes_per_request` is the slope of memory and `ci95` its 95% confidence interval. `traceback_entries_per_request`
    is the growth of the tracebacks of all followed exceptions, and `errors` that of each whose traceback grows.
    `suspects` are the exception objects whose tracebacks grew in every round, with their entries per request.
    `flat_below` is the threshold that decided, in bytes per request. `together` is the number of error paths that the
    figures are of: those of a group are the sum of what a request of each retains. `flat` means that growth of it or
    more is ruled out, not that nothing grows. `inconclusive` means that these samples or rounds do not decide.
    """

    outcome: Outcome
    reason: str
    samples: int = 0
    requests: int = 0
    restarts: int = 0
    bytes_per_request: float = math.nan
    ci95: tuple[float, float] = (math.nan, math.nan)
    traceback_entries_per_request: float | None = None
    cyclic_objects_per_request: float | None = None
    errors: Mapping[str, float] = field(default_factory=dict)
    suspects: Mapping[Suspect, float] = field(default_factory=dict)
    flat_below: float = FLAT_BELOW_EXACT
    together: int = 1

    @property
    def figures(self) -> str:
        """The slope and its confidence interval in words, or that they are unknown."""
        if math.isnan(self.bytes_per_request):
            return "bytes retained per request unknown"
        low, high = (_whole(bound) for bound in self.ci95)
        slope = _whole(self.bytes_per_request)
        return f"{slope} byte{'s' * (slope != '1')} retained per request (95% CI {low} to {high})"

    @property
    def basis(self) -> str:
        """How much was measured: samples, requests, and restarts if there were any."""
        counts = {"sample": self.samples, "request": self.requests, "restart": self.restarts}
        return ", ".join(
            f"{count:,} {noun}{'s' * (count != 1)}" for noun, count in counts.items() if count or noun != "restart"
        )

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, with all its evidence."""
        return f"{self.outcome}: {self.figures}; {self.reason} ({self.basis})"

    @property
    def as_json(self) -> dict[str, Any]:
        """The verdict for programs; a figure that is unknown is null."""
        return {
            "verdict": self.outcome,
            "reason": self.reason,
            "requests": self.requests,
            "samples": self.samples,
            "restarts": self.restarts,
            "bytes_per_request": rounded(self.bytes_per_request),
            "ci95": [rounded(bound) for bound in self.ci95],
            "flat_below_bytes_per_request": self.flat_below,
            "measured_together": self.together,
            "traceback_entries_per_request": rounded(self.traceback_entries_per_request, 2),
            "cyclic_objects_per_request": rounded(self.cyclic_objects_per_request, 2),
            "errors": {
                error: {"traceback_entries_per_request": round(entries, 2)} for error, entries in self.errors.items()
            },
        }


def rounded(figure: float | None, digits: int = 1) -> float | None:
    """Return a figure as JSON has it: None where it is unknown."""
    return None if figure is None or math.isnan(figure) else round(figure, digits)


def _whole(figure: float) -> str:
    return f"{round(figure) + 0:,}"  # never -0
