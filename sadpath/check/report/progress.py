"""What a check shows while it runs: a live line in a terminal, a line for each decided path in a pipe."""

from __future__ import annotations

from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sadpath.check.measure.rounds import Look
from sadpath.check.measure.session import Measuring
from sadpath.check.report.console import COLOURS

SHOWN = 12
"""Paths of which the live display shows a line: those that were decided last."""


class Progress:
    """Shows what is measured, decided and left."""

    def __init__(self, console: Console, measuring: Measuring) -> None:
        self._console, self._measuring = console, measuring
        self._live = Live(console=console, transient=True, refresh_per_second=4) if console.is_terminal else None
        self._decided: list[Look] = []

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def update(self) -> None:
        """Show what came since the last call."""
        look = self._measuring.current
        if look is not None and look.is_decided and not any(look is one for one in self._decided):
            self._decided.append(look)
            if not self._live:
                self._console.print(_line(look), soft_wrap=True)
        if self._live:
            self._live.update(self._display())

    def _display(self) -> Group:
        schedule, look = self._measuring.schedule, self._measuring.current
        left = sum(not one.is_decided for one in schedule.looks)
        state = (
            f"{len(schedule.looks) - left} of {len(schedule.looks)} error paths decided, "
            f"{self._measuring.requests:,} requests, {schedule.seconds_left:.0f} s left"
        )
        now = f"measuring {look.path.name}, round {len(look.rounds)}" if look else "warming up"
        return Group(*(_line(one) for one in self._decided[-SHOWN:]), Text(f"{state}; {now}", "dim"))


def _line(look: Look) -> Text:
    verdict = look.verdict
    outcome = "inconclusive" if look.trouble else verdict.outcome
    others = ", other inputs each time" if look.distinct else ""
    return Text.assemble(
        (f"{outcome:<13}", COLOURS[outcome]), f"{look.path.name}{others}: {look.trouble or verdict.figures}"
    )
