"""What happens in a check, as it happens. Each output is a handler of these events, and a new one is a handler more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sadpath.check.find import ErrorPath
from sadpath.check.result import Check
from sadpath.verdict.verdict import Verdict


@dataclass(frozen=True)
class Standing:
    """How far a check has come: error paths decided and in all, requests sent, seconds of the budget left."""

    decided: int
    paths: int
    requests: int
    seconds_left: float


@dataclass(frozen=True)
class RoundDone:
    """What is measured, a path or a group of them, has so many rounds, 0 as the first begins."""

    what: str
    rounds: int
    standing: Standing


@dataclass(frozen=True)
class DecidedPath:
    """No more rounds of this kind are needed for a path, or none can be measured."""

    path: ErrorPath
    distinct: bool
    verdict: Verdict


@dataclass(frozen=True)
class PathsDecided:
    """A path was decided, or all of a group at once. `name` says of what, and `check` is the result so far."""

    name: str
    paths: tuple[DecidedPath, ...]
    check: Check
    standing: Standing


@dataclass(frozen=True)
class Estimated:
    """How long it takes to decide all, in one line, if that is more than the budget."""

    line: str


@dataclass(frozen=True)
class Ended:
    """The check is over: all was measured, or it was cut short, for the reason that `check` has."""

    check: Check


Event = RoundDone | PathsDecided | Estimated | Ended


class Handler(Protocol):
    """Something that is done at events. It leaves those alone that it does not know."""

    def handle(self, event: Event) -> None:
        """Do it. Raises `CommandError` where that is not possible."""
        ...


def tell(handlers: Iterable[Handler], event: Event) -> None:
    """Tell each handler of an event, in their order, also where one of them fails."""
    do_all(partial(handler.handle, event) for handler in handlers)


def do_all(works: Iterable[Callable[[], object]]) -> None:
    """Do all, also after one has failed or a signal asked for the end; then raise the first that was raised."""
    failures: list[BaseException] = []
    for work in works:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 - it is raised below
            failures.append(failure)
    if failures:
        raise failures[0]
