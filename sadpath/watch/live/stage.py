"""What can be done on the live page, and the speaker's script: for a lab that can be controlled while it is loaded.

The page itself knows none of it. A `Stage` tells it, and does it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Action:
    """A button: its name for programs, its key, and the word on it."""

    name: str
    key: str
    label: str


@dataclass(frozen=True)
class Field:
    """A number that can be set while the load runs, from `low` to `high`."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    whole: bool = False

    def read(self, value: str) -> float:
        """Return the number. Raises `Refused` for anything else, and for one outside."""
        with contextlib.suppress(ValueError):
            number = float(value)
            if self.low <= number <= self.high and (number == int(number) or not self.whole):
                return number
        words = "a whole number from" if self.whole else "a number from"
        raise Refused(f"Set {words} {self.low:g} to {self.high:,.0f} {self.unit}.", self.name)


@dataclass(frozen=True)
class Choice:
    """One of several, by its name for programs: `options` are the names, each with what people read."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Act:
    """One step of the speaker's script: what the audience reads, what the speaker knows, and what is done.

    `does` is the name of an action, or of a panel of the page: `code`, `cause`, `chart`, or `ending`, for which the
    load is stopped by the action `stop`.
    """

    title: str
    words: str
    notes: str
    does: str = "chart"


@dataclass(frozen=True)
class Done:
    """What an action did: a few words for the chart, and the arms that it was done to."""

    words: str
    arms: Sequence[str]


class Refused(Exception):  # noqa: N818 - an answer to the person at the page
    """Nothing was done; the message is a sentence that says why, and `field` the field that it stands beside."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Stage(Protocol):
    """A lab behind the page. Every method may wait for the network, and none longer than a few seconds."""

    actions: Sequence[Action]
    fields: Sequence[Field]
    choices: Sequence[Choice]
    acts: Sequence[Act]

    def state(self) -> Mapping[str, Any]:
        """Return the value of each field and choice, and what the page shows of the actions. It does not wait.

        `labels` are words for buttons that change, `possible` is false for actions that would do nothing, and `about`
        is what is measured.
        """
        ...

    def do(self, name: str, value: str) -> Done:
        """Do one action, or set one field or choice. Raises `Refused`."""
        ...

    def code(self) -> Sequence[Mapping[str, Any]]:
        """Return the leaky and the fixed code: `variant`, `why`, `file` and `html` of each. Raises `Refused`."""
        ...

    def cause(self) -> Mapping[str, Any] | None:
        """Return what retains most, or None where nothing does. Raises `Refused`."""
        ...
