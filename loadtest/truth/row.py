"""The rows of the truth table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadtest.catalogue import Expected
from loadtest.truth.readings import Measured


@dataclass(frozen=True)
class TruthRow:
    """One variant on one Python and one Starlette: what is expected, what was measured, and whether that agrees.

    A row that could not be measured has no figures, and a reason.
    """

    twin: str
    variant: str
    python: str
    starlette: str
    expected: Expected | None
    measured: Measured | None
    agrees: bool
    reason: str = ""

    @property
    def variant_name(self) -> str:
        """The twin and the variant, as tests are named after them."""
        return f"{self.twin}/{self.variant}"

    @property
    def name(self) -> str:
        """The row in words; no two rows have the same."""
        return f"{self.variant_name} on Python {self.python}, Starlette {self.starlette}"

    def as_json(self) -> dict[str, Any]:
        """Return the row as it is written to the file."""
        return {
            "twin": self.twin,
            "variant": self.variant,
            "python": self.python,
            "starlette": self.starlette,
            "expected": self.expected and {figure: list(bounds) for figure, bounds in self.expected.items()},
            "measured": self.measured and self.measured.as_json(),
            "agrees": self.agrees,
            "reason": self.reason,
        }
